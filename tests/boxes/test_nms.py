"""Suppression and the choice of detections."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.boxes import NMSConfig, apply_nms, nms, select_detections
from src.boxes.box_ops import tlbr_to_xywh
from src.boxes.nms import pairwise_pixel_iou
from tests.support.golden_data import golden_arrays

TIED = ("tied_apart", "tied_identical")


def greedy(boxes, scores, threshold, max_boxes):
    """The definition, box by box; equal scores in the order of the original."""
    kept = []
    for index in np.argsort(scores)[::-1].tolist():
        if len(kept) < max_boxes and (pairwise_pixel_iou(boxes[kept], boxes[[index]]) <= threshold).all():
            kept.append(index)
    return kept


def random_boxes(generator, count, objects=6, size=400.0):
    """Boxes around a few places, (N, 4) float32 pixels."""
    centre = generator.random((objects, 2))[generator.integers(0, objects, count)]
    centre = centre + generator.normal(0, 0.03, (count, 2))
    half = np.exp(generator.normal(-2.0, 0.3, (count, 2)))
    return (np.concatenate([centre - half, centre + half], axis=1).clip(0, 1) * size).astype(np.float32)


def test_nms_golden():
    arrays = golden_arrays("nms.npz")
    assert len(arrays["kind"]) == 20
    for case, kind in enumerate(arrays["kind"]):
        boxes, scores = arrays[f"c{case:02}_boxes"], arrays[f"c{case:02}_scores"]
        expected = arrays[f"c{case:02}_keep"]
        kept = apply_nms(boxes, scores, arrays["threshold"][case], int(arrays["max_boxes"][case]))
        if kind in TIED:  # any order inside a tie
            np.testing.assert_array_equal(scores[kept], scores[expected])
            pairs, expected_pairs = (
                sorted((float(scores[i]), *boxes[i].tolist()) for i in chosen) for chosen in (kept, expected)
            )
            assert pairs == expected_pairs, case
        else:
            np.testing.assert_array_equal(kept, expected, err_msg=f"case {case} {kind}")


def test_overlap_counts_both_end_pixels():
    # 10 x 10 pixels each; rows 0..9 and columns 0..9 against columns 5..14: 50 common of 150.
    boxes = np.array([[0, 0, 9, 9], [0, 5, 9, 14]], np.float64)
    np.testing.assert_allclose(pairwise_pixel_iou(boxes, boxes), [[1, 1 / 3], [1 / 3, 1]], rtol=1e-15)
    # Columns 0..9 against 9..19: the common column 9 counts, 10 of 100 + 110 - 10 pixels.
    touching = np.array([[0, 9, 9, 19]], np.float64)
    np.testing.assert_allclose(pairwise_pixel_iou(boxes[:1], touching), [[10 / 200]], rtol=1e-15)


def test_threshold_is_exclusive():
    boxes = np.array([[0, 0, 9, 9], [0, 5, 9, 14]], np.float64)
    scores = np.array([0.3, 0.9])
    assert apply_nms(boxes, scores, 1 / 3, 100).tolist() == [1, 0]
    assert apply_nms(boxes, scores, 0.333, 100).tolist() == [1]


def test_suppressed_box_suppresses_nothing():
    # Each overlaps its neighbour by 60 / 140, but the first and the third by 20 / 180 only.
    boxes = np.array([[0, 0, 9, 9], [0, 4, 9, 13], [0, 8, 9, 17]], np.float64)
    assert apply_nms(boxes, np.array([0.9, 0.8, 0.7]), 0.4, 100).tolist() == [0, 2]


def test_of_few_equal_scores_the_last_comes_first():
    """NumPy's sort is stable for so few numbers, and the original reverses it."""
    boxes = np.array([[0, 100 * i, 9, 100 * i + 9] for i in range(5)], np.float32)
    assert apply_nms(boxes, np.array([0.5, 0.9, 0.5, 0.9, 0.5]), 0.5, 4).tolist() == [3, 1, 4, 2]


