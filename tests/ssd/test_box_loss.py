"""Losses of decoded boxes against formulas in float64 and their numerical gradients."""
import math

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn, ops

from src.model_utils.errors import UserError
from src.ssd.box_loss import CIoULoss, GIoULoss
from src.ssd.builder import build_loss
from src.ssd.loss import SSDLoss

pytestmark = pytest.mark.usefixtures("cpu")
SCALING = (0.1, 0.2)
SIDES = np.array([[30, 60], [50, 50], [80, 20], [40, 40], [10, 30], [90, 90]], np.float32)


def corners(encoded, sides):
    """Encoded boxes `(..., A, 4)` on default boxes around 0 -> ymin xmin ymax xmax, float64."""
    centre = encoded[..., :2] * SCALING[0] * sides
    half = np.exp(encoded[..., 2:] * SCALING[1]) * sides / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def parts(locations, targets, sides):
    """IoU, area of the union, height and width around both boxes, and the boxes."""
    first, second = corners(locations, sides), corners(targets, sides)
    common = np.maximum(np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2]), 0)
    intersection = common.prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (first, second)]
    union = sum(areas) - intersection
    around = np.maximum(first[..., 2:], second[..., 2:]) - np.minimum(first[..., :2], second[..., :2])
    return intersection / union, union, around, first, second


def giou(locations, targets, sides):
    iou, union, around, _, _ = parts(locations, targets, sides)
    return 1 - (iou - (around.prod(axis=-1) - union) / around.prod(axis=-1))


def angles(box):
    return np.arctan((box[..., 3] - box[..., 1]) / (box[..., 2] - box[..., 0]))


def ciou(locations, targets, sides, weight=None):
    """With `weight`, the factor of the last term is given: the gradient does not see it."""
    iou, _, around, first, second = parts(locations, targets, sides)
    apart = (((first[..., :2] + first[..., 2:] - second[..., :2] - second[..., 2:]) / 2) ** 2).sum(axis=-1)
    shape = 4 / math.pi**2 * (angles(second) - angles(first)) ** 2
    weight = shape / (1 - iou + shape) if weight is None else weight
    return 1 - iou + apart / (around**2).sum(axis=-1) + weight * shape, weight


def numerical_gradient(function, locations):
    gradient = np.zeros_like(locations)
    for index in np.ndindex(*locations.shape):
        shift = np.zeros_like(locations)
        shift[index] = 1e-6
        gradient[index] = (function(locations + shift) - function(locations - shift)).sum() / 2e-6
    return gradient


class WithGradient(nn.Cell):
    def __init__(self, loss):
        super().__init__()
        self.loss = loss
        self.both = ops.value_and_grad(self.total, 0, None, has_aux=True)

    def total(self, first, *rest):
        values = self.loss(first, *rest)
        return values.sum(), values

    def construct(self, first, *rest):
        (_, values), gradient = self.both(first, *rest)
        return values, gradient


def found(loss, *arrays):
    return [output.asnumpy() for output in WithGradient(loss)(*map(ms.Tensor, arrays))]


def encoded(seed):
    """Boxes that overlap in part, and in the second image some that do not."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(3, len(SIDES), 4)) * np.array([2, 6, 2]).reshape(3, 1, 1)).astype(np.float32)


LOCATIONS, TARGETS = encoded(0), encoded(1)


def test_values_by_hand():
    # Default box of side 1: one box half as wide as the other, inside it; then two side by side, one side apart.
    wide, halved = np.zeros((1, 2, 4), np.float32), np.zeros((1, 2, 4), np.float32)
    halved[0, 0, 3] = math.log(0.5) / 0.2
    halved[0, 1, 1] = 20.0  # two default boxes to the right
    boxes = ms.Tensor(wide), ms.Tensor(halved)
    np.testing.assert_allclose(GIoULoss(SCALING)(*boxes).asnumpy(), [[0.5, 1 + 1 / 3]], rtol=1e-6)
    shape = 4 / math.pi**2 * (math.pi / 4 - math.atan(0.5)) ** 2
    expected = [[0.5 + shape * shape / (0.5 + shape), 1 + 4 / (9 + 1)]]
    np.testing.assert_allclose(CIoULoss(SCALING, np.ones((2, 2), np.float32))(*boxes).asnumpy(), expected, rtol=1e-5)


def test_giou_and_its_gradient():
    values, gradient = found(GIoULoss(SCALING), LOCATIONS, TARGETS)
    first, second = LOCATIONS.astype(np.float64), TARGETS.astype(np.float64)
    np.testing.assert_allclose(values, giou(first, second, SIDES), rtol=1e-4)
    np.testing.assert_allclose(gradient, numerical_gradient(lambda x: giou(x, second, SIDES), first), atol=1e-5)
    assert (values > 1).any() and (values < 0.7).any()


def test_ciou_and_its_gradient():
    values, gradient = found(CIoULoss(SCALING, SIDES), LOCATIONS, TARGETS)
    first, second = LOCATIONS.astype(np.float64), TARGETS.astype(np.float64)
    expected, weight = ciou(first, second, SIDES)
    np.testing.assert_allclose(values, expected, rtol=1e-4)
    numerical = numerical_gradient(lambda x: ciou(x, second, SIDES, weight)[0], first)
    np.testing.assert_allclose(gradient, numerical, atol=1e-5)


@pytest.mark.parametrize("loss", [GIoULoss(SCALING), CIoULoss(SCALING, SIDES)], ids=["giou", "ciou"])
def test_equal_and_far_boxes_have_finite_losses(loss):
    values, gradient = found(loss, TARGETS, TARGETS)
    np.testing.assert_allclose(values, 0, atol=1e-5)
    assert np.isfinite(gradient).all()
    values, gradient = found(loss, np.full_like(LOCATIONS, 1000), TARGETS)
    assert np.isfinite(values).all() and np.isfinite(gradient).all()


def test_both_losses_of_an_image():
    labels = np.array([[0, 1, 2, 0, 0, 1], [0] * 6, [2] * 6], np.int32)
    logits = np.random.default_rng(3).normal(size=(3, 6, 3)).astype(np.float32)
    tensors = [ms.Tensor(array) for array in (LOCATIONS, logits, TARGETS, labels)]
    classification, localisation = (output.asnumpy() for output in SSDLoss(
        box_loss=GIoULoss(SCALING), box_loss_weight=2.0)(*tensors))
    assert (classification == SSDLoss()(*tensors)[0].asnumpy()).all()
    expected = 2 * (giou(LOCATIONS, TARGETS, SIDES) * (labels > 0)).sum(axis=1)
    np.testing.assert_allclose(localisation, expected, rtol=1e-4)
    assert localisation[1] == 0


def test_the_configuration_chooses(config_of):
    plain = build_loss(config_of("ssd300_config.yaml"))
    assert plain.box_loss is None and plain.box_loss_weight == 1
    chosen = build_loss(config_of("ssd300_config.yaml", "--box_loss=ciou", "--box_loss_weight=2"))
    assert isinstance(chosen.box_loss, CIoULoss)
    np.testing.assert_allclose(chosen.box_loss.unit_height.asnumpy()[0], 30, rtol=1e-5)  # 0.1 of 300 pixels
    assert isinstance(build_loss(config_of("ssd300_config.yaml", "--box_loss=giou")).box_loss, GIoULoss)


def test_models_with_a_softmax_have_losses_of_their_own(config_of):
    with pytest.raises(UserError, match=r"giou.*ssd300_vgg16_caffe"):
        build_loss(config_of("ssd300_mmdet_config.yaml", "--box_loss=giou"))
