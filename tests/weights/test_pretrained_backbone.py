import logging
import re

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.backbones.mobilenet_v1 import MobileNetV1
from src.backbones.mobilenet_v2 import MobileNetV2
from src.backbones.resnet import ResNet50
from src.backbones.vgg16 import VGG16
from src.utils.errors import UserError
from src.weights.pretrained_backbone import RENAMES, load_backbone, match_names
from tests.support.backbone_net import BackboneNet

BN = ("gamma", "beta", "moving_mean", "moving_variance")
# numbers of the convolutions of VGG16 when all layers are numbered through
PLAIN_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
BN_CONVOLUTIONS = (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40)

pytestmark = pytest.mark.usefixtures("cpu")


@pytest.fixture
def save(tmp_path):
    """Writes a checkpoint of arrays by name."""

    def save_file(values):
        path = tmp_path / "classifier.ckpt"
        ms.save_checkpoint([{"name": name, "data": ms.Tensor(value)} for name, value in values.items()], str(path))
        return path

    return save_file


def random_values(shapes):
    """Arrays for names and shapes; variances are positive."""
    rng = np.random.default_rng(0)
    return {
        name: np.abs(rng.normal(size=shape)).astype(np.float32) + 0.5
        if name.endswith(("gamma", "moving_variance"))
        else rng.normal(size=shape).astype(np.float32)
        for name, shape in shapes.items()
    }


def backbone_values(net):
    return {p.name[len("network.backbone."):]: p.asnumpy() for p in net.network.backbone.get_parameters()}


def shapes_of(cell):
    return {p.name: tuple(p.shape) for p in cell.get_parameters()}


# Names


def zoo_mobilenet_v2(name):
    """The Model Zoo's name of a parameter of MobileNetV2, whose blocks are numbered 1 to 17."""
    part, number, rest = re.fullmatch(r"features_([12])\.(\d+)\.(.+)", name).groups()
    return f"features.{int(number) + (14 if part == '2' else 0)}.{rest}"


@pytest.mark.parametrize(("backbone", "model"), [
    (MobileNetV1, "mobilenet_v1_100"), (MobileNetV2, "mobilenet_v2_100"), (ResNet50, "resnet50"),
])
def test_mindcv_names(backbone, model):
    """Both list the same layers in the same order, so that order and shapes tell whether names are matched rightly."""
    mindcv = pytest.importorskip("mindcv")
    own = {name: shape for name, shape in shapes_of(backbone()).items() if not name.startswith("expand_layer")}
    theirs = shapes_of(mindcv.create_model(model))
    sources = match_names(theirs, set(own), (), RENAMES[backbone])
    assert list(sources) == list(own)
    assert [theirs[source] for source in sources.values()] == list(own.values())
    assert set(theirs) - set(sources.values()) == {name for name in theirs if name.startswith("classifier")}


def test_model_zoo_names_of_mobilenet_v2():
    own = {name for name in shapes_of(MobileNetV2()) if not name.startswith("expand_layer")}
    sources = match_names([zoo_mobilenet_v2(name) for name in own], own, (), RENAMES[MobileNetV2])
    assert sources == {name: zoo_mobilenet_v2(name) for name in own}
    assert sources["features_1.0.features.0.weight"] == "features.0.features.0.weight"
    assert sources["features_2.0.conv.2.weight"] == "features.14.conv.2.weight"
    assert sources["features_2.4.features.1.gamma"] == "features.18.features.1.gamma"


def test_doubled_parameters_are_refused():
    with pytest.raises(UserError, match=r"network\.0\.0\.weight twice.* network\.network\.0\.0\.weight"):
        match_names(["network.0.0.weight", "network.network.0.0.weight"], {"network.0.0.weight"}, ("network.",), ())


# Whole files


def test_classifier_of_the_model_zoo(save, caplog):
    net = BackboneNet(MobileNetV1())
    others = {"fc.weight": (5, 1024), "fc.bias": (5,), "moments.fc.bias": (5,)}
    values = random_values({**shapes_of(MobileNetV1()), **others})
    head = net.network.head.weight.asnumpy()
    with caplog.at_level(logging.INFO):
        report = load_backbone(net, save(values), "backbone")
    loaded = backbone_values(net)
    assert len(loaded) == len(report.loaded) == 135
    assert all(np.array_equal(value, values[name]) for name, value in loaded.items())
    assert (report.kept, report.unused) == ((), ("fc.bias", "fc.weight"))
    assert "135 of the 135 parameters" in caplog.text and "2 of the 137" in caplog.text and "fc.weight" in caplog.text
    assert np.array_equal(net.network.head.weight.asnumpy(), head)


