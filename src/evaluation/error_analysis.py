"""What became of each detection and each object, by the error types of TIDE.

D. Bolya, S. Foley, J. Hays, J. Hoffman: TIDE: A General Toolbox for Identifying Object Detection Errors, ECCV 2020
(https://arxiv.org/abs/2008.08115). The names and the two thresholds of the IoU are those of the paper. What differs:

- An object belongs to one detection at most, also to a wrong one; in TIDE several errors may refer to the same object.
- There is no type "both" (classification and localisation): such a detection is a background error.
- A duplicate covers an object that is taken, of whatever class; in TIDE it is of the same class.
- Errors are counted above one confidence threshold, and not weighted by the AP that they cost.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

from src.evaluation.ground_truth import Annotation, GroundTruth
from src.evaluation.results import DetectionTable

CORRECT = "correct"
CLASSIFICATION = "classification error"
LOCALISATION = "localisation error"
MISSED = "missed"
DUPLICATE = "duplicate"
BACKGROUND = "background error"
DETECTION_KINDS = (CORRECT, CLASSIFICATION, LOCALISATION, DUPLICATE, BACKGROUND)
OBJECT_KINDS = (CORRECT, CLASSIFICATION, LOCALISATION, MISSED)
# Of detections that no object belongs to: the last of `DETECTION_KINDS`.
KINDS_WITHOUT_OBJECT = DETECTION_KINDS[3:]
# A detection is at the place of an object from the first IoU on, and near it from the second on.
FOREGROUND_IOU, BACKGROUND_IOU = 0.5, 0.1


@dataclass(frozen=True)
class ImageAnalysis:
    """One image: D detections, by descending score, and N objects.

    Attributes:
        image_id: as in the annotation file.
        boxes: (D, 4) float64 xmin, ymin, width, height, pixels.
        scores: (D,).
        labels: (D,) int64.
        kinds: D names of `DETECTION_KINDS`.
        objects: (D,) int64: index of the object that a detection was matched with; -1 for `KINDS_WITHOUT_OBJECT`.
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
    kinds: tuple[str, ...]
    objects: np.ndarray
    ious: np.ndarray
    object_boxes: np.ndarray
    object_areas: np.ndarray
    object_labels: np.ndarray
    object_kinds: tuple[str, ...]

    def count(self, kind: str) -> int:
        """Detections of that kind; for `MISSED`, objects."""
        return (self.object_kinds if kind == MISSED else self.kinds).count(kind)


def analyse(
    ground_truth: GroundTruth, detections: DetectionTable, image_ids: Sequence[int], min_score: float
) -> list[ImageAnalysis]:
    """Compares detections with objects, image by image.

    Detections of a score of at least `min_score` choose their objects in order of descending score, each the free one
    with the highest IoU; in three rounds: of the same class with IoU 0.5 or more (correct), of any class
    (classification error), of the same class with IoU 0.1 or more (localisation error). What remains is a duplicate
    where it covers an object that is taken (IoU 0.5 or more), is left out where it lies in a crowd of its class, and
    is a background error otherwise.

    Returns:
        The analysis of each image, in the order of `image_ids`.
    """
    label_of = {category_id: label for label, category_id in ground_truth.category_ids.items()}
    annotations: dict[int, list[Annotation]] = {image_id: [] for image_id in image_ids}
    for box in ground_truth.boxes:
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


