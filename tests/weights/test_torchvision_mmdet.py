"""SSD300 of torchvision and mmdetection: names, order of the heads, and the libraries' own numbers."""
import re

import mindspore as ms
import numpy as np
import pytest

from src.boxes import build_box_coder
from src.config import load_config
from src.ssd import build_inference_net
from src.utils.errors import UserError
from src.weights.torchvision_mmdet import LIBRARIES, convert_detector, is_detector
from tests.support.golden_data import LIBRARY_FOLDERS, ROOT, golden_arrays, golden_input, golden_json, library_weights

pytestmark = pytest.mark.usefixtures("cpu")
CLASSES = {"torchvision": 91, "mmdet": 81}


@pytest.fixture(scope="module")
def nets(cpu):
    """The inference networks of both configurations by library."""
    files = {library: ROOT / "config" / LIBRARIES[library].config_file for library in LIBRARIES}
    return {library: build_inference_net(load_config([f"--config_path={file}"])) for library, file in files.items()}


def convert(weights, library, net):
    shapes = {p.name.removeprefix("network."): tuple(p.shape) for p in net.get_parameters()}
    return convert_detector(weights, LIBRARIES[library], shapes, CLASSES[library], "a.pth")


def empty_weights(library):
    """Arrays of the right shapes, without the time that the numbers take."""
    rows = golden_json(f"{LIBRARY_FOLDERS[library]}/state_dict.json")
    return {row["name"]: np.zeros(row["shape"], np.float32) for row in rows}


def test_config_files_have_the_default_boxes_of_the_libraries(config_of):
    for library in LIBRARIES:
        config = config_of(LIBRARIES[library].config_file)
        assert config.num_ssd_boxes == 8732
        assert config.num_classes == CLASSES[library]
        boxes = build_box_coder(config).default_boxes_tlbr * 300
        golden = golden_arrays(f"{LIBRARY_FOLDERS[library]}/forward.npz")
        stride = int(golden["stride"])
        np.testing.assert_allclose(boxes[::stride, [1, 0, 3, 2]], golden["anchors_xyxy_px"], atol=1e-2)
        assert boxes.sum(dtype=np.float64) == pytest.approx(float(golden["anchors_xyxy_px_sum"]), abs=1)


@pytest.mark.parametrize("library", LIBRARIES)
def test_outputs_agree_with_the_library(nets, library):
    folder = LIBRARY_FOLDERS[library]
    golden = golden_arrays(f"{folder}/forward.npz")
    weights = library_weights(library)
    for name in weights:
        if re.search(r"reg(ression_head|_convs)", name):
            weights[name] = weights[name] * np.float32(0.2)  # the stored boxes belong to a fifth of the regression
    net = nets[library]
    values = convert(weights, library, net)
    for parameter in net.get_parameters():
        parameter.set_data(ms.Tensor(values[parameter.name.removeprefix("network.")]))
    image = ms.Tensor(golden_input(f"{folder}/forward", (1, 3, 300, 300)))
    locations, logits = (output.asnumpy()[0] for output in net.network(image))
    boxes, scores = (output.asnumpy()[0] for output in net(image))
    if library == "mmdet":  # the background is its last class
        logits, scores = np.roll(logits, -1, axis=1), np.roll(scores, -1, axis=1)
    stride = int(golden["stride"])
    np.testing.assert_allclose(logits[::stride], golden["logits"], atol=1e-4)
    np.testing.assert_allclose(scores[::stride], golden["scores"], atol=1e-4)
    np.testing.assert_allclose(locations[::stride, [1, 0, 3, 2]], golden["deltas_x02"], atol=1e-4)
    np.testing.assert_allclose(300 * boxes[::stride, [1, 0, 3, 2]], golden["boxes_xyxy_px"], atol=1e-2)
    assert np.abs(logits).sum(dtype=np.float64) == pytest.approx(float(golden["logits_abs_sum"]), rel=1e-6)


def upgraded(name):
    """Name since mmdetection 2.14 -> the one before."""
    name = re.sub(r"neck\.extra_layers\.(\d)\.(\d)\.conv\.", lambda m: f"backbone.extra.{2 * int(m[1]) + int(m[2])}.",
                  name)
    return re.sub(r"(bbox_head\.\w+\.\d)\.0\.", r"\1.", name).replace("neck.l2_norm", "backbone.l2_norm")


def test_names_before_mmdetection_2_14(nets):
    weights = empty_weights("mmdet")
    for number, value in enumerate(weights.values()):
        value[...] = number
    old = {upgraded(name): value for name, value in weights.items()}
    assert {"backbone.extra.7.bias", "backbone.l2_norm.weight", "bbox_head.cls_convs.5.weight"} <= set(old)
    expected = convert(weights, "mmdet", nets["mmdet"])
    found = convert(old, "mmdet", nets["mmdet"])
    assert len(found) == 71
    assert all(np.array_equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize("library", LIBRARIES)
def test_order_of_classes_and_box_coordinates(nets, library):
    weights = empty_weights(library)
    classes = CLASSES[library]
    for name, value in weights.items():
        if name.endswith("bias"):
            value[...] = np.arange(len(value)) % (classes if re.search("cls|classification", name) else 4)
    values = convert(weights, library, nets[library])
    first = [classes - 1, *range(classes - 1)] if library == "mmdet" else list(range(classes))
    assert values["multi_box.multi_cls_layers.4.bias"].tolist() == first * 4
    assert values["multi_box.multi_loc_layers.1.bias"].tolist() == [1, 0, 3, 2] * 6  # dx dy dw dh -> dy dx dh dw


def test_what_does_not_fit_is_named(nets):
    net = nets["mmdet"]
    with pytest.raises(UserError, match=r"20 of its 71 .*\n.*missing: .*\n  without a place: .*\n.* other library"):
        convert(empty_weights("torchvision"), "mmdet", net)
    weights = empty_weights("mmdet")
    weights["neck.extra_layers.4.0.conv.weight"] = np.zeros(3, np.float32)
    del weights["backbone.features.33.bias"]
    with pytest.raises(UserError) as caught:
        convert(weights, "mmdet", net)
    for text in ("a.pth", "70 of its 71", "missing: fc7.bias", "without a place: neck.extra_layers.4.0.conv.weight"):
        assert text in str(caught.value)
    other = {name: value[:100] if name.endswith("cls_convs.0.0.bias") else value
             for name, value in empty_weights("mmdet").items()}
    with pytest.raises(UserError, match=r"cls_convs\.0\.0\.bias has shape \(100,\), expected \(324,\).*81 classes"):
        convert(other, "mmdet", net)


def test_is_detector():
    assert is_detector(["backbone.features.0.weight", "bbox_head.cls_convs.0.weight"])
    assert is_detector(["head.classification_head.module_list.0.bias"])
    assert not is_detector(["features.0.weight", "classifier.1.bias"])
