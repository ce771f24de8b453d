"""Non-maximum suppression, and the choice of the detections of one image."""
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from src.boxes.box_ops import tlbr_to_xywh

# Of one image: boxes (D, 4) float32 xmin, ymin, width, height in pixels, scores (D,), labels (D,).
ImageDetections = tuple[np.ndarray, np.ndarray, np.ndarray]
# Pairs of candidates that are compared at once. Larger blocks mean fewer calls, but more comparisons with candidates
# that are removed anyway or lie behind the last box that is wanted.
_BLOCK_PAIRS = 1 << 15
# Of up to so many candidates of an image, all are compared; of more, the best ones first.
_FEW_CANDIDATES = 4096
# More than that, as from an untrained network, take long even to sort.
_MANY_CANDIDATES = 1 << 18


@dataclass(frozen=True)
class NMSConfig:
    """Limits of `select_detections`.

    Attributes:
        min_score: confidence threshold; candidates have a score above it.
        nms_threshold: largest intersection over union that two detections of a class may have.
        max_boxes: at most so many detections of each class.
    """

    min_score: float = 0.1
    nms_threshold: float = 0.6
    max_boxes: int = 100


class _NMSKeys(Protocol):
    """The keys of the configuration that `build_nms_config` reads."""

    @property
    def min_score(self) -> float: ...

    @property
    def nms_threshold(self) -> float: ...

    @property
    def max_boxes(self) -> int: ...


def build_nms_config(config: _NMSKeys) -> NMSConfig:
    """The `NMSConfig` of the configuration."""
    return NMSConfig(config.min_score, config.nms_threshold, config.max_boxes)


