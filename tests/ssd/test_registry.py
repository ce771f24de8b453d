"""The model table, and a backbone of one's own as docs/backbones.md adds it."""
import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.ssd import MODELS, build_inference_net, get_model, register
from src.ssd.registry import build_with_conv_extras, build_with_fpn, build_with_fpn_lite, build_with_inverted_extras
from src.utils.errors import UserError

pytestmark = pytest.mark.usefixtures("cpu")
FLAGS = ("--classes=background,thing", "--num_classes=2", "--img_shape=64,64", "--num_ssd_boxes=-1")
MULTIBOX = (*FLAGS, "--feature_size=4,2", "--steps=16,32", "--num_default=3,6", "--aspect_ratios=[[],[2,3]]",
            "--extras_in_channels=3,8", "--extras_out_channels=8,16", "--extras_strides=1,2", "--extras_ratio=1,0.5")


class Backbone(nn.Cell):
    """Average pooling and a 1x1 convolution for each stride."""

    def __init__(self, strides, channels=8):
        super().__init__()
        self.layers = nn.CellList([nn.SequentialCell([nn.AvgPool2d(stride, stride), nn.Conv2d(3, channels, 1)])
                                   for stride in strides])
        self.out_channels = (channels,) * len(strides)

    def construct(self, x):
        features = ()
        for layer in self.layers:
            features += (layer(x),)
        return features


@pytest.fixture
def table(monkeypatch):
    """The model table, whose new rows are gone after the test."""
    for name in MODELS.copy():
        monkeypatch.setitem(MODELS, name, MODELS[name])
    before = set(MODELS)
    yield MODELS
    for name in set(MODELS) - before:
        del MODELS[name]


@pytest.mark.parametrize(("build", "path"), [
    (build_with_inverted_extras, "backbone"), (build_with_conv_extras, "feature_extractor.mobilenet_v1")])
def test_a_backbone_with_extra_layers(table, config_of, build, path):
    register("ssd_mine", build=build, create_backbone=lambda config: Backbone((16,)), backbone_path=path,
             config_file="ssd_mine_config.yaml")
    net = build_inference_net(config_of("ssd300_config.yaml", "--model_name=ssd_mine", *MULTIBOX))
    boxes, scores = net(ms.Tensor(np.zeros((1, 3, 64, 64), np.float32)))
    assert boxes.shape == (1, 4 * 4 * 3 + 2 * 2 * 6, 4) and scores.shape == (1, 72, 2)
    assert f"network.{path}.layers.0.1.weight" in net.parameters_dict()


@pytest.mark.parametrize("build", [build_with_fpn, build_with_fpn_lite])
def test_a_backbone_with_a_pyramid(table, config_of, build):
    register("ssd_mine", build=lambda config, backbone: build(config, backbone, "mine"),
             create_backbone=lambda config: Backbone((8, 16, 32)), backbone_path="feature_extractor.mine",
             config_file="ssd_mine_config.yaml")
    net = build_inference_net(config_of("ssd_mobilenet_v2_fpnlite_config.yaml", "--model_name=ssd_mine", *FLAGS,
                                        "--feature_size=8,4,2,1,1"))
    boxes, scores = net(ms.Tensor(np.zeros((1, 3, 64, 64), np.float32)))
    assert boxes.shape == (1, (64 + 16 + 4 + 1 + 1) * 6, 4) and scores.shape == (1, 516, 2)
    assert "network.feature_extractor.mine.layers.2.1.weight" in net.parameters_dict()


def test_a_pyramid_needs_three_features(table, config_of):
    register("ssd_mine", build=lambda config, backbone: build_with_fpn(config, backbone, "mine"),
             create_backbone=lambda config: Backbone((16, 32)), backbone_path="feature_extractor.mine",
             config_file="ssd_mine_config.yaml")
    with pytest.raises(UserError, match=r"needs 3 features, of the strides \(8, 16, 32\); the backbone has 2"):
        build_inference_net(config_of("ssd_mobilenet_v2_fpnlite_config.yaml", "--model_name=ssd_mine", *FLAGS,
                                      "--feature_size=8,4,2,1,1"))


@pytest.mark.parametrize(("flag", "message"), [
    ("--extras_out_channels=9,16", r"begins with \[9\], but the features of the backbone have \[8\]"),
    ("--extras_in_channels=3,9", "says 9 for level 1 .* level 0 has 8 channels"),
])
def test_channels_that_do_not_fit(table, config_of, flag, message):
    register("ssd_mine", build=build_with_inverted_extras, create_backbone=lambda config: Backbone((16,)),
             backbone_path="backbone", config_file="ssd_mine_config.yaml")
    with pytest.raises(UserError, match=message):
        build_inference_net(config_of("ssd300_config.yaml", "--model_name=ssd_mine", *MULTIBOX, flag))


def test_a_name_is_taken_once():
    with pytest.raises(ValueError, match="'ssd300' is in the table already"):
        register("ssd300", build=None, create_backbone=None, backbone_path="", config_file="")


@pytest.mark.parametrize(("name", "message"), [
    ("ssd301", "there is no model 'ssd301'; did you mean 'ssd300'? There are: ssd300, "),
    ("yolo", "there is no model 'yolo'. There are: ssd300, "),
])
def test_unknown_names(name, message):
    with pytest.raises(UserError) as caught:
        get_model(name)
    assert message in str(caught.value)
