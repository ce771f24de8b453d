import re
import sys

import mindspore as ms
import numpy as np
import pytest

from src.backbones.mindcv import build_mindcv_backbone
from src.ssd import build_inference_net, build_training_net, get_model
from src.training.optimizer import freeze
from src.utils.errors import UserError
from src.weights import load_backbone
from src.weights.import_weights import mindcv_parameters

pytestmark = pytest.mark.usefixtures("cpu")

SMALL = ("--num_classes=3", "--classes=background,cat,dog", "--use_float16=False", "--num_ssd_boxes=-1")
SMALL_300 = ("--img_shape=96,96", "--feature_size=6,3,2,1,1,1", "--steps=16,32,64,96,96,96")
SMALL_FPN = ("--img_shape=128,128", "--feature_size=16,8,4,2,1")
MOBILENET_V2 = "ssd_mindcv_mobilenetv2_config.yaml"
MOBILENET_V3 = "ssd_mindcv_mobilenetv3_config.yaml"
RESNET50 = "ssd_mindcv_resnet50_fpn_config.yaml"


def build(name="mobilenet_v2_100", out_indices=(13, 18), image_size=(96, 96), feature_size=(6, 3, 2), **others):
    return build_mindcv_backbone(name, out_indices, image_size, feature_size, **others)