def pairwise_pixel_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of each pair of boxes, in the pixel convention of the reference.

    Both ends of a box belong to it, so widths and heights count one pixel more than the difference of the coordinates
    (R. Girshick's Fast R-CNN). The result is not a number where the union is empty.

    Args:
        boxes: (..., M, 4) ymin, xmin, ymax, xmax, pixels.
        others: (..., N, 4), likewise.

    Returns:
        (..., M, N), in the floating-point type of the arguments.
    """
    columns = _columns(boxes)
    ymin, xmin, ymax, xmax, area = columns[..., :, None]
    columns = columns if others is boxes else _columns(others)
    other_ymin, other_xmin, other_ymax, other_xmax, other_area = columns[..., None, :]
    height = np.minimum(ymax, other_ymax)
    height -= np.maximum(ymin, other_ymin)
    height += 1
    np.maximum(height, 0, out=height)
    width = np.minimum(xmax, other_xmax)
    width -= np.maximum(xmin, other_xmin)
    width += 1
    np.maximum(width, 0, out=width)
    intersection = np.multiply(height, width, out=height)
    union = np.add(area, other_area, out=width)
    union -= intersection
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(intersection, union, out=union)


def _columns(boxes: np.ndarray) -> np.ndarray:
    """(..., 4) -> (5, ...): the coordinates and the areas of the boxes, each side by side in memory."""
    columns = np.empty((5, *boxes.shape[:-1]), boxes.dtype)
    for number in range(4):
        columns[number] = boxes[..., number]
    ymin, xmin, ymax, xmax, area = columns
    np.multiply(ymax - ymin + 1, xmax - xmin + 1, out=area)
    return columns


def apply_nms(boxes: ArrayLike, scores: ArrayLike, threshold: float, max_boxes: int) -> np.ndarray:
    """Greedy non-maximum suppression: which boxes to keep.

    The box with the highest score is kept and all boxes that overlap it by more than `threshold` are dropped, then the
    same with what is left, until `max_boxes` are kept. Boxes with equal scores come in the order of `by_score`. Apart
    from that, what is kept above some score does not depend on the boxes below it.

    Args:
        boxes: (N, 4) ymin, xmin, ymax, xmax, pixels (see `pairwise_pixel_iou` for what a pixel more or less means).
        scores: (N,).
        threshold: largest intersection over union that two kept boxes may have.
        max_boxes: at most so many are kept.

    Returns:
        (K,) int64 indexes of the kept boxes, in order of descending score.
    """
    boxes = _as_floating(boxes).reshape(-1, 4)
    order = by_score(np.asarray(scores).reshape(-1))
    return order[_nms_of_groups(boxes[order], np.array([len(order)]), float(threshold), max_boxes)]


def by_score(scores: np.ndarray) -> np.ndarray:
    """Indexes of the scores (N,) of the candidates of a class, in descending order.

    Equal scores come as NumPy's default sort leaves them, backwards: the Model Zoo's order, so that its numbers come
    out for networks that give many equal scores. For a version of NumPy on a machine it is always the same.
    """
    return scores.argsort()[::-1]


def _as_floating(array: ArrayLike) -> np.ndarray:
    array = np.asarray(array)
    return array if np.issubdtype(array.dtype, np.floating) else array.astype(np.float64)


def _nms_of_groups(boxes: np.ndarray, sizes: np.ndarray, threshold: float, max_boxes: int) -> np.ndarray:
    """Greedy NMS within several groups of boxes, in all of them at once.

    Args:
        boxes: (P, 4), group after group, the boxes of a group in order of descending score.
        sizes: (G,) number of boxes of each group.
        threshold, max_boxes: see `apply_nms`; at most `max_boxes` of each group are kept.

    Returns:
        (K,) indexes of the kept boxes, ascending.
    """
    kept = np.zeros(len(boxes), bool)
    starts = np.cumsum(sizes) - sizes
    num_kept = np.zeros(len(sizes), np.int64)
    # The kept boxes of each group; only the first `num_kept` of a row mean anything.
    kept_boxes = np.zeros((len(sizes), min(max_boxes, sizes.max(initial=0)), 4), boxes.dtype)
    decided = 0  # boxes of each group
    groups = np.flatnonzero(sizes > 0) if max_boxes > 0 else np.zeros(0, np.int64)
    while len(groups):
        left = sizes[groups] - decided  # (G',)
        most = left.max()
        ranks = np.arange(min(most, max(8, math.isqrt(_BLOCK_PAIRS // len(groups)))))
        free = ranks < left[:, None]  # (G', W)
        index = np.minimum(starts[groups, None] + decided + ranks, len(boxes) - 1)
        block = boxes[index]  # (G', W, 4)
        if decided:
            filled = np.arange(num_kept[groups].max()) < num_kept[groups, None]
            covered = ~(pairwise_pixel_iou(kept_boxes[groups, : filled.shape[1]], block) <= threshold)
            free &= ~(covered & filled[:, :, None]).any(axis=1)
        new = _nms_of_block(block, free, threshold)
        slots = num_kept[groups, None] + new.cumsum(axis=1) - 1
        new &= slots < max_boxes
        kept[index[new]] = True
        decided += len(ranks)
        if len(ranks) == most:
            break
        rows = new.nonzero()[0]
        kept_boxes[groups[rows], slots[new]] = block[new]
        num_kept[groups] += np.count_nonzero(new, axis=1)
        groups = groups[(left > len(ranks)) & (num_kept[groups] < max_boxes)]
    return np.flatnonzero(kept)


def _nms_of_block(boxes: np.ndarray, free: np.ndarray, threshold: float) -> np.ndarray:
    """Which boxes (G, W, 4) greedy NMS keeps, each row for itself, of those that are `free` (G, W): bool."""
    suppresses = ~(pairwise_pixel_iou(boxes, boxes) <= threshold)
    suppresses &= ~np.tri(boxes.shape[1], dtype=bool)  # only boxes further back
    kept = free
    while True:
        # Round n settles at least the first n boxes of each row, in practice nearly all within a few rounds.
        settled = free > (suppresses & kept[:, :, None]).any(axis=1)
        if (settled == kept).all():
            return kept
        kept = settled


def select_detections(boxes: ArrayLike, scores: ArrayLike, image_shape: ArrayLike, nms: NMSConfig,
                      max_detections: int | None = None, always_above: float | None = None, stable: bool = False
                      ) -> ImageDetections:
    """The detections of one image, from all that the network says about its anchors.

    A box counts as a candidate of each class whose score is above `nms.min_score`; the candidates of each class undergo
    `apply_nms` on their own. With `max_detections`, only the best of all classes together are kept.

    Args:
        boxes: (A, 4) ymin, xmin, ymax, xmax in [0, 1].
        scores: (A, C), column 0 is the background.
        image_shape: (2,) height and width of the image, pixels.
        nms: `NMSConfig`.
        max_detections: at most so many detections of the image; None for no limit.
        always_above: detections with a score above it are kept beyond `max_detections`; None for no such exception.
        stable: equal scores come in the order of the anchors, as from the NMS operator of ONNX; else as `by_score`.

    Returns:
        boxes (D, 4) float32 xmin, ymin, width, height in pixels; scores (D,) float32; labels (D,) int64. In order of
        the labels, and of descending score within a label.
    """
    boxes = np.asarray(boxes, np.float32)
    scores = np.asarray(scores, np.float32)
    height, width = (float(size) for size in np.asarray(image_shape).reshape(2))
    pixels = np.array([height, width, height, width], np.float32)
    # Python numbers are compared with float32 scores as float32, here and wherever scores meet a threshold.
    above = scores > float(nms.min_score)
    above[:, 0] = False
    always = np.inf if always_above is None else float(always_above)

    def run_nms(anchors: np.ndarray, labels: np.ndarray, values: np.ndarray) -> ImageDetections:
        order = np.argsort(-values, kind="stable")
        order = order[np.argsort(labels[order].astype(np.uint16), kind="stable")]  # 16 bits: a radix sort
        anchors, labels, values = anchors[order], labels[order], values[order]
        if not stable:
            _order_ties(anchors, labels, values, scores, above, always)
        return _nms_of_classes(boxes[anchors] * pixels, labels, values, float(nms.nms_threshold), nms.max_boxes)

    anchors, labels, values = _candidates(scores, above)
    if len(values) > _MANY_CANDIDATES:
        found = _select_from_many(scores, above, run_nms, nms.max_boxes)
        return keep_best(found, max_detections, always_above)
    # What is kept above some score does not depend on candidates below it. So the best candidates go first, and the
    # others are looked at only if these do not give `max_detections`.
    most = len(values) if max_detections is None else max_detections
    enough = max(_FEW_CANDIDATES, 8 * most)
    while len(values) > 2 * enough:
        limit = np.partition(values, len(values) - enough)[len(values) - enough]
        likely = (values >= limit) | (values > always)
        found = run_nms(anchors[likely], labels[likely], values[likely])
        if len(found[1]) >= most:
            return keep_best(found, max_detections, always_above)
        enough *= 8
    return keep_best(run_nms(anchors, labels, values), max_detections, always_above)


def _candidates(scores: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(A, C) scores and bool -> anchors, labels, and scores, each (P,), in order of the anchors."""
    anchors, labels = np.divmod(np.flatnonzero(chosen), scores.shape[1])
    return anchors, labels, scores[anchors, labels]


def _select_from_many(scores: np.ndarray, above: np.ndarray, run_nms: Callable[..., ImageDetections],
                      max_boxes: int) -> ImageDetections:
    """`run_nms` for the candidates `above` (A, C), beginning with the best of each class, which are mostly enough."""
    first = max(len(scores) - 8 * max(max_boxes, 1), 0)
    best = above & (scores >= np.partition(scores, first, axis=0)[first])
    found = run_nms(*_candidates(scores, best))
    incomplete = np.bincount(found[2], minlength=scores.shape[1]) < max_boxes
    if (above & ~best)[:, incomplete].any():
        found = run_nms(*_candidates(scores, best | (above & incomplete)))
    return found


def _order_ties(anchors: np.ndarray, labels: np.ndarray, values: np.ndarray, scores: np.ndarray, above: np.ndarray,
                always: float) -> None:
    """Puts candidates with equal scores into the order of `by_score`, in place.

    That order depends on all candidates of a class, so only classes with equal scores are sorted once more. Those above
    `always` come as if there were no others.

    Args:
        anchors, labels, values: (P,) of some candidates, by label and descending score.
        scores: (A, C).
        above: (A, C) all candidates.
        always: a score.
    """
    tied = (values[1:] == values[:-1]) & (labels[1:] == labels[:-1])
    for label in np.unique(labels[1:][tied]):
        start, end = np.searchsorted(labels, [label, label + 1])
        of_class = scores[:, label]
        parts = (np.flatnonzero(above[:, label] & side) for side in (of_class > always, of_class <= always))
        order = np.concatenate([part[by_score(of_class[part])] for part in parts])
        ranks = np.empty(len(scores), np.int64)
        ranks[order] = np.arange(len(order))
        anchors[start:end] = anchors[start:end][np.argsort(ranks[anchors[start:end]])]


def _nms_of_classes(pixel_boxes: np.ndarray, labels: np.ndarray, values: np.ndarray, nms_threshold: float,
                    max_boxes: int) -> ImageDetections:
    """NMS for all classes.

    Args:
        pixel_boxes: (P, 4) of each candidate, ymin, xmin, ymax, xmax in pixels.
        labels, values: (P,) of each candidate, by label and descending score; values are the scores.

    Returns:
        As `select_detections`.
    """
    kept = _nms_of_groups(pixel_boxes, np.bincount(labels), nms_threshold, max_boxes)
    return tlbr_to_xywh(pixel_boxes[kept]), values[kept], labels[kept]


def keep_best(found: ImageDetections, max_detections: int | None = None,
              always_above: float | None = None) -> ImageDetections:
    """The best detections of one image.

    Args:
        found: boxes (D, 4), scores (D,), labels (D,).
        max_detections, always_above: see `select_detections`.
    """
    scores = found[1]
    if max_detections is None or len(scores) <= max_detections:
        return found
    chosen = scores > (np.inf if always_above is None else float(always_above))
    chosen[np.argsort(-scores, kind="stable")[:max_detections]] = True
    boxes, scores, labels = found
    return boxes[chosen], scores[chosen], labels[chosen]
