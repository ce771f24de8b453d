"""The COCO metrics of one category, as pycocotools computes them, on arrays instead of image by image."""
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pycocotools.cocoeval import Params

from src.evaluation.ground_truth import Annotation
from src.evaluation.results import DetectionTable
from src.evaluation.thresholds import Outcomes

_PARAMS = Params(iouType="bbox")
IOU_THRESHOLDS = np.minimum(_PARAMS.iouThrs, 1 - 1e-10)  # (10,)
AREAS = np.array(_PARAMS.areaRng)  # (4, 2)
MAX_DETECTIONS = tuple(_PARAMS.maxDets)
# Pairs of a detection and a box whose overlap is computed at once.
_MAX_PAIRS = 1 << 20


class CategoryResult(NamedTuple):
    """The numbers of one category; -1 where there is no ground truth.

    Attributes:
        precision: (10, 101, 4, 3) by IoU, recall, area and number of detections.
        recall: (10, 4, 3).
        outcomes: of the detections, at IoU 0.5 and of any area.
    """

    precision: np.ndarray
    recall: np.ndarray
    outcomes: Outcomes


def evaluate_category(ground_truth: Sequence[Annotation], detections: DetectionTable) -> CategoryResult:
    """Precision and recall of one category.

    They are those of `COCOeval.evaluate` and `COCOeval.accumulate` to the last digit.

    Args:
        ground_truth: COCO annotations of the category, see `GroundTruth.boxes`.
        detections: those of the category.
    """
    precision, recall = np.full((10, 101, 4, 3), -1.0), np.full((10, 4, 3), -1.0)
    crowd = np.array([bool(box["iscrowd"]) for box in ground_truth], bool)
    object_boxes = np.array([box["bbox"] for box in ground_truth], np.float64).reshape(-1, 4)
    ignored = crowd[:, None] | _outside(np.array([box["area"] for box in ground_truth], np.float64))  # (G, 4)

    # By image, in each by descending score, no more than count.
    order = np.lexsort((-detections.scores.astype(np.float64), detections.image_ids))
    ranks = _ranks(detections.image_ids[order])
    order, ranks = order[ranks < MAX_DETECTIONS[-1]], ranks[ranks < MAX_DETECTIONS[-1]]
    boxes, scores = detections.boxes[order].astype(np.float64), detections.scores[order].astype(np.float64)

    pairs = _overlapping(boxes, detections.image_ids[order], object_boxes,
                         np.array([box["image_id"] for box in ground_truth], np.int64), crowd)
    matched, unjudged = _match(*pairs, ranks, ignored, crowd)  # (D, 4, 10) each
    unjudged |= ~matched & _outside(boxes[:, 2] * boxes[:, 3])[:, :, None]

    num_objects = np.count_nonzero(~ignored, axis=0)  # (4,)
    by_score = np.argsort(-scores, kind="stable")
    for limit_index, limit in enumerate(MAX_DETECTIONS):
        chosen = by_score[ranks[by_score] < limit]
        for area in num_objects.nonzero()[0]:
            precision[:, :, area, limit_index], recall[:, area, limit_index] = _curves(
                matched[chosen, area], ~unjudged[chosen, area], num_objects[area])
    judged = by_score[~unjudged[by_score, 0, 0]]
    return CategoryResult(precision, recall, Outcomes(scores[judged], matched[judged, 0, 0], int(num_objects[0])))


def _outside(areas: np.ndarray) -> np.ndarray:
    """(N,) areas in pixels -> (N, 4) bool: outside of each of `AREAS`."""
    return (areas[:, None] < AREAS[:, 0]) | (areas[:, None] > AREAS[:, 1])


def _ranks(groups: np.ndarray) -> np.ndarray:
    """(N,) numbers, equal ones side by side -> (N,) place of each within its group: 0, 1, ..."""
    index = np.arange(len(groups))
    begins = np.ones(len(groups), bool)
    begins[1:] = groups[1:] != groups[:-1]
    return index - np.maximum.accumulate(np.where(begins, index, 0))


