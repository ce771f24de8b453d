"""Localisation losses of the decoded boxes, which take the place of SmoothL1 of the encoded offsets.

Boxes are decoded in units of their default box: its centre is 0 and its sides are 1. The ratios of areas that IoU and
GIoU are made of are the same in these units.
"""
import math

import mindspore as ms
from mindspore import nn, ops

# Largest side of a decoded box in units of the default box, so that the exponential stays finite.
LARGEST_SIDE = 1000 / 16
EPS = 1e-9


def decode(encoded, prior_scaling):
    """Encoded boxes `(B, A, 4)` -> centre y, centre x, height, width, each `(B, A)`, in units of the default box.

    Each of the four is an array of its own: a CPU takes many times as long for slices of the last axis.
    """
    cy, cx, height, width = ops.unstack(ops.transpose(encoded, (2, 0, 1)))
    longest = math.log(LARGEST_SIDE)
    height = ops.exp(ops.minimum(height * prior_scaling[1], longest))
    width = ops.exp(ops.minimum(width * prior_scaling[1], longest))
    return cy * prior_scaling[0], cx * prior_scaling[0], height, width


def overlap(first, second):
    """IoU of decoded boxes, area of the union, height and width of the box around both, each `(B, A)`."""
    cy, cx, height, width = first
    other_cy, other_cx, other_height, other_width = second
    common_height, around_height = _common_and_around(cy, height, other_cy, other_height)
    common_width, around_width = _common_and_around(cx, width, other_cx, other_width)
    intersection = ops.relu(common_height) * ops.relu(common_width)
    union = height * width + other_height * other_width - intersection
    return intersection / union, union, around_height, around_width


def _common_and_around(centre, side, other_centre, other_side):
    """Length that two intervals have in common (negative where they are apart), and from the first end to the last."""
    half, other_half = side / 2, other_side / 2
    low, high = centre - half, centre + half
    other_low, other_high = other_centre - other_half, other_centre + other_half
    return (ops.minimum(high, other_high) - ops.maximum(low, other_low),
            ops.maximum(high, other_high) - ops.minimum(low, other_low))


class GIoULoss(nn.Cell):
    """1 - generalised IoU (https://arxiv.org/abs/1902.09630, algorithm 1).

    Args:
        prior_scaling: the two values of the `BoxCoder`.
    """

    def __init__(self, prior_scaling):
        super().__init__()
        self.prior_scaling = tuple(prior_scaling)

    def construct(self, locations, targets):
        """Encoded boxes `(B, A, 4)` twice -> `(B, A)`, from 0 to 2."""
        iou, union, height, width = overlap(decode(locations, self.prior_scaling), decode(targets, self.prior_scaling))
        enclosing = height * width
        return 1 - iou + (enclosing - union) / enclosing


class CIoULoss(nn.Cell):
    """1 - complete IoU (https://arxiv.org/abs/1911.08287, equations 7 to 11): beside the overlap, the distance of the
    centres in units of the diagonal around both boxes, and the difference of the ratios of their sides.

    Args:
        prior_scaling: the two values of the `BoxCoder`.
        sides: `(A, 2)` float32, height and width of the default boxes, in the same unit.
    """

    def __init__(self, prior_scaling, sides):
        super().__init__()
        self.prior_scaling = tuple(prior_scaling)
        self.unit_height, self.unit_width = ms.Tensor(sides[:, 0]), ms.Tensor(sides[:, 1])  # (A,)
        self.arctan = ops.Atan()

    def construct(self, locations, targets):
        """Encoded boxes `(B, A, 4)` twice -> `(B, A)`."""
        first, second = decode(locations, self.prior_scaling), decode(targets, self.prior_scaling)
        iou, _, height, width = overlap(first, second)
        distance = self._squared_length(first[0] - second[0], first[1] - second[1])
        apart = distance / (self._squared_length(height, width) + EPS)
        difference = self._angle(second) - self._angle(first)
        shape = (4 / math.pi**2) * difference * difference
        weight = ops.stop_gradient(shape / (1 - iou + shape + EPS))
        return 1 - iou + apart + weight * shape

    def _squared_length(self, height, width):
        height, width = height * self.unit_height, width * self.unit_width
        return height * height + width * width

    def _angle(self, box):
        return self.arctan(box[3] * self.unit_width / (box[2] * self.unit_height))
