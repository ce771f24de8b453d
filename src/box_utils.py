"""Boxes: matching of ground truth to default boxes, encoding and decoding.

Boxes are `ymin xmin ymax xmax`, normalised by the image's height and width, unless a name says `cyxhw`.
"""
import numpy as np

from src.anchor_generator import build_anchors

# Overlap given to the best default box of a ground-truth box, above any real overlap, so that it always matches.
BEST_MATCH = 2.0
# Smallest ratio of a box side to its default box before the logarithm.
MIN_SIDE_RATIO = 1e-6


def to_tlbr(cyxhw):
    """`(..., 4)` boxes `cy cx h w` to `ymin xmin ymax xmax`."""
    centre, half = cyxhw[..., :2], cyxhw[..., 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def to_cyxhw(tlbr):
    """`(..., 4)` boxes `ymin xmin ymax xmax` to `cy cx h w`."""
    low, high = tlbr[..., :2], tlbr[..., 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=-1)


def box_area(boxes):
    """`(..., 4)` boxes -> `(...)` areas."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def pairwise_iou(boxes_a, boxes_b):
    """Intersection over union of `(N, 4)` and `(M, 4)` boxes: `(N, M)`. Two boxes without area have IoU 0."""
    low = np.maximum(boxes_a[:, None, :2], boxes_b[None, :, :2])
    high = np.minimum(boxes_a[:, None, 2:], boxes_b[None, :, 2:])
    sides = np.maximum(high - low, 0)  # (N, M, 2)
    intersection = sides[..., 0] * sides[..., 1]
    # The order of the operations decides between equally good boxes.
    union = box_area(boxes_b)[None, :] + box_area(boxes_a)[:, None] - intersection
    return np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)


class BoxCoder:
    """Turns ground-truth boxes into regression targets on default boxes, and predictions back into boxes.

    Targets are those of SSD (https://arxiv.org/abs/1512.02325, section 2.2): the centre's offset in units of the
    default box's size and the logarithm of the ratio of sizes, divided by the two `prior_scaling` values (variances).

    Args:
        anchors: `(A, 4)` default boxes `cy cx h w`, normalised.
        prior_scaling: divisor of the centre's offset and of the logarithm of sizes.
        match_threshold: a default box matches a ground-truth box when their IoU is above it.
    """

    def __init__(self, anchors, prior_scaling=(0.1, 0.2), match_threshold=0.5):
        self.default_boxes = np.ascontiguousarray(anchors, np.float32)  # (A, 4) cy cx h w
        self.default_boxes_tlbr = to_tlbr(np.asarray(anchors)).astype(np.float32)  # (A, 4)
        self.prior_scaling = tuple(prior_scaling)
        self.match_threshold = match_threshold

    def match(self, boxes):
        """For each default box, the ground-truth box that it is responsible for.

        A box takes every default box with IoU above the threshold, and its best default box in any case (the first of
        equally good ones). Where several boxes want one default box, the largest overlap wins, then the first box.

        Args:
            boxes: `(N, 4)` float32.

        Returns:
            `(A,)` index of the box, -1 where there is none.
        """
        if len(boxes) == 0:
            return np.full(len(self.default_boxes), -1)
        overlap = pairwise_iou(boxes, self.default_boxes_tlbr)  # (N, A)
        overlap[np.arange(len(boxes)), overlap.argmax(axis=1)] = BEST_MATCH
        best = overlap.argmax(axis=0)
        return np.where(overlap.max(axis=0) > self.match_threshold, best, -1)

    def encode(self, boxes):
        """Training targets of one image.

        Args:
            boxes: `(N, 5)` ymin xmin ymax xmax label; a label of 0 takes default boxes but makes no positive.

        Returns:
            targets `(A, 4)` float32, labels `(A,)` int32 (0 is the background), number of positives.
        """
        boxes = np.asarray(boxes, np.float32).reshape(-1, 5)
        matched = self.match(boxes[:, :4])
        taken = matched >= 0
        labels = np.zeros(len(matched), np.int32)
        labels[taken] = boxes[matched[taken], 4].astype(np.int32)
        targets = np.zeros((len(matched), 4), np.float32)
        targets[taken] = to_cyxhw(boxes[matched[taken], :4])
        positive = labels.nonzero()[0]
        targets[positive] = self._to_offsets(targets[positive], self.default_boxes[positive])
        return targets, labels, len(positive)

    def decode(self, locations):
        """`(..., A, 4)` predicted offsets -> boxes `ymin xmin ymax xmax`, clipped to [0, 1]."""
        centre = self.default_boxes[:, :2] + locations[..., :2] * self.prior_scaling[0] * self.default_boxes[:, 2:]
        sides = np.exp(locations[..., 2:] * self.prior_scaling[1]) * self.default_boxes[:, 2:]
        return np.clip(to_tlbr(np.concatenate([centre, sides], axis=-1)), 0, 1)

    def _to_offsets(self, cyxhw, default_boxes):
        offset = (cyxhw[:, :2] - default_boxes[:, :2]) / (default_boxes[:, 2:] * self.prior_scaling[0])
        ratio = np.maximum(cyxhw[:, 2:] / default_boxes[:, 2:], MIN_SIDE_RATIO)
        return np.concatenate([offset, np.log(ratio) / self.prior_scaling[1]], axis=1)


def build_box_coder(config):
    """The `BoxCoder` of the configuration, for the data pipeline and the decoder alike."""
    return BoxCoder(build_anchors(config), config.prior_scaling, config.match_threshold)
