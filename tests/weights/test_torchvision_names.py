"""Names and shapes of torchvision's classifiers against those of the backbones."""
import numpy as np
import pytest

from src.backbones.mobilenet_v2 import MobileNetV2
from src.backbones.resnet import ResNet50
from src.backbones.vgg16 import VGG16
from src.weights.pretrained_backbone import RENAMES, match_names, with_mindspore_names
from src.weights.vgg16_conversion import convert_vgg16
from tests.support.torchvision_shapes import batch_norm, mobilenet_v2, resnet50, vgg16

pytestmark = pytest.mark.usefixtures("cpu")


def shapes_of(cell):
    return {p.name: tuple(p.shape) for p in cell.get_parameters()}


@pytest.mark.parametrize(("backbone", "classifier"), [(MobileNetV2, mobilenet_v2), (ResNet50, resnet50)])
def test_every_name_has_its_place(backbone, classifier):
    own = {name: shape for name, shape in shapes_of(backbone()).items() if not name.startswith("expand_layer")}
    theirs = with_mindspore_names(classifier())
    sources = match_names(theirs, set(own), (), RENAMES[backbone])
    assert {name: theirs[source] for name, source in sources.items()} == own
    # both list the layers in the same order; only within BatchNorm it differs
    layers = ("weight", "gamma")
    assert [name for name in sources if name.endswith(layers)] == [name for name in own if name.endswith(layers)]
    assert {name.split(".")[0] for name in set(theirs) - set(sources.values())} <= {"classifier", "fc"}


def test_names_of_batch_norm():
    names = [*batch_norm("a.1", 3), "a.0.weight", "a.0.bias", "scale"]
    assert list(with_mindspore_names(dict.fromkeys(names))) == [
        "a.1.gamma", "a.1.beta", "a.1.moving_mean", "a.1.moving_variance", "a.0.weight", "a.0.bias", "scale"]


def test_single_names():
    own = set(shapes_of(MobileNetV2()))
    names = with_mindspore_names(mobilenet_v2())
    found = {source: name for name, source in match_names(names, own, (), RENAMES[MobileNetV2]).items()}
    assert found["features.1.conv.1.weight"] == "features_1.1.conv.1.weight"
    assert found["features.2.conv.1.1.moving_mean"] == "features_1.2.conv.1.features.1.moving_mean"
    assert found["features.17.conv.3.gamma"] == "features_2.3.conv.3.gamma"
    assert found["features.18.0.weight"] == "features_2.4.features.0.weight"


@pytest.mark.parametrize("source_bn", [False, True])
def test_vgg16_with_biases(source_bn):
    """The backbone of ssd300_vgg16_caffe takes everything, BatchNorm as a part of weights and biases."""
    rng = np.random.default_rng(0)
    values = {name: np.abs(rng.standard_normal(shape)) + 0.5 for name, shape in vgg16(source_bn).items()}
    values = with_mindspore_names(values)
    own = shapes_of(VGG16(has_bias=True))
    converted, used, optional = convert_vgg16(values, set(own), (), None, "vgg16.pth")
    assert {name: value.shape for name, value in converted.items()} == own
    assert set(values) - used == {"classifier.6.bias"}
    assert optional == (set() if source_bn else {name for name in own if name.endswith("bias")})
    layer = 7 if source_bn else 5  # of the first convolution of block 2
    weight, bias = values[f"features.{layer}.weight"], values[f"features.{layer}.bias"]
    if source_bn:
        gamma, beta, mean, variance = (values[f"features.8.{part}"]
                                       for part in ("gamma", "beta", "moving_mean", "moving_variance"))
        scale = gamma / np.sqrt(variance + 1e-5)
        weight, bias = weight * scale[:, None, None, None], (bias - mean) * scale + beta
    np.testing.assert_allclose(converted["b2.0.weight"], weight)
    np.testing.assert_allclose(converted["b2.0.bias"], bias)


def test_vgg16_without_biases_into_the_backbone_with_them():
    values = {name: np.ones(shape) for name, shape in vgg16(False).items() if name.endswith("weight")}
    own = set(shapes_of(VGG16(has_bias=True)))
    converted, _, optional = convert_vgg16(values, own, (), None, "vgg16.pth")
    assert set(converted) | optional == own