def message_of(function, *args, **kwargs):
    with pytest.raises(UserError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def name_in_mindcv(own):
    """The name of a parameter in the checkpoints of MindCV's own SSDs."""
    name = own.removeprefix("network.").removeprefix("feature_extractor.")
    name = re.sub(r"(fpn_convs_list|blocks)\.(\d)", r"\1.\2.features", name)
    name = name.replace("backbone.mindcv.", "backbone.").replace("backbone.expand.", "feature1_expand_layer.features.")
    return name if name.startswith("multi_box.") else f"backbone_wrapper.{name}"


# (36 * 3 + (9 + 4 + 1 + 1 + 1) * 6) and (256 + 64 + 16 + 4 + 1) * 6 default boxes
@pytest.mark.parametrize(("config_file", "flags", "boxes", "own_names"), [
    (MOBILENET_V2, SMALL_300, 204, ["backbone.mindcv.net.features_0.weight", "backbone.expand.0.weight"]),
    (MOBILENET_V3, SMALL_300, 204, ["backbone.mindcv.net.features_19.gamma", "backbone.expand.1.moving_mean"]),
    (RESNET50, SMALL_FPN, 2046, ["feature_extractor.backbone.mindcv.net.layer4.2.conv3.weight"]),
])
def test_the_three_configurations(config_of, config_file, flags, boxes, own_names):
    pytest.importorskip("mindcv")
    config = config_of(config_file, *SMALL, *flags)
    net = build_inference_net(config)
    names = [parameter.name for parameter in net.get_parameters()]
    assert len(set(names)) == len(names)
    assert {f"network.{name}" for name in own_names} <= set(names)
    assert len(net.trainable_params()) > config.all_reduce_fusion_config[-1]
    image = ms.Tensor(np.random.default_rng(0).normal(size=(2, 3, *config.img_shape)).astype(np.float32))
    found, scores = (output.asnumpy() for output in net(image))
    assert (found.shape, scores.shape) == ((2, boxes, 4), (2, boxes, 3))
    assert np.isfinite(found).all() and ((scores > 0) & (scores < 1)).all()
    values = {parameter.name: parameter.asnumpy() for parameter in net.get_parameters()}
    theirs = {name_in_mindcv(name): value for name, value in values.items()}
    imported = mindcv_parameters(theirs, net, config.model_name, config.num_classes, "their.ckpt")
    assert list(imported) == list(values)
    for name, value in values.items():  # the epsilon of some BatchNorms is another
        np.testing.assert_allclose(imported[name], value, rtol=1e-3 if name.endswith(".gamma") else 0)


@pytest.mark.parametrize(("config_file", "like", "different"), [
    (MOBILENET_V2, "ssd300_config.yaml", {}),
    (MOBILENET_V3, "ssd300_config.yaml", {"extras_in_channels": (256, 672, 960, 512, 256, 256),
                                          "extras_out_channels": (672, 960, 512, 256, 256, 128)}),
    (RESNET50, "ssd_resnet50_fpn_config.yaml", {}),
])
def test_other_values_are_those_of_the_models_alike(config_of, config_file, like, different):
    mine, other = vars(config_of(config_file)), vars(config_of(like))
    keys = {key for key in mine if mine[key] != other[key] and key != "model_name" and not key.startswith("backbone")}
    assert {key: mine[key] for key in keys} == different


def test_channels():
    pytest.importorskip("mindcv")
    assert build().out_channels == (96, 1280)
    backbone = build("mobilenet_v3_large_100", (12, 16), expand_channels=672, expand_activation="hswish")
    assert backbone.out_channels == (672, 960)
    assert backbone.expand[0].weight.shape == (672, 112, 1, 1)
    assert type(backbone.expand[2]).__name__ == "HSwish"


def test_classifier_of_mindcv_fills_the_backbone_which_can_be_frozen(config_of, tmp_path):
    mindcv = pytest.importorskip("mindcv")
    classifier = mindcv.create_model("mobilenet_v2_100")
    ms.save_checkpoint(classifier, str(tmp_path / "classifier.ckpt"))
    net = build_training_net(config_of(MOBILENET_V2, *SMALL, *SMALL_300))
    path = get_model("ssd_mindcv").backbone_path
    report = load_backbone(net, tmp_path / "classifier.ckpt", path)
    assert (len(report.loaded), report.kept) == (260, ())
    assert report.unused == ("classifier.1.bias", "classifier.1.weight")
    theirs = {parameter.name: parameter.asnumpy() for parameter in classifier.get_parameters()}
    loaded = net.network.backbone.mindcv.net.parameters_dict()
    for own, their in (("features_0.weight", "features.0.weight"),
                       ("features_19.layers.7.moving_variance", "features.19.layers.7.moving_variance")):
        assert np.array_equal(loaded[f"network.{path}.{own}"].asnumpy(), theirs[their])
    assert freeze(net, "network." + path) == 260
    trainable = {parameter.name for parameter in net.trainable_params()}
    assert not any(name.startswith("network.backbone.mindcv.net.") for name in trainable)
    assert "network.backbone.expand.0.weight" in trainable


# What can be wrong


def test_without_mindcv(monkeypatch):
    monkeypatch.setitem(sys.modules, "mindcv", None)
    assert "pip install mindcv" in message_of(build)


@pytest.mark.parametrize(("arguments", "expected"), [
    ({"name": ""}, ["backbone is empty", "mobilenet_v2_100"]),
    ({"name": "mobilenet_v2_10"}, ["no model 'mobilenet_v2_10'", "mobilenet_v2_100"]),
    ({"name": "vgg16"}, ["vgg16", "does not give features", "resnet50"]),
    ({"out_indices": (13, 19)}, ["[13, 19]", "13: 96 / 16", "18: 1280 / 32"]),
    ({"out_indices": (18, 13)}, ["[18, 13]", "ascending"]),
    ({"out_indices": ()}, ["backbone_out_indices is []"]),
    ({"out_indices": (6, 18)}, ["[8, 32]", "12 x 12, 3 x 3", "[6, 3]"]),
    ({"feature_size": (6,)}, ["[16, 32]", "begins with [6]"]),
])
def test_wrong_arguments(arguments, expected):
    pytest.importorskip("mindcv")
    message = message_of(build, **arguments)
    assert [text for text in expected if text not in message] == []


def test_channels_that_contradict_the_configuration(config_of):
    pytest.importorskip("mindcv")
    unexpanded = config_of(MOBILENET_V2, *SMALL, *SMALL_300, "--backbone_expand_channels=0")
    message = message_of(build_inference_net, unexpanded)
    assert "extras_out_channels begins with [576, 1280]" in message and "[96, 1280]" in message
    gap = config_of(MOBILENET_V2, *SMALL, *SMALL_300, "--extras_in_channels=256,576,960,512,256,256")
    assert "extras_in_channels says 960 for level 2" in message_of(build_inference_net, gap)


def test_pyramid_of_two_features(config_of):
    pytest.importorskip("mindcv")
    config = config_of(RESNET50, *SMALL, *SMALL_FPN, "--backbone_out_indices=2,3")
    assert "needs 3 features" in message_of(build_inference_net, config)
