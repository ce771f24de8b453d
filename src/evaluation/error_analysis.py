"""What became of each detection and each object: found, wrong class, poor place, missed, false alarm."""
from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

CORRECT = "correct"
WRONG_CLASS = "wrong class"
POOR_PLACE = "poor place"
MISSED = "missed"
DOUBLE = "double"
FALSE_ALARM = "false alarm"
DETECTION_KINDS = (CORRECT, WRONG_CLASS, POOR_PLACE, DOUBLE, FALSE_ALARM)
OBJECT_KINDS = (CORRECT, WRONG_CLASS, POOR_PLACE, MISSED)
# A detection is at the place of an object from this IoU on, and a poor attempt at it from the lower one on.
PLACE_IOU = 0.5
POOR_IOU = 0.1


@dataclass(frozen=True)
class ImageAnalysis:
    """One image: D detections, by descending score, and N objects.

    Attributes:
        image_id: as in the annotation file.
        boxes: (D, 4) float64 xmin, ymin, width, height, pixels.
        scores: (D,).
        labels: (D,) int64.
        kinds: D names of `DETECTION_KINDS`.
        objects: (D,) int64: index of the object that a detection was matched with; -1 for a double or false alarm.
        ious: (D,) with that object; 0 without.
        object_boxes: (N, 4), like `boxes`.
        object_areas: (N,) square pixels, as annotated.
        object_labels: (N,) int64.
        object_kinds: N names of `OBJECT_KINDS`.
    """

    image_id: int
    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    kinds: tuple
    objects: np.ndarray
    ious: np.ndarray
    object_boxes: np.ndarray
    object_areas: np.ndarray
    object_labels: np.ndarray
    object_kinds: tuple

    def count(self, kind):
        """Detections of that kind; for `MISSED`, objects."""
        return (self.object_kinds if kind == MISSED else self.kinds).count(kind)


def analyse(truth, detections, image_ids, min_score):
    """Compares detections with objects, image by image.

    Detections of a score of at least `min_score` choose their objects in order of descending score, each the free one
    with the highest IoU; in three rounds: of the same class with IoU 0.5 or more (correct), of any class (wrong class),
    of the same class with IoU 0.1 or more (poor place). What remains is a double where it covers an object that is
    taken (IoU 0.5 or more), is passed over where it lies in a crowd of its class, and is a false alarm otherwise.

    Args:
        truth: `Truth`.
        detections: `Detections`.
        image_ids: the images to look at.

    Returns:
        List of `ImageAnalysis` in the order of `image_ids`.
    """
    label_of = {category_id: label for label, category_id in truth.category_ids.items()}
    annotations = {image_id: [] for image_id in image_ids}
    for box in truth.boxes:
        if box["image_id"] in annotations:
            annotations[box["image_id"]].append(box)
    chosen = np.flatnonzero(detections.scores >= min_score)
    # By image, and within an image by descending score.
    chosen = chosen[np.lexsort((-detections.scores[chosen], detections.image_ids[chosen]))]
    ids = detections.image_ids[chosen]
    parts = {image_id: chosen[start:end] for image_id, start, end in zip(
        image_ids, np.searchsorted(ids, image_ids, "left"), np.searchsorted(ids, image_ids, "right"))}
    return [_analyse_image(image_id, detections.subset(parts[image_id]), annotations[image_id], label_of)
            for image_id in image_ids]


