"""How well default boxes fit the boxes of a dataset."""
import numpy as np

from src.boxes.box_ops import pairwise_iou, to_tlbr

# Elements of one table of overlaps, which bounds its memory.
MOST_ELEMENTS = 4_000_000
GOOD_IOU = 0.5
# Shares of boxes that differ by less count as equal.
SAME_SHARE = 0.005


def sample_boxes(boxes: np.ndarray, most: int, seed: int) -> np.ndarray:
    """At most so many of the boxes `(N, 4)`, chosen at random."""
    if len(boxes) <= most:
        return boxes
    return boxes[np.random.default_rng(seed).choice(len(boxes), most, replace=False)]


def best_overlaps(boxes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """The IoU `(N,)` of boxes `(N, 4)` (ymin xmin ymax xmax) each with its best of the anchors `(A, 4)` (cy cx h w)."""
    corners = np.asfortranarray(to_tlbr(anchors).astype(np.float32))
    boxes = boxes.astype(np.float32)
    step = max(1, MOST_ELEMENTS // len(corners))
    parts = [pairwise_iou(boxes[start : start + step], corners).max(axis=1) for start in range(0, len(boxes), step)]
    return np.concatenate([np.zeros(0, np.float32), *parts])


def share_below(overlaps: np.ndarray) -> float:
    """The share of the overlaps `(N,)` that is below 0.5."""
    return float((overlaps < GOOD_IOU).mean()) if len(overlaps) else 0.0
