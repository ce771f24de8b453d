import dataclasses

import numpy as np
import pytest

from src.boxes.anchors import grid_anchors, sized_shapes
from src.boxes.default_boxes import KINDS, GridBoxes, ScaledBoxes, SizedBoxes, build_default_boxes, default_box_keys
from src.config.schema import KEYS
from tests.support.golden_data import CONFIGS, golden_arrays

CASES = [(config, f"{model}/anchors.npz") for model, config in CONFIGS.items()]
CASES.append(("ssd_vgg16_config_gpu.yaml", "ssd_vgg16/anchors_gpu_config.npz"))


@pytest.mark.parametrize(("config", "golden"), CASES)
def test_anchors_agree_with_the_original(config_of, config, golden):
    expected = golden_arrays(golden)
    boxes = build_default_boxes(config_of(config))
    anchors = boxes.anchors()
    assert len(anchors) == expected["count"]
    stride = int(expected["stride"])
    # to the last bit, which decides which of equally good default boxes a box takes
    np.testing.assert_array_equal(anchors[::stride].astype(np.float32), expected["cyxhw"])
    np.testing.assert_array_equal(boxes.corners()[::stride].astype(np.float32), expected["tlbr"])
    np.testing.assert_allclose(anchors.sum(0), expected["cyxhw_col_sum"], atol=1e-2)
    np.testing.assert_allclose(anchors[-12:], expected["last12_cyxhw"], atol=1e-6)


def test_num_ssd_boxes_is_the_number_of_anchors(config_of):
    for config in CONFIGS.values():
        loaded = config_of(config)
        assert loaded.num_ssd_boxes == len(build_default_boxes(loaded).anchors())


def test_multibox_of_one_cell():
    anchors = ScaledBoxes((100, 100), (1,), (100,), (4,), 0.25, 0.25, aspect_ratios=((4,),)).anchors()
    # the square, ratio 4 wide and tall, and the square of the geometric mean of 0.25 and 1
    np.testing.assert_allclose(
        anchors, [[0.5, 0.5, 0.25, 0.25], [0.5, 0.5, 0.125, 0.5], [0.5, 0.5, 0.5, 0.125], [0.5, 0.5, 0.5, 0.5]]
    )


def test_multibox_reduced_first_level():
    anchors = ScaledBoxes((64, 64), (1, 1), (64, 64), (3, 4), 0.2, 0.9, aspect_ratios=((), (2,))).anchors()
    assert len(anchors) == 3 + 4
    root = 2**0.5
    np.testing.assert_allclose(anchors[:3, 2:], [[0.1, 0.1], [0.2 / root, 0.2 * root], [0.2 * root, 0.2 / root]])


@pytest.mark.parametrize(("side", "feature_size", "steps"), [
    (300, (19, 10, 5, 3, 2, 1), (16, 32, 64, 100, 150, 300)),
    (320, (20, 10, 5, 3, 2, 1), (16, 32, 64, 107, 160, 320)),
    (512, (32, 16, 8, 4, 2, 1), (16, 32, 64, 128, 256, 512)),
])
def test_another_input_has_default_boxes_of_the_same_pixels(config_of, side, feature_size, steps):
    config = config_of("ssd300_config.yaml")
    values = build_default_boxes(config).for_input(side)
    assert (values["img_shape"], values["feature_size"], values["steps"]) == ((side, side), feature_size, steps)
    resized = build_default_boxes(dataclasses.replace(config, **values))
    for old, new in zip(build_default_boxes(config).shapes()[:-1], resized.shapes()[:-1]):
        np.testing.assert_allclose(np.array(new) * side, np.array(old) * 300, rtol=1e-4)
    assert resized.for_input(side) == values


def test_another_input_of_a_pyramid(config_of):
    config = config_of("ssd_mobilenet_v1_fpn_config.yaml")
    values = build_default_boxes(config).for_input(320)
    assert values == {"img_shape": (320, 320), "feature_size": (40, 20, 10, 5, 3)}
    first = build_default_boxes(dataclasses.replace(config, **values)).anchors()[0]
    np.testing.assert_allclose(first[2:] * 320, build_default_boxes(config).anchors()[0, 2:] * 640)


