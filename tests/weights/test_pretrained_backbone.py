import logging
import re

import numpy as np
import pytest

from src.backbones.efficientnet_lite import EfficientNetLite
from src.backbones.mobilenet_v1 import MobileNetV1
from src.backbones.mobilenet_v2 import MobileNetV2
from src.backbones.resnet import ResNet50
from src.utils.errors import UserError
from src.weights.pretrained_backbone import MINDCV_RENAMES, RENAMES, load_backbone, match_names, with_mindspore_names
from tests.support.backbone_net import BackboneNet, backbone_values, random_values, shapes_of
from tests.support.torchvision_shapes import batch_norm, mobilenet_v2, resnet50

pytestmark = pytest.mark.usefixtures("cpu")


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


@pytest.mark.parametrize(("backbone", "classifier"), [(MobileNetV2, mobilenet_v2), (ResNet50, resnet50)])
def test_torchvision_names(backbone, classifier):
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


def test_some_torchvision_names_of_mobilenet_v2():
    own = set(shapes_of(MobileNetV2()))
    names = with_mindspore_names(mobilenet_v2())
    found = {source: name for name, source in match_names(names, own, (), RENAMES[MobileNetV2]).items()}
    assert found["features.1.conv.1.weight"] == "features_1.1.conv.1.weight"
    assert found["features.2.conv.1.1.moving_mean"] == "features_1.2.conv.1.features.1.moving_mean"
    assert found["features.17.conv.3.gamma"] == "features_2.3.conv.3.gamma"
    assert found["features.18.0.weight"] == "features_2.4.features.0.weight"


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


@pytest.mark.parametrize("prefix", ["network.", "network.backbone.", "backbone.", "",
                                    "network.feature_extractor.mobilenet_v1.", "feature_extractor.mobilenet_v1."])
def test_names_of_our_own(save, prefix):
    net = BackboneNet(MobileNetV1())
    values = random_values(shapes_of(MobileNetV1()))
    load_backbone(net, save({prefix + name: value for name, value in values.items()}), "backbone")
    assert all(np.array_equal(value, values[name]) for name, value in backbone_values(net).items())


@pytest.mark.parametrize("path", ["backbone", "feature_extractor.efficientnet"])
def test_a_detector_with_another_path_to_the_backbone(save, path):
    """That of MultiBox has one layer more than that of a pyramid."""
    net = BackboneNet(EfficientNetLite("lite0", pyramid=True))
    shapes = shapes_of(EfficientNetLite("lite0"))
    values = random_values({f"network.{path}.{name}": shape for name, shape in shapes.items()})
    report = load_backbone(net, save(values), "backbone")
    assert all(np.array_equal(value, values[f"network.{path}.{name}"]) for name, value in backbone_values(net).items())
    assert {name.removeprefix(f"network.{path}.").split(".")[0] for name in report.unused} == {"head"}


def test_resnet_of_a_detector_into_that_of_mindcv():
    mindcv = pytest.importorskip("mindcv")
    own = shapes_of(mindcv.create_model("resnet50"))
    own = {name: shape for name, shape in own.items() if not name.startswith("classifier")}
    theirs = shapes_of(ResNet50())
    sources = match_names([f"network.feature_extractor.resnet.{name}" for name in theirs], own,
                          ("network.feature_extractor.resnet.",), MINDCV_RENAMES)
    assert {name: theirs[source.removeprefix("network.feature_extractor.resnet.")]
            for name, source in sources.items()} == own


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


def test_weights_that_are_no_numbers(save):
    values = random_values(shapes_of(MobileNetV1()))
    values["network.0.0.weight"].flat[5] = np.inf
    net = BackboneNet(MobileNetV1())
    before = backbone_values(net)
    with pytest.raises(UserError, match=r"not finite numbers .* in 1 of its 135 parameters: network\.0\.0\.weight"):
        load_backbone(net, save(values), "backbone")
    assert all(np.array_equal(value, before[name]) for name, value in backbone_values(net).items())