def _overlapping(
    boxes: np.ndarray, image_ids: np.ndarray, object_boxes: np.ndarray, object_image_ids: np.ndarray, crowd: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of a detection and a box of the same image that overlap enough for the lowest threshold.

    Args:
        boxes, object_boxes: (D, 4) and (G, 4) x, y, width, height, pixels.
        image_ids, object_image_ids: (D,) ascending, and (G,).
        crowd: (G,) bool; the overlap with a crowd is the share of the detection that lies inside.

    Returns:
        Index of the detection, index of the box, overlap: (P,) each. For each detection the best overlap comes first,
        and of equal ones the last box, for that is the order in which pycocotools prefers them.
    """
    order = np.argsort(object_image_ids, kind="stable")
    first = np.searchsorted(object_image_ids[order], image_ids, side="left")
    counts = np.searchsorted(object_image_ids[order], image_ids, side="right") - first
    ends = np.cumsum(counts)
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    start = 0
    while start < len(counts):
        # At least one detection, and no more than `_MAX_PAIRS` pairs.
        stop = max(start + 1, int(np.searchsorted(ends, (ends[start] - counts[start]) + _MAX_PAIRS, side="right")))
        detection = np.repeat(np.arange(start, stop), counts[start:stop])
        box = order[first[detection] + _ranks(detection)]
        overlap = _overlap(boxes[detection], object_boxes[box], crowd[box])
        enough = overlap >= IOU_THRESHOLDS[0]
        found.append((detection[enough], box[enough], overlap[enough]))
        start = stop
    detection, box, overlap = (np.concatenate(column) for column in zip(*found))
    preference = np.lexsort((-box, -overlap, detection))
    return detection[preference], box[preference], overlap[preference]


def _overlap(boxes: np.ndarray, others: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """(P, 4) and (P, 4) x, y, width, height -> (P,) IoU; with a crowd, the share of the first box."""
    low, high = np.maximum(boxes[:, :2], others[:, :2]), np.minimum(*((box[:, :2] + box[:, 2:])
                                                                     for box in (boxes, others)))
    width, height = np.maximum(high - low, 0).T
    area, other_area = (box[:, 2] * box[:, 3] for box in (boxes, others))
    intersection = width * height
    union = np.where(crowd, area, area + other_area - intersection)
    return np.divide(intersection, union, out=np.zeros_like(union), where=intersection > 0)


def _match(
    detection: np.ndarray, box: np.ndarray, overlap: np.ndarray, ranks: np.ndarray, ignored: np.ndarray,
    crowd: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Gives each detection its box, in order of the scores, the same box to no second one unless it is a crowd.

    A box that counts is preferred to an ignored one, then the larger overlap decides.

    Args:
        detection, box, overlap: (P,), see `_overlapping`.
        ranks: (D,) place of each detection in its image, by score.
        ignored: (G, 4) bool: boxes that do not count, for each area. crowd: (G,) bool.

    Returns:
        matched (D, 4, 10) bool; (D, 4, 10) bool, matched with an ignored box.
    """
    shape = len(AREAS), len(IOU_THRESHOLDS)
    matched, to_ignored = np.zeros((2, len(ranks), *shape), bool)
    taken = np.zeros((len(ignored), *shape), bool)
    place = _ranks(detection)
    by_rank = np.argsort(ranks[detection], kind="stable")  # stable: the pairs of a detection stay side by side
    ends = np.cumsum(np.bincount(ranks[detection], minlength=1))
    for pairs in np.split(by_rank, ends[:-1]):
        if len(pairs) == 0:
            continue
        # At most one detection of each image: they do not compete.
        begins = place[pairs] == 0
        row = np.cumsum(begins) - 1  # which of the R detections
        candidate = np.full((begins.sum(), place[pairs].max() + 1), -1)
        candidate[row, place[pairs]] = pairs
        real = candidate >= 0  # (R, K)
        boxes = box[candidate]
        free = ((~taken[boxes] | crowd[boxes, None, None]) & real[:, :, None, None]
                & (overlap[candidate, None] >= IOU_THRESHOLDS)[:, :, None, :])  # (R, K, 4, 10)
        counts = free & ~ignored[boxes][:, :, :, None]
        any_counts, any_free = counts.any(axis=1), free.any(axis=1)  # (R, 4, 10)
        best = np.where(any_counts, counts.argmax(axis=1), free.argmax(axis=1))
        found, area, threshold = any_free.nonzero()
        taken[boxes[found, best[found, area, threshold]], area, threshold] = True
        of_row = detection[pairs[begins]]
        matched[of_row] = any_free
        to_ignored[of_row] = any_free & ~any_counts
    return matched, to_ignored


def _curves(
    matched: np.ndarray, judged: np.ndarray, num_objects: int
) -> tuple[np.ndarray | float, np.ndarray | float]:
    """Precision by recall.

    Args:
        matched, judged: (D, 10) bool, by descending score; those that are not judged count neither as true nor as false
            positives.
        num_objects: number of ground truth boxes.

    Returns:
        precision (10, 101), final recall (10,).
    """
    if len(matched) == 0:
        return 0.0, 0.0
    true = np.cumsum(matched & judged, axis=0, dtype=np.float64)
    false = np.cumsum(~matched & judged, axis=0, dtype=np.float64)
    recall = true / num_objects
    precision = np.zeros((len(true) + 1, true.shape[1]))  # the last row: a recall that is never reached
    precision[:-1] = true / (false + true + np.spacing(1))
    precision[:-1] = np.maximum.accumulate(precision[-2::-1])[::-1]
    index = np.stack([np.searchsorted(column, _PARAMS.recThrs, side="left") for column in recall.T])  # (10, 101)
    return precision[index, np.arange(len(index))[:, None]], recall[-1]
