"""How well default boxes fit the boxes of a dataset, and which ones would fit better."""
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from src.boxes.box_ops import pairwise_iou, to_tlbr
from src.boxes.default_boxes import build_default_boxes
from src.config import Config

# Boxes that are compared, and boxes that other default boxes are tried on: enough for a share in percent.
MOST_BOXES, TRIED_BOXES = 20000, 1000
# Elements of one table of overlaps, which bounds its memory.
MOST_ELEMENTS = 4_000_000
GOOD_IOU = 0.5
# Other default boxes are suggested if they lower the share of badly fitting boxes by at least this.
WORTH_A_CHANGE = 0.03
# Shares that differ by less count as equal.
SAME_SHARE = 0.005


class Suggestion(NamedTuple):
    """Other default boxes: flags of the command line that choose them, and the share of boxes that fits them badly."""

    flags: str
    share: float


class AnchorFamily(NamedTuple):
    """The default boxes of a configuration, and others of the same number.

    Attributes:
        anchors: `(A, 4)` cy, cx, h, w in [0, 1].
        variants: flags of the command line, and a function that makes the anchors that they choose.
    """

    anchors: np.ndarray
    variants: list[tuple[str, Callable[[], np.ndarray]]]


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


def suggest_anchors(family: AnchorFamily, boxes: np.ndarray, seed: int) -> Suggestion | None:
    """The variant that the fewest boxes `(N, 4)` fit badly, or None where none is much better than what there is."""
    boxes = sample_boxes(boxes, TRIED_BOXES, seed)
    if not len(boxes) or not family.variants:
        return None
    share = share_below(best_overlaps(boxes, family.anchors))
    if share < WORTH_A_CHANGE:
        return None
    tried = [Suggestion(flags, share_below(best_overlaps(boxes, make()))) for flags, make in family.variants]
    least = min(one.share for one in tried)
    # The first of about equally good ones: crops of the augmentation make boxes larger, so large ones shall stay.
    best = next(one for one in tried if one.share <= least + SAME_SHARE)
    return best if best.share <= share - WORTH_A_CHANGE else None


def build_anchor_family(config: Config) -> AnchorFamily:
    """The `AnchorFamily` of the configuration."""
    default_boxes = build_default_boxes(config)
    return AnchorFamily(default_boxes.anchors(), [(flags, other.anchors) for flags, other in default_boxes.variants()])