@pytest.mark.parametrize("limits", [{}, {"max_detections": 1000}])
@pytest.mark.parametrize("many", [nms._MANY_CANDIDATES, 1000])
def test_detections_with_equal_scores_against_the_definition(monkeypatch, many, limits):
    """As an untrained network gives them: each class by itself, its candidates in the order of the anchors."""
    monkeypatch.setattr(nms, "_MANY_CANDIDATES", many)
    monkeypatch.setattr(nms, "_FEW_CANDIDATES", 50)
    generator = np.random.default_rng(5)
    boxes = random_boxes(generator, 400, size=1.0)
    scores = (generator.integers(1, 9, (400, 6)) / 8).astype(np.float32)
    found, _, labels = select_detections(boxes, scores, (300, 300), NMSConfig(0.2, 0.5, 15), **limits)
    def expected(label, min_score):
        above = np.flatnonzero(scores[:, label] > min_score)
        kept = above[greedy(boxes[above] * np.float32(300), scores[above, label], 0.5, 15)]
        return tlbr_to_xywh(boxes[kept] * np.float32(300))

    for label in range(1, 6):
        np.testing.assert_array_equal(found[labels == label], expected(label, 0.2))
    # What a higher threshold keeps is the same whether or not lower scores are asked for as well.
    found, values, labels = select_detections(boxes, scores, (300, 300), NMSConfig(0.2, 0.5, 15), always_above=0.6,
                                              **limits)
    for label in range(1, 6):
        np.testing.assert_array_equal(found[(labels == label) & (values > 0.6)], expected(label, 0.6))


def test_no_boxes():
    assert apply_nms(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), 0.5, 100).tolist() == []
    assert apply_nms(np.ones((5, 4), np.float32), np.ones(5, np.float32), 0.5, 0).tolist() == []


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.sampled_from([1, 2, 30, 127, 128, 129, 400, 1500]),
    threshold=st.sampled_from([0.0, 0.3, 0.6, 0.9]),
    max_boxes=st.sampled_from([1, 3, 20, 1000]),
)
def test_nms_is_greedy_idempotent_and_prefix_consistent(seed, count, threshold, max_boxes):
    generator = np.random.default_rng(seed)
    boxes = random_boxes(generator, count)
    tied = (generator.integers(1, 60, count) / 64).astype(np.float32)
    if count <= 130:
        assert apply_nms(boxes, tied, threshold, max_boxes).tolist() == greedy(boxes, tied, threshold, max_boxes)
    scores = (generator.permutation(count) / count).astype(np.float32)
    kept = apply_nms(boxes, scores, threshold, max_boxes)
    assert (np.diff(scores[kept]) <= 0).all()
    np.testing.assert_array_equal(apply_nms(boxes[kept], scores[kept], threshold, max_boxes), np.arange(len(kept)))
    above = np.flatnonzero(scores > 0.5)
    np.testing.assert_array_equal(above[apply_nms(boxes[above], scores[above], threshold, max_boxes)],
                                  kept[scores[kept] > 0.5])


def test_many_candidates_against_the_definition():
    generator = np.random.default_rng(3)
    boxes = random_boxes(generator, 3000, objects=2)
    scores = generator.permutation(3000).astype(np.float32)
    assert apply_nms(boxes, scores, 0.5, 40).tolist() == greedy(boxes, scores, 0.5, 40)


def test_classes_of_very_different_sizes():
    generator = np.random.default_rng(4)
    boxes = random_boxes(generator, 2000, objects=5, size=1.0)
    scores = np.zeros((2000, 12), np.float32)
    for label, count in ((2, 2000), (3, 1), (7, 300), (11, 40)):
        scores[generator.choice(2000, count, replace=False), label] = generator.integers(1, 90, count) / 100
    _, found, labels = select_detections(boxes, scores, (400, 400), NMSConfig(0.0, 0.5, 25))
    assert set(labels.tolist()) == {2, 3, 7, 11}
    for label in (2, 3, 7, 11):
        above = np.flatnonzero(scores[:, label] > 0)
        kept = greedy(boxes[above] * np.float32(400), scores[above, label], 0.5, 25)
        np.testing.assert_array_equal(found[labels == label], scores[above[kept], label])