def _analyse_image(
    image_id: int, found: DetectionTable, annotations: Sequence[Annotation], label_of: dict[int, int]
) -> ImageAnalysis:
    objects = [box for box in annotations if not box["iscrowd"]]
    crowds = [box for box in annotations if box["iscrowd"]]
    object_boxes, boxes = _boxes(objects), np.asarray(found.boxes, np.float64).reshape(-1, 4)
    object_labels = np.array([label_of[box["category_id"]] for box in objects], np.int64)
    labels = np.array([label_of[category_id] for category_id in found.category_ids.tolist()], np.int64)
    ious = _overlaps(boxes, object_boxes, is_crowd=False)
    same_class = labels[:, None] == object_labels
    in_crowd = _overlaps(boxes, _boxes(crowds), is_crowd=True) >= FOREGROUND_IOU
    in_crowd &= labels[:, None] == np.array([label_of[box["category_id"]] for box in crowds], np.int64)

    kinds: list[str | None] = [None] * len(boxes)
    object_kinds = [MISSED] * len(objects)
    partners, free = np.full(len(boxes), -1, np.int64), np.ones(len(objects), bool)
    rounds = ((CORRECT, FOREGROUND_IOU, same_class), (CLASSIFICATION, FOREGROUND_IOU, np.ones_like(same_class)),
              (LOCALISATION, BACKGROUND_IOU, same_class))
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
        if kinds[row] is None and (ious[row] >= FOREGROUND_IOU).any():
            kinds[row] = DUPLICATE
        elif kinds[row] is None and not in_crowd[row].any():
            kinds[row] = BACKGROUND

    kept = np.array([kind is not None for kind in kinds], bool)
    return ImageAnalysis(
        image_id=image_id, boxes=boxes[kept], scores=found.scores[kept], labels=labels[kept],
        kinds=tuple(kind for kind in kinds if kind is not None), objects=partners[kept],
        ious=np.array([ious[row, partner] if partner >= 0 else 0.0 for row, partner in enumerate(partners)])[kept],
        object_boxes=object_boxes, object_areas=np.array([box["area"] for box in objects], np.float64),
        object_labels=object_labels, object_kinds=tuple(object_kinds),
    )


def _boxes(annotations: Iterable[Annotation]) -> np.ndarray:
    return np.array([box["bbox"] for box in annotations], np.float64).reshape(-1, 4)


def _overlaps(boxes: np.ndarray, others: np.ndarray, is_crowd: bool) -> np.ndarray:
    """(M, N) IoU by pycocotools; with `is_crowd`, the share of each of `boxes` that lies inside."""
    if not len(boxes) or not len(others):
        return np.zeros((len(boxes), len(others)))
    return coco_mask.iou(np.ascontiguousarray(boxes), np.ascontiguousarray(others), [int(is_crowd)] * len(others))


def confusion_matrix(analyses: Iterable[ImageAnalysis], num_classes: int) -> np.ndarray:
    """How often an object of one class was detected as another.

    Returns:
        (C, C) int64: row the class of the object, column that of the detection. Row 0 counts detections at the place of
        no free object (all errors but classification), column 0 objects without a detection at their place.
    """
    matrix = np.zeros((num_classes, num_classes), np.int64)
    for image in analyses:
        for kind, label, partner in zip(image.kinds, image.labels, image.objects):
            at_its_place = kind in (CORRECT, CLASSIFICATION)
            matrix[image.object_labels[partner] if at_its_place else 0, label] += 1
        for kind, label in zip(image.object_kinds, image.object_labels):
            if kind in (LOCALISATION, MISSED):
                matrix[label, 0] += 1
    return matrix


def count_objects(analyses: Iterable[ImageAnalysis], num_classes: int) -> np.ndarray:
    """(C, 4) int64: objects of each class by `OBJECT_KINDS`."""
    found = ((image.object_labels, image.object_kinds) for image in analyses)
    return _count(found, num_classes, OBJECT_KINDS)


def count_detections(analyses: Iterable[ImageAnalysis], num_classes: int) -> np.ndarray:
    """(C, 5) int64: detections of each class by `DETECTION_KINDS`."""
    found = ((image.labels, image.kinds) for image in analyses)
    return _count(found, num_classes, DETECTION_KINDS)


def _count(
    found: Iterable[tuple[np.ndarray, Sequence[str]]], num_classes: int, kinds: Sequence[str]
) -> np.ndarray:
    """`(C, K)` int64 from labels and kinds of each image."""
    counts = np.zeros((num_classes, len(kinds)), np.int64)
    for labels, kinds_found in found:
        for label, kind in zip(labels, kinds_found):
            counts[label, kinds.index(kind)] += 1
    return counts


def count_by_size(analyses: Iterable[ImageAnalysis], edges: Sequence[float]) -> np.ndarray:
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