def test_another_input_needs_levels_that_halve(config_of):
    with pytest.raises(ValueError, match=r"feature_size \[38, 19, 10, 5, 3, 1\] are not each half as large"):
        build_default_boxes(config_of("ssd_vgg16_config.yaml")).for_input(512)


def test_grid_order_is_row_column_shape():
    anchors = grid_anchors((16, 32), [16])
    assert anchors.shape == (2 * 6, 4)
    np.testing.assert_allclose(anchors[:6, :2], [[0.5, 0.25]] * 6)
    np.testing.assert_allclose(anchors[6:, :2], [[0.5, 0.75]] * 6)
    # base size 64 pixels: 4 heights of the 16-pixel image, 2 widths of the 32-pixel image
    np.testing.assert_allclose(anchors[0, 2:], [4, 2])
    np.testing.assert_allclose(anchors[1, 2:], [4 * 2**0.5, 2 * 2**0.5])
    np.testing.assert_allclose(anchors[2, 2:], [4 / 2**0.5, 2 * 2**0.5])


def test_grid_of_a_level_that_the_step_does_not_divide():
    anchors = grid_anchors((32, 96), [64])
    assert anchors.shape == (2 * 6, 4)  # one row, two columns
    np.testing.assert_allclose(anchors[[0, 6], :2], [[0.5, 0.25], [0.5, 0.75]])
    np.testing.assert_allclose(anchors[0, 2:], [256 / 32, 256 / 96])


def test_boxes_of_ssd_fpnlite(config_of):
    config = config_of("ssd_efficientnet_lite0_fpnlite_config.yaml")
    anchors = build_default_boxes(config).anchors()
    # 40 x 40 + 20 x 20 + 10 x 10 + 5 x 5 + 3 x 3 locations, six boxes each
    assert len(anchors) == config.num_ssd_boxes == 12804
    np.testing.assert_allclose(anchors[0], [4 / 320, 4 / 320, 0.1, 0.1])  # a square of 32 pixels


def test_boxes_of_sizes_in_pixels():
    shapes = sized_shapes((100, 200), [20, 80, 100], [[4], []])
    # the square, that of the geometric mean of 20 and 80, ratio 4 wide and tall
    np.testing.assert_allclose(shapes[0], [[0.2, 0.1], [0.4, 0.2], [0.1, 0.2], [0.4, 0.05]])
    np.testing.assert_allclose(shapes[1], [[0.8, 0.4], [8000**0.5 / 100, 8000**0.5 / 200]])


def test_boxes_of_sizes_within_the_image():
    wide, tall = sized_shapes((100, 100), [90, 100], [[4]], within_image=True)[0][2:]
    assert wide == (0.45, 1.0)
    assert tall == (1.0, 0.45)
    assert sized_shapes((100, 100), [90, 100], [[4]])[0][2] == (0.45, 1.8)


@pytest.mark.parametrize(("flags", "kind"), [
    ((), ScaledBoxes),
    (("--anchor_sizes=30,60,111,162,213,264,315", "--num_default=4,6,6,6,6,6",
      "--aspect_ratios=[[2],[2,3],[2,3],[2,3],[2,3],[2,3]]"), SizedBoxes),
])
def test_the_kind_that_a_configuration_asks_for(config_of, flags, kind):
    config = config_of("ssd300_config.yaml", "--num_ssd_boxes=-1", *flags)
    boxes = build_default_boxes(config)
    assert type(boxes) is kind
    assert len(boxes.anchors()) == boxes.num_boxes == config.num_ssd_boxes
    for _, other in boxes.variants():
        assert (type(other), other.num_boxes) == (kind, boxes.num_boxes)


def test_the_flags_of_other_default_boxes_choose_them(config_of):
    boxes = build_default_boxes(config_of("ssd_resnet50_fpn_config.yaml"))
    assert type(boxes) is GridBoxes
    flags, other = next(boxes.variants())
    assert build_default_boxes(config_of("ssd_resnet50_fpn_config.yaml", flags)) == other != boxes


def test_keys_of_default_boxes_in_the_order_of_exported_models():
    assert default_box_keys() == (
        "use_anchor_generator", "num_ssd_boxes", "num_default", "feature_size", "steps", "min_scale", "max_scale",
        "aspect_ratios", "reduced_scale", "anchor_sizes", "anchors_within_image", "anchor_scale")
    assert all(set(kind.CONFIG_KEYS) <= set(KEYS) for kind in KINDS)