def test_select_by_hand():
    boxes = np.array([[0.1, 0.2, 0.5, 0.6], [0.1, 0.2, 0.5, 0.6], [0.5, 0.5, 1.0, 1.0]], np.float32)
    scores = np.array([[0.9, 0.2, 0.3], [0.9, 0.4, 0.1], [0.9, 0.1, 0.6]], np.float32)
    found, found_scores, labels = select_detections(boxes, scores, (100, 200), NMSConfig(0.1, 0.6, 100))
    # Class 1: anchor 1 (0.4) suppresses anchor 0, anchor 2 is not above 0.1. Class 2: anchors 2 and 0.
    np.testing.assert_allclose(found, [[40, 10, 80, 40], [100, 50, 100, 50], [40, 10, 80, 40]], atol=1e-4)
    np.testing.assert_array_equal(found_scores, np.array([0.4, 0.6, 0.3], np.float32))
    assert labels.tolist() == [1, 2, 2]


def test_select_limits_each_class_and_the_image():
    boxes = np.array([[0, i / 10, 0.5, i / 10 + 0.05] for i in range(8)], np.float32)
    scores = np.linspace(0.1, 0.8, 8, dtype=np.float32)[:, None] * np.array([1, 1, 0.5], np.float32)
    _, found, labels = select_detections(boxes, scores, (100, 100), NMSConfig(0.01, 0.6, 3))
    np.testing.assert_allclose(found, [0.8, 0.7, 0.6, 0.4, 0.35, 0.3], rtol=1e-6)
    assert labels.tolist() == [1, 1, 1, 2, 2, 2]
    _, found, _ = select_detections(boxes, scores, (100, 100), NMSConfig(0.01, 0.6, 3), max_detections=2)
    np.testing.assert_allclose(found, [0.8, 0.7], rtol=1e-6)
    _, found, _ = select_detections(boxes, scores, (100, 100), NMSConfig(0.01, 0.6, 3), max_detections=2,
                                    always_above=0.35)
    np.testing.assert_allclose(found, [0.8, 0.7, 0.6, 0.4], rtol=1e-6)


def test_select_nothing():
    boxes, scores, labels = select_detections(np.ones((7, 4)), np.full((7, 3), 0.1), (10, 10), NMSConfig(0.1, 0.6, 100))
    assert boxes.shape == (0, 4) and scores.shape == (0,) and labels.shape == (0,)


@pytest.mark.parametrize("limits", [{}, {"max_detections": 200, "always_above": 0.3}])
@pytest.mark.parametrize("objects", [3, 300])
def test_so_many_candidates_that_the_best_of_each_class_go_first(objects, limits, monkeypatch):
    generator = np.random.default_rng(8)
    boxes = random_boxes(generator, 1500, objects, size=1.0)
    scores = generator.random((1500, 9)).astype(np.float32).round(2)
    expected = select_detections(boxes, scores, (300, 400), NMSConfig(0.01, 0.45, 20), **limits)
    monkeypatch.setattr(nms, "_MANY_CANDIDATES", 5000)
    for array, same in zip(select_detections(boxes, scores, (300, 400), NMSConfig(0.01, 0.45, 20), **limits), expected):
        np.testing.assert_array_equal(array, same)


@pytest.mark.parametrize("always_above", [None, 0.1, 0.6])
@pytest.mark.parametrize("objects", [3, 300])
def test_shortcut_for_many_candidates_changes_nothing(objects, always_above):
    generator = np.random.default_rng(7)
    boxes = random_boxes(generator, 1500, objects, size=1.0)
    scores = generator.beta(1, 8, (1500, 31)).astype(np.float32).round(3)
    everything = select_detections(boxes, scores, (300, 400), NMSConfig(0.01, 0.45, 100), always_above=always_above)
    assert (scores > 0.01).sum() > 10000 and len(everything[1]) > 200
    wanted = everything[1] > (2 if always_above is None else always_above)
    wanted[np.argsort(-everything[1], kind="stable")[:200]] = True
    found = select_detections(boxes, scores, (300, 400), NMSConfig(0.01, 0.45, 100), 200, always_above)
    for array, expected in zip(found, everything):
        np.testing.assert_array_equal(array, expected[wanted])