def _analyse_image(image_id, found, annotations, label_of):
    objects = [box for box in annotations if not box["iscrowd"]]
    crowds = [box for box in annotations if box["iscrowd"]]
    object_boxes, boxes = _boxes(objects), np.asarray(found.boxes, np.float64).reshape(-1, 4)
    object_labels = np.array([label_of[box["category_id"]] for box in objects], np.int64)
    labels = np.array([label_of[category_id] for category_id in found.category_ids.tolist()], np.int64)
    ious = _overlaps(boxes, object_boxes, is_crowd=False)
    same_class = labels[:, None] == object_labels
    in_crowd = _overlaps(boxes, _boxes(crowds), is_crowd=True) >= PLACE_IOU
    in_crowd &= labels[:, None] == np.array([label_of[box["category_id"]] for box in crowds], np.int64)

    kinds, object_kinds = [None] * len(boxes), [MISSED] * len(objects)
    partners, free = np.full(len(boxes), -1, np.int64), np.ones(len(objects), bool)
    rounds = ((CORRECT, PLACE_IOU, same_class), (WRONG_CLASS, PLACE_IOU, np.ones_like(same_class)),
              (POOR_PLACE, POOR_IOU, same_class))
    for kind, least_iou, allowed in rounds:
        for row in range(len(boxes)):
            if kinds[row] is not None or not free.any():
                continue
            candidates = np.where(free & allowed[row], ious[row], -1.0)
            best = int(candidates.argmax())
            if candidates[best] >= least_iou:
                kinds[row] = object_kinds[best] = kind
                partners[row], free[best] = best, False
    for row in range(len(boxes)):
        if kinds[row] is None and (ious[row] >= PLACE_IOU).any():
            kinds[row] = DOUBLE
        elif kinds[row] is None and not in_crowd[row].any():
            kinds[row] = FALSE_ALARM

    kept = np.array([kind is not None for kind in kinds], bool)
    return ImageAnalysis(
        image_id=image_id, boxes=boxes[kept], scores=found.scores[kept], labels=labels[kept],
        kinds=tuple(kind for kind in kinds if kind is not None), objects=partners[kept],
        ious=np.array([ious[row, partner] if partner >= 0 else 0.0 for row, partner in enumerate(partners)])[kept],
        object_boxes=object_boxes, object_areas=np.array([box["area"] for box in objects], np.float64),
        object_labels=object_labels, object_kinds=tuple(object_kinds),
    )


def _boxes(annotations):
    return np.array([box["bbox"] for box in annotations], np.float64).reshape(-1, 4)


def _overlaps(boxes, others, is_crowd):
    """(M, N) IoU by pycocotools; with `is_crowd`, the share of each of `boxes` that lies inside."""
    if not len(boxes) or not len(others):
        return np.zeros((len(boxes), len(others)))
    return coco_mask.iou(np.ascontiguousarray(boxes), np.ascontiguousarray(others), [int(is_crowd)] * len(others))


def confusion_matrix(analyses, num_classes):
    """How often an object of one class was detected as another.

    Returns:
        (C, C) int64: row the class of the object, column that of the detection. Row 0 counts detections at the place of
        no free object (poor place, double, false alarm), column 0 objects without a detection at their place.
    """
    matrix = np.zeros((num_classes, num_classes), np.int64)
    for image in analyses:
        for kind, label, partner in zip(image.kinds, image.labels, image.objects):
            at_its_place = kind in (CORRECT, WRONG_CLASS)
            matrix[image.object_labels[partner] if at_its_place else 0, label] += 1
        for kind, label in zip(image.object_kinds, image.object_labels):
            if kind in (POOR_PLACE, MISSED):
                matrix[label, 0] += 1
    return matrix


def count_objects(analyses, num_classes):
    """(C, 4) int64: objects of each class by `OBJECT_KINDS`."""
    found = ((image.object_labels, image.object_kinds) for image in analyses)
    return _count(found, num_classes, OBJECT_KINDS)


def count_detections(analyses, num_classes):
    """(C, 5) int64: detections of each class by `DETECTION_KINDS`."""
    found = ((image.labels, image.kinds) for image in analyses)
    return _count(found, num_classes, DETECTION_KINDS)


def _count(found, num_classes, kinds):
    """`(C, K)` int64 from labels and kinds of each image."""
    counts = np.zeros((num_classes, len(kinds)), np.int64)
    for labels, kinds_found in found:
        for label, kind in zip(labels, kinds_found):
            counts[label, kinds.index(kind)] += 1
    return counts


def count_by_size(analyses, edges):
    """Objects by size and by what became of them.

    Args:
        edges: S + 1 ascending numbers, the borders of the size classes: square roots of the annotated areas, pixels.

    Returns:
        (S, 4) int64, columns as `OBJECT_KINDS`.
    """
    counts = np.zeros((len(edges) - 1, len(OBJECT_KINDS)), np.int64)
    for image in analyses:
        rows = np.searchsorted(edges, np.sqrt(np.maximum(image.object_areas, 0)), "right") - 1
        for row, kind in zip(rows, image.object_kinds):
            if 0 <= row < len(counts):
                counts[row, OBJECT_KINDS.index(kind)] += 1
    return counts
