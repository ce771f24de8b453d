"""Heads of a trained detector for other classes."""
import math
from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.ssd.heads import MultiBox, pointwise_head, separable_head
from src.utils.errors import UserError
from src.weights.class_heads import class_outputs, convert_class_heads

OLD, NEW = ("background", "cat", "dog"), ("background", "Dog", "raccoon", "fox", "owl")


def detector(classes, make_head=pointwise_head):
    return SimpleNamespace(multi_box=MultiBox(len(classes), (2, 3), (1, 2), make_head))


def arrays(net):
    return {parameter.name: parameter.asnumpy() for parameter in net.multi_box.get_parameters()}


@pytest.mark.parametrize("make_head", [pointwise_head, separable_head])
def test_columns_of_the_new_classes(make_head):
    old, new = detector(OLD, make_head), detector(NEW, make_head)
    for parameter in old.multi_box.get_parameters():
        parameter.set_data(ms.Tensor(np.random.default_rng(1).normal(size=parameter.shape).astype(np.float32)))
    found = convert_class_heads(arrays(old), new, NEW, OLD)
    assert len(found) == 4  # weight and bias of two levels
    for before, after in zip(class_outputs(old), class_outputs(new)):
        weight = before.weight.asnumpy().reshape(-1, 3, *before.weight.shape[1:])
        bias = before.bias.asnumpy().reshape(-1, 3)
        expected = np.stack([weight[:, 0], weight[:, 2], *[-weight[:, 0]] * 3], axis=1)
        np.testing.assert_array_equal(found[after.weight.name], expected.reshape(after.weight.shape))
        others = -bias[:, 0] - np.float32(math.log(4))
        expected = np.stack([bias[:, 0], bias[:, 2], *[others] * 3], axis=1)
        np.testing.assert_allclose(found[after.bias.name], expected.ravel(), rtol=1e-6)


def test_without_names_every_class_is_any_object():
    old, new = detector(OLD), detector(("background", "cat"))
    found = convert_class_heads(arrays(old), new, ("background", "cat"))
    for conv in class_outputs(new):
        weight = found[conv.weight.name].reshape(-1, 2, *conv.weight.shape[1:])
        np.testing.assert_array_equal(weight[:, 1], -weight[:, 0])


def test_heads_of_another_model():
    old, new = detector(OLD, separable_head), detector(NEW)
    with pytest.raises(UserError, match="no change of classes alone"):
        convert_class_heads(arrays(old), new, NEW)


def test_names_of_another_number_are_not_used():
    old, new = arrays(detector(OLD)), detector(NEW)
    found = convert_class_heads(old, new, NEW, old_classes=("background", "dog"))
    for name, value in convert_class_heads(old, new, NEW).items():
        np.testing.assert_array_equal(found[name], value)


def test_pyramids():
    from src.ssd.heads import SharedTowerMultiBox, WeightSharedMultiBox

    for kind in (WeightSharedMultiBox, SharedTowerMultiBox):
        net = SimpleNamespace(multi_box=kind(len(OLD), 2, 6, 1, 8))
        (conv,) = class_outputs(net)
        assert isinstance(conv, nn.Conv2d) and conv.out_channels == 18
