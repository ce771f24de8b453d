"""How well default boxes fit the boxes of a dataset, and which ones would fit better."""
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from src.boxes.anchors import build_anchors, grid_anchors, multibox_shapes, place_shapes, sized_shapes
from src.boxes.box_ops import pairwise_iou, to_tlbr
from src.config import Config

# Boxes that are compared, and boxes that other default boxes are tried on: enough for a share in percent.
MOST_BOXES, TRIED_BOXES = 20000, 1000
# Elements of one table of overlaps, which bounds its memory.
MOST_ELEMENTS = 4_000_000
GOOD_IOU = 0.5
# Other default boxes are suggested if at least this share of the boxes fits them only; smaller differences than the
# second number do not count.
WORTH_A_CHANGE = 0.03
SAME_SHARE = 0.005
MIN_SCALES = (0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35)
MAX_SCALES = (0.95, 0.9, 0.8, 0.7, 0.6, 0.5)
GRID_BASE_SIZES = (6, 5, 3.5, 3, 2.5, 2, 1.5)
SIZE_FACTORS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.1, 1.25, 1.5)


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
    variants: list[tuple[str, Callable[[], np.ndarray]]] = []
    if config.use_anchor_generator:
        for size in GRID_BASE_SIZES:
            make = functools.partial(grid_anchors, config.img_shape, config.steps, size)
            variants.append((f"--anchor_scale={size:g}", make))
    elif config.anchor_sizes:
        for factor in SIZE_FACTORS:
            sizes = tuple(round(size * factor, 1) for size in config.anchor_sizes)
            shapes = sized_shapes(config.img_shape, sizes, config.aspect_ratios, config.anchors_within_image)
            flag = f"--anchor_sizes={','.join(f'{size:g}' for size in sizes)}"
            variants.append((flag, _placed(config, shapes)))
    else:
        for high, low in itertools.product(MAX_SCALES, MIN_SCALES):
            shapes = multibox_shapes(low, high, config.aspect_ratios)
            variants.append((f"--min_scale={low:g} --max_scale={high:g}", _placed(config, shapes)))
    return AnchorFamily(build_anchors(config), variants)


def _placed(config: Config, shapes: Sequence[Sequence[tuple[float, float]]]) -> Callable[[], np.ndarray]:
    return functools.partial(place_shapes, config.img_shape, config.feature_size, config.steps, shapes)
