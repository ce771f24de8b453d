"""The SSD of the TensorFlow Object Detection API: every weight comes to its place, and other networks are refused."""
import numpy as np
import pytest

from src.ssd import build_detector
from src.utils.errors import UserError
from src.weights.tensorflow import TAP, TAPPED, convert_tensorflow
from tests.support.tflite_files import Layer, write_tflite_detector

CONFIG = "ssd_mobilenet_v2_openimages_config.yaml"
pytestmark = pytest.mark.usefixtures("cpu")


def conv_layers(parent, rng):
    """The convolutions of a cell, in order, as layers of a file with random weights; and these by name."""
    from mindspore import nn

    layers, values = [], {}
    for _, cell in parent.cells_and_names():
        if isinstance(cell, nn.Conv2d):
            weight = rng.normal(size=cell.weight.shape).astype(np.float32)
            bias = rng.normal(size=cell.out_channels).astype(np.float32)
            layers.append(Layer(weight, bias, cell.stride[0], depthwise=cell.group > 1))
            values[cell.weight.name] = weight
            if cell.has_bias:
                values[cell.bias.name] = bias
        elif isinstance(cell, nn.BatchNorm2d):
            values[cell.beta.name] = layers[-1].bias
    return layers, values


def write_file(path, net, size=(300, 300)):
    rng, values = np.random.default_rng(0), {}
    parts = []
    for cells in ((net.backbone.features_1, net.backbone.features_2, net.multi_residual),
                  net.multi_box.multi_loc_layers, net.multi_box.multi_cls_layers):
        found = [conv_layers(cell, rng) for cell in cells]
        parts.append([layers for layers, _ in found])
        for _, named in found:
            values |= named
    trunk = [layer for layers in parts[0] for layer in layers]
    write_tflite_detector(path, trunk, *parts[1:], size=size)
    return values


@pytest.mark.parametrize("depthwise", [False, True])
def test_every_weight_has_its_place(tmp_path, config_of, depthwise):
    net = build_detector(config_of(CONFIG, f"--use_depthwise={depthwise}"))
    written = write_file(tmp_path / "m.tflite", net)
    values = convert_tensorflow(tmp_path / "m.tflite", net, (300, 300))
    assert list(values) == [parameter.name for parameter in net.get_parameters()]
    for name, value in values.items():
        kind = name.rsplit(".", 1)[1]
        if kind in ("weight", "bias", "beta"):
            np.testing.assert_array_equal(value, written[name.replace(TAP, TAPPED)], err_msg=name)
        else:
            expected = {"gamma": np.sqrt(1 + 1e-3), "moving_mean": 0, "moving_variance": 1}[kind]
            np.testing.assert_allclose(value, expected, rtol=1e-7, err_msg=name)


def test_other_classes_sizes_and_kinds(tmp_path, config_of):
    net = build_detector(config_of(CONFIG))
    write_file(tmp_path / "m.tflite", net)
    with pytest.raises(UserError, match="images of 300 x 300 pixels, the configuration says 320 x 320"):
        convert_tensorflow(tmp_path / "m.tflite", net, (320, 320))
    classes = ["background", "cat"]
    two = build_detector(config_of(CONFIG, f"--classes={classes}", "--num_classes=2"))
    with pytest.raises(UserError, match=r"convolution 1 of its class heads is 1x1 576 -> 72, .* 1x1 576 -> 6, "):
        convert_tensorflow(tmp_path / "m.tflite", two, (300, 300))
    lite = build_detector(config_of(CONFIG, "--use_depthwise=True"))
    with pytest.raises(UserError, match=r"does not hold the ssd_mobilenet_v2 .*use_depthwise is for SSDLite"):
        convert_tensorflow(tmp_path / "m.tflite", lite, (300, 300))
