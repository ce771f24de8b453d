import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.boxes import box_coder
from src.boxes.anchors import grid_anchors
from src.boxes.box_coder import BoxCoder, build_box_coder
from src.boxes.box_ops import pairwise_iou, tlbr_to_xywh, to_cyxhw, to_tlbr, xywh_to_tlbr
from tests.support.box_coders import CODER
from tests.support.golden_data import CONFIGS, golden_arrays


@pytest.mark.parametrize("model", CONFIGS)
def test_encoding_agrees_with_the_original(config_of, model):
    coder = build_box_coder(config_of(CONFIGS[model]))
    golden = golden_arrays(f"{model}/encode.npz")
    for number, name in enumerate(golden["names"]):
        case = {key[4:]: value for key, value in golden.items() if key.startswith(f"c{number:02d}_")}
        targets, labels, num_match = coder.encode(case["boxes"])
        index = labels.nonzero()[0]
        assert num_match == case["num_match"][0], name
        np.testing.assert_array_equal(index, case["index"], err_msg=str(name))  # of equally good default boxes, too
        np.testing.assert_array_equal(labels[index], case["label"], err_msg=str(name))
        np.testing.assert_allclose(targets[index], case["loc"], atol=1e-5, err_msg=str(name))
        np.testing.assert_allclose(coder.decode(targets)[index], case["decoded"], atol=1e-5, err_msg=str(name))
        outside = targets.astype(np.float64)
        outside[index] = 0
        checks = [outside.sum(), np.abs(outside).sum()]
        np.testing.assert_allclose(checks, case["loc_outside_checks"], atol=1e-4, err_msg=str(name))


def test_iou_by_hand():
    boxes = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [0, 0, 0, 5]], np.float32)
    expected = [[1, 1 / 7, 0], [1 / 7, 1, 0], [0, 0, 0]]
    np.testing.assert_allclose(pairwise_iou(boxes, boxes), expected, rtol=1e-6)


def test_conversion_by_hand():
    np.testing.assert_allclose(to_tlbr(np.array([0.5, 0.4, 0.2, 0.4])), [0.4, 0.2, 0.6, 0.6])
    np.testing.assert_allclose(to_cyxhw(np.array([0.4, 0.2, 0.6, 0.6])), [0.5, 0.4, 0.2, 0.4])
    assert xywh_to_tlbr(np.array([[10, 20, 3, 4]])).tolist() == [[20, 10, 24, 13]]
    assert tlbr_to_xywh(np.array([[20, 10, 24, 13]])).tolist() == [[10, 20, 3, 4]]
    assert xywh_to_tlbr(np.zeros((0, 4))).shape == tlbr_to_xywh(np.zeros((0, 4))).shape == (0, 4)


def test_targets_by_hand():
    coder = BoxCoder(np.array([[0.5, 0.5, 0.2, 0.4]]), prior_scaling=(0.1, 0.2))
    targets, labels, num_match = coder.encode([[0.42, 0.30, 0.62, 0.74, 7]])  # centre 0.52 0.52, size 0.2 0.44
    np.testing.assert_allclose(targets, [[1.0, 0.5, 0.0, np.log(1.1) / 0.2]], atol=1e-5)
    assert labels.tolist() == [7]
    assert num_match == 1


def test_image_without_boxes():
    targets, labels, num_match = CODER.encode(np.zeros((0, 5)))
    assert num_match == 0
    assert not labels.any()
    assert not targets.any()
    assert targets.shape == (len(CODER.default_boxes), 4)


def _boxes():
    side = st.integers(1, 90)
    place = st.floats(0, 1, width=32)
    return st.lists(st.tuples(place, place, side, side, st.integers(1, 5)), min_size=1, max_size=6)


@settings(max_examples=100, deadline=None)
@given(_boxes())
def test_every_box_alone_has_a_match_that_decodes_to_it(drawn):
    for top, left, height, width, label in drawn:
        height, width = height / 100, width / 100
        top, left = top * (1 - height), left * (1 - width)
        box = [top, left, top + height, left + width]
        targets, labels, num_match = CODER.encode([[*box, label]])
        assert num_match >= 1
        decoded = CODER.decode(targets)[labels > 0]
        np.testing.assert_allclose(decoded, np.tile(np.float32(box), (num_match, 1)), atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31))
def test_matching_takes_the_largest_overlap(seed):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 0.6, (5, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0.1, 0.4, (5, 2))], axis=1).astype(np.float32)
    matched = CODER.match(boxes)
    overlap = pairwise_iou(boxes, CODER.default_boxes_tlbr)
    best_of_box = overlap.argmax(axis=1)
    for anchor in range(len(matched)):
        if anchor not in best_of_box:
            expected = overlap[:, anchor].argmax() if overlap[:, anchor].max() > 0.5 else -1
            assert matched[anchor] == expected


def match_in_one_table(coder, boxes):
    """What `BoxCoder.match` is to give."""
    if len(boxes) == 0:
        return np.full(len(coder.default_boxes), -1)
    overlap = pairwise_iou(boxes, coder.default_boxes_tlbr)
    overlap[np.arange(len(boxes)), overlap.argmax(axis=1)] = 2
    return np.where(overlap.max(axis=0) > coder.match_threshold, overlap.argmax(axis=0), -1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 12))
def test_matching_in_blocks_is_that_of_the_whole_table(seed, count):
    rng = np.random.default_rng(seed)
    coder = BoxCoder(grid_anchors((320, 320), [8, 16, 64]))
    assert len(coder.default_boxes) > 3 * box_coder.MATCH_BLOCK
    corner = rng.uniform(-0.2, 1.1, (count, 2))
    boxes = np.concatenate([corner, corner + rng.choice([0, 0.02, 0.1, 0.5], (count, 2))], axis=1).round(2)
    boxes = np.concatenate([boxes, boxes[: count // 3]]).astype(np.float32)
    np.testing.assert_array_equal(coder.match(boxes), match_in_one_table(coder, boxes))


@pytest.mark.parametrize("overlap", [0.5 - 1e-4, 0.5 + 1e-4])
def test_a_small_default_box_matches_beside_a_better_one_of_another_level(overlap):
    coder = BoxCoder(grid_anchors((320, 320), [8, 16, 64]))
    small = np.flatnonzero(np.isclose(coder.default_boxes[:, 2:], 32 * 2**0.5 / 320).all(axis=1))
    around = coder.default_boxes[small[::37]] / [1, 1, overlap**0.5, overlap**0.5]  # cy cx h w
    boxes = to_tlbr(around).astype(np.float32)
    matched = coder.match(boxes)
    assert (matched[small] >= 0).any() == (overlap > 0.5)
    np.testing.assert_array_equal(matched, match_in_one_table(coder, boxes))


def test_default_boxes_in_both_forms():
    coder = BoxCoder(grid_anchors((32, 32), [16]))
    assert coder.default_boxes.dtype == coder.default_boxes_tlbr.dtype == np.float32
    np.testing.assert_allclose(to_tlbr(coder.default_boxes), coder.default_boxes_tlbr, atol=1e-6)