@pytest.mark.parametrize("prefix", ["network.", "network.backbone.", "backbone.", ""])
def test_names_of_our_own(save, prefix):
    net = BackboneNet(MobileNetV1())
    values = random_values(shapes_of(MobileNetV1()))
    load_backbone(net, save({prefix + name: value for name, value in values.items()}), "backbone")
    assert all(np.array_equal(value, values[name]) for name, value in backbone_values(net).items())


def test_tap_of_mobilenet_v2_begins_as_the_expansion_after_it(save):
    net = BackboneNet(MobileNetV2())
    own = {name: shape for name, shape in shapes_of(MobileNetV2()).items() if not name.startswith("expand_layer")}
    values = random_values({zoo_mobilenet_v2(name): shape for name, shape in own.items()})
    report = load_backbone(net, save(values), "backbone")
    loaded = backbone_values(net)
    assert report.kept == () and len(loaded) == 265
    assert np.array_equal(loaded["expand_layer_conv_13.features.0.weight"],
                          values["features.14.conv.0.features.0.weight"])
    assert np.array_equal(loaded["expand_layer_conv_13.features.1.moving_variance"],
                          values["features.14.conv.0.features.1.moving_variance"])


def test_tap_of_mobilenet_v2_from_a_detector_is_its_own(save):
    net = BackboneNet(MobileNetV2())
    values = random_values({f"network.backbone.{name}": shape for name, shape in shapes_of(MobileNetV2()).items()})
    load_backbone(net, save(values), "backbone")
    name = "expand_layer_conv_13.features.1.beta"
    assert np.array_equal(backbone_values(net)[name], values["network.backbone." + name])


def test_file_of_another_network_is_refused(save):
    path = save({"conv1.weight": np.zeros((64, 3, 7, 7), np.float32), "fc.bias": np.zeros(3, np.float32)})
    with pytest.raises(UserError) as caught:
        load_backbone(BackboneNet(MobileNetV1()), path, "backbone")
    for text in (str(path), "0 of the 135", "network.0.0.weight", "conv1.weight, fc.bias"):
        assert text in str(caught.value)


def test_file_that_lacks_a_parameter_is_refused(save):
    values = random_values(shapes_of(MobileNetV1()))
    del values["network.3.1.moving_mean"]
    net = BackboneNet(MobileNetV1())
    before = backbone_values(net)
    with pytest.raises(UserError, match=r"134 of the 135[^\n]*\n  missing: network\.3\.1\.moving_mean\n"):
        load_backbone(net, save(values), "backbone")
    assert all(np.array_equal(value, before[name]) for name, value in backbone_values(net).items())


def test_network_of_another_width_is_refused(save):
    values = random_values(shapes_of(MobileNetV1()))
    values["network.0.0.weight"] = values["network.0.0.weight"][:24]
    with pytest.raises(UserError, match=r"network\.0\.0\.weight has shape \(24, 3, 3, 3\).*\(32, 3, 3, 3\)"):
        load_backbone(BackboneNet(MobileNetV1()), save(values), "backbone")


# VGG16 with and without BatchNorm


def vgg16_file(convolutions, layers, batch_norm, bias=False):
    """Values of a VGG16 classifier by the names of the Model Zoo (`layers`) or MindCV (`features`)."""
    weights = list(shapes_of(VGG16()).values())
    shapes = {}
    for layer, shape in zip(convolutions, weights):
        shapes[f"{layers}.{layer}.weight"] = shape
        if bias:
            shapes[f"{layers}.{layer}.bias"] = shape[:1]
        if batch_norm:
            shapes.update({f"{layers}.{layer + 1}.{part}": shape[:1] for part in BN})
    return {**random_values(shapes), "classifier.6.bias": np.zeros(1000, np.float32)}


@pytest.mark.parametrize("layers", ["layers", "features"])
def test_vgg16_without_batch_norm(save, layers):
    net, values = BackboneNet(VGG16()), vgg16_file(PLAIN_CONVOLUTIONS, layers, batch_norm=False)
    report = load_backbone(net, save(values), "backbone", has_batch_norm=False)
    expected = [values[f"{layers}.{layer}.weight"] for layer in PLAIN_CONVOLUTIONS]
    assert all(np.array_equal(*pair) for pair in zip(backbone_values(net).values(), expected))
    assert (len(report.loaded), report.kept, report.unused) == (13, (), ("classifier.6.bias",))


