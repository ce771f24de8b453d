"""VGG16 with and without BatchNorm."""
import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.backbones.vgg16 import VGG16
from src.utils.errors import UserError
from src.weights.pretrained_backbone import load_backbone, with_mindspore_names
from src.weights.vgg16_conversion import convert_vgg16
from tests.support.backbone_net import BackboneNet, backbone_values, random_values, shapes_of
from tests.support.torchvision_shapes import vgg16

BN = ("gamma", "beta", "moving_mean", "moving_variance")
# numbers of the convolutions of VGG16 when all layers are numbered through
PLAIN_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
BN_CONVOLUTIONS = (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40)

pytestmark = pytest.mark.usefixtures("cpu")


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
