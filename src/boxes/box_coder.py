"""Boxes: matching of ground truth to default boxes, encoding and decoding.

Boxes are `ymin xmin ymax xmax`, normalised by the image's height and width, unless a name says `cyxhw`.
"""
from collections.abc import Sequence
from typing import Any

import numpy as np

from src.boxes.box_ops import FLOAT32_TINY, box_area, pairwise_iou, to_cyxhw, to_tlbr
from src.boxes.default_boxes import build_default_boxes

# Default boxes that are compared at once with all boxes: so few that intermediate results stay in the cache.
MATCH_BLOCK = 2048
# Factor by which an IoU in float32 can exceed its bound.
ROUNDING = 1 + 1e-5
# Smallest ratio of a box side to its default box before the logarithm.
MIN_SIDE_RATIO = 1e-6


class BoxCoder:
    """Turns ground-truth boxes into regression targets on default boxes, and predictions back into boxes.

    Targets are those of SSD (https://arxiv.org/abs/1512.02325, section 2.2): the centre's offset in units of the
    default box's size and the logarithm of the ratio of sizes, divided by the two `prior_scaling` values (variances).

    Args:
        anchors: `(A, 4)` default boxes `cy cx h w`, normalised.
        prior_scaling: divisor of the centre's offset and of the logarithm of sizes.
        match_threshold: a default box matches a ground-truth box when their IoU is above it.
        corners: `(A, 4)` the default boxes as `ymin xmin ymax xmax`, where their rounding counts; None computes them.
    """

    def __init__(self, anchors: np.ndarray, prior_scaling: Sequence[float] = (0.1, 0.2), match_threshold: float = 0.5,
                 corners: np.ndarray | None = None) -> None:
        self.default_boxes = np.ascontiguousarray(anchors, np.float32)  # (A, 4) cy cx h w
        corners = to_tlbr(np.asarray(anchors)) if corners is None else corners
        self.default_boxes_tlbr = corners.astype(np.float32)  # (A, 4)
        self.prior_scaling = tuple(prior_scaling)
        self.match_threshold = match_threshold
        # Blocks of default boxes with contiguous columns, how far each reaches (K, 4), and its extreme areas (2, K).
        starts = range(0, len(self.default_boxes_tlbr), MATCH_BLOCK)
        self._blocks = [np.asfortranarray(self.default_boxes_tlbr[start : start + MATCH_BLOCK]) for start in starts]
        self._extents = np.array([[*block[:, :2].min(axis=0), *block[:, 2:].max(axis=0)] for block in self._blocks])
        areas = [box_area(block) for block in self._blocks]
        self._areas = np.array([[area.min() for area in areas], [area.max() for area in areas]])

    def match(self, boxes: np.ndarray) -> np.ndarray:
        """For each default box, the ground-truth box that it is responsible for.

        A box takes every default box with IoU above the threshold, and its best default box in any case (the first of
        equally good ones). Where several boxes want one default box, the largest overlap wins, then the first box.

        Args:
            boxes: `(N, 4)` float32.

        Returns:
            `(A,)` index of the box, -1 where there is none.
        """
        matched = np.full(len(self.default_boxes), -1)
        best = np.zeros(len(boxes), np.int64)
        best_overlap = np.full(len(boxes), FLOAT32_TINY, np.float32)
        limits = self._largest_overlaps(boxes)  # (K, N)
        # Backwards, from the few large default boxes to the many small ones: where a good match is known, most of these
        # are not compared. With `>=`, the first of equally good ones stays.
        for number in reversed(range(len(self._blocks))):
            rows = (limits[number] >= np.minimum(best_overlap, self.match_threshold)).nonzero()[0]
            if len(rows) == 0:
                continue
            start = number * MATCH_BLOCK
            overlap = pairwise_iou(boxes[rows], self._blocks[number])  # (R, block)
            columns = (overlap.max(axis=0) > self.match_threshold).nonzero()[0]
            matched[start + columns] = rows[overlap[:, columns].argmax(axis=0)]
            best_column = overlap.argmax(axis=1)
            of_block = overlap[np.arange(len(rows)), best_column]
            better = of_block >= best_overlap[rows]
            best[rows[better]] = start + best_column[better]
            best_overlap[rows[better]] = of_block[better]
        # Backwards, so that the first of several boxes with the same best default box stays.
        matched[best[::-1]] = np.arange(len(boxes))[::-1]
        return matched

    def _largest_overlaps(self, boxes: np.ndarray) -> np.ndarray:
        """`(K, N)`: what the IoU of a box `(N, 4)` and a default box of a block cannot exceed."""
        low = np.maximum(boxes[:, :2], self._extents[:, None, :2])
        high = np.minimum(boxes[:, 2:], self._extents[:, None, 2:])
        shared = np.maximum(high - low, 0).prod(axis=-1)  # (K, N), with the rectangle around the block
        smallest, largest = self._areas[:, :, None]  # (K, 1)
        return np.minimum(shared, largest) / np.maximum(box_area(boxes), smallest) * ROUNDING

    def encode(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        """Training targets of one image.

        Args:
            boxes: `(N, 5)` ymin xmin ymax xmax label; a label of 0 takes default boxes but makes no positive.

        Returns:
            targets `(A, 4)` float32, labels `(A,)` int32 (0 is the background), number of positives.
        """
        boxes = np.asarray(boxes, np.float32).reshape(-1, 5)
        matched = self.match(boxes[:, :4])
        taken = (matched >= 0).nonzero()[0]
        owners = boxes[matched[taken]]  # (P, 5)
        labels = np.zeros(len(matched), np.int32)
        labels[taken] = owners[:, 4]
        targets = np.zeros((len(matched), 4), np.float32)
        targets[taken] = to_cyxhw(owners[:, :4])
        positive = taken[labels[taken] != 0]
        targets[positive] = self._to_offsets(targets[positive], self.default_boxes[positive])
        return targets, labels, len(positive)

    def decode(self, locations: np.ndarray) -> np.ndarray:
        """`(..., A, 4)` predicted offsets -> boxes `ymin xmin ymax xmax`, clipped to [0, 1]."""
        centre = self.default_boxes[:, :2] + locations[..., :2] * self.prior_scaling[0] * self.default_boxes[:, 2:]
        sides = np.exp(locations[..., 2:] * self.prior_scaling[1]) * self.default_boxes[:, 2:]
        return np.clip(to_tlbr(np.concatenate([centre, sides], axis=-1)), 0, 1)

    def _to_offsets(self, cyxhw: np.ndarray, default_boxes: np.ndarray) -> np.ndarray:
        offset = (cyxhw[:, :2] - default_boxes[:, :2]) / (default_boxes[:, 2:] * self.prior_scaling[0])
        ratio = np.maximum(cyxhw[:, 2:] / default_boxes[:, 2:], MIN_SIDE_RATIO)
        return np.concatenate([offset, np.log(ratio) / self.prior_scaling[1]], axis=1)


def build_box_coder(config: Any) -> BoxCoder:
    """The `BoxCoder` of the configuration, for the data pipeline and the decoder alike."""
    boxes = build_default_boxes(config)
    return BoxCoder(boxes.anchors(), config.prior_scaling, config.match_threshold, boxes.corners())