def test_vgg16_with_batch_norm(save):
    net, values = BackboneNet(VGG16(batch_norm=True)), vgg16_file(BN_CONVOLUTIONS, "layers", batch_norm=True, bias=True)
    report = load_backbone(net, save(values), "backbone", has_batch_norm=True)
    loaded = backbone_values(net)
    assert (len(report.loaded), report.kept, report.unused) == (65, (), ("classifier.6.bias",))
    assert np.array_equal(loaded["b5.6.weight"], values["layers.40.weight"])
    assert np.array_equal(loaded["b5.7.gamma"], values["layers.41.gamma"])
    np.testing.assert_allclose(loaded["b3.4.moving_mean"], values["layers.18.moving_mean"] - values["layers.17.bias"])


def test_vgg16_into_a_detector_with_batch_norm(save):
    net = BackboneNet(VGG16(batch_norm=True))
    values = vgg16_file(PLAIN_CONVOLUTIONS, "layers", batch_norm=False, bias=True)
    report = load_backbone(net, save(values), "backbone", has_batch_norm=False)
    loaded = backbone_values(net)
    assert np.array_equal(loaded["b2.3.weight"], values["layers.7.weight"])
    assert np.array_equal(loaded["b2.4.beta"], values["layers.7.bias"])
    assert len(report.loaded) == 26 and len(report.kept) == 39 and "b2.4.gamma" in report.kept


def test_vgg16_into_a_detector_without_batch_norm(save, caplog):
    net, values = BackboneNet(VGG16()), vgg16_file(BN_CONVOLUTIONS, "layers", batch_norm=True)
    report = load_backbone(net, save(values), "backbone", has_batch_norm=True)
    scale = values["layers.41.gamma"] / np.sqrt(values["layers.41.moving_variance"] + 1e-5)  # of each output channel
    expected = values["layers.40.weight"] * scale[:, None, None, None]
    np.testing.assert_allclose(backbone_values(net)["b5.4.weight"], expected, rtol=1e-5)
    assert {"layers.41.beta", "layers.41.moving_mean"} <= set(report.unused)
    assert "ssd_vgg_bn" in caplog.text


def test_bias_without_a_place_is_named(save, caplog):
    values = vgg16_file(PLAIN_CONVOLUTIONS, "layers", batch_norm=False, bias=True)
    report = load_backbone(BackboneNet(VGG16()), save(values), "backbone")
    assert len(report.unused) == 14 and "layers.28.bias" in report.unused
    assert "bias" in caplog.text and "ssd_vgg_bn" in caplog.text


@pytest.mark.parametrize("batch_norm", [False, True])
def test_vgg16_of_our_own(save, batch_norm):
    net, values = BackboneNet(VGG16(batch_norm)), random_values(shapes_of(VGG16(batch_norm)))
    load_backbone(net, save({f"network.backbone.{n}": v for n, v in values.items()}), "backbone", batch_norm)
    assert all(np.array_equal(value, values[name]) for name, value in backbone_values(net).items())


@pytest.mark.parametrize(("convolutions", "batch_norm"), [(PLAIN_CONVOLUTIONS, False), (BN_CONVOLUTIONS, True)])
def test_wrong_pretrain_vgg_bn_is_an_error(save, convolutions, batch_norm):
    path = save(vgg16_file(convolutions, "layers", batch_norm))
    with pytest.raises(UserError, match=f"set pretrain_vgg_bn to {batch_norm}"):
        load_backbone(BackboneNet(VGG16()), path, "backbone", has_batch_norm=not batch_norm)


def test_vgg16_with_half_its_layers_is_refused(save):
    values = vgg16_file(PLAIN_CONVOLUTIONS[:7], "layers", batch_norm=False)
    with pytest.raises(UserError, match=r"7 of the 13 .*\n.*b4\.0\.weight"):
        load_backbone(BackboneNet(VGG16()), save(values), "backbone", has_batch_norm=True)


def test_features_are_those_of_the_mindcv_classifier(save):
    """Runs both networks: names may be right and the layers different."""
    mindcv = pytest.importorskip("mindcv")
    features = mindcv.create_model("vgg16", batch_norm=True).features
    values = random_values(shapes_of(features))
    for name in values:
        if name.endswith(".weight"):
            values[name] *= 0.05
    for parameter in features.get_parameters():
        parameter.set_data(ms.Tensor(values[parameter.name]))
    backbone = VGG16(batch_norm=True)
    load_backbone(BackboneNet(backbone), save(values), "backbone", has_batch_norm=True)
    image = ms.Tensor(np.random.default_rng(1).normal(size=(1, 3, 32, 32)).astype(np.float32))
    block4 = nn.SequentialCell(list(features)[:33]).set_train(False)(image).asnumpy()
    found = backbone.set_train(False)(image)[0].asnumpy()
    assert block4.shape == (1, 512, 4, 4) and np.abs(block4).max() > 0
    np.testing.assert_allclose(found, block4, rtol=1e-4, atol=1e-5 * np.abs(block4).max())
