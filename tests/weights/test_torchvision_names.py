"""Names and shapes of torchvision's classifiers, listed here from their architecture, into the backbones."""
import numpy as np
import pytest

from src.backbones.mobilenet_v2 import MobileNetV2
from src.backbones.resnet import ResNet50
from src.backbones.vgg16 import VGG16
from src.weights.pretrained_backbone import RENAMES, match_names, with_mindspore_names
from src.weights.vgg16 import convert_vgg16

pytestmark = pytest.mark.usefixtures("cpu")


def batch_norm(name, channels):
    parts = {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}
    return {**parts, f"{name}.num_batches_tracked": ()}


def mobilenet_v2():
    shapes = {"features.0.0.weight": (32, 3, 3, 3), **batch_norm("features.0.1", 32)}
    channels, number = 32, 1
    stages = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))
    for expansion, out, repeats in stages:
        for _ in range(repeats):
            name, hidden, layer = f"features.{number}.conv", channels * expansion, 0
            if expansion > 1:
                shapes |= {f"{name}.0.0.weight": (hidden, channels, 1, 1), **batch_norm(f"{name}.0.1", hidden)}
                layer = 1
            shapes |= {f"{name}.{layer}.0.weight": (hidden, 1, 3, 3), **batch_norm(f"{name}.{layer}.1", hidden)}
            shapes[f"{name}.{layer + 1}.weight"] = (out, hidden, 1, 1)
            shapes |= batch_norm(f"{name}.{layer + 2}", out)
            channels, number = out, number + 1
    shapes |= {"features.18.0.weight": (1280, 320, 1, 1), **batch_norm("features.18.1", 1280)}
    return {**shapes, "classifier.1.weight": (1000, 1280), "classifier.1.bias": (1000,)}


def resnet50():
    shapes = {"conv1.weight": (64, 3, 7, 7), **batch_norm("bn1", 64)}
    channels = 64
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), start=1):
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            convolutions = ((width, channels, 1), (width, width, 3), (4 * width, width, 1))
            for number, (out, inner, size) in enumerate(convolutions, start=1):
                shapes[f"{name}.conv{number}.weight"] = (out, inner, size, size)
                shapes |= batch_norm(f"{name}.bn{number}", out)
            if block == 0:
                shapes[f"{name}.downsample.0.weight"] = (4 * width, channels, 1, 1)
                shapes |= batch_norm(f"{name}.downsample.1", 4 * width)
            channels = 4 * width
    return {**shapes, "fc.weight": (1000, 2048), "fc.bias": (1000,)}


def vgg16(with_batch_norm):
    shapes, channels, layer = {}, 3, 0
    for out in (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"):
        if out == "M":
            layer += 1
            continue
        shapes |= {f"features.{layer}.weight": (out, channels, 3, 3), f"features.{layer}.bias": (out,)}
        if with_batch_norm:
            shapes |= batch_norm(f"features.{layer + 1}", out)
        channels, layer = out, layer + (3 if with_batch_norm else 2)
    return {**shapes, "classifier.6.bias": (1000,)}


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
