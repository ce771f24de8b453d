"""Predictions before and after NMS inside the model."""
import numpy as np
import pytest

from src.boxes import NMSConfig
from src.evaluation.predictions import AnchorPredictions, SelectedPredictions

NMS = NMSConfig(0.1, 0.6, 100)
# Of label 1 two boxes with an IoU of about 0.5 and one far away; of label 2 a box over the first.
SELECTED = SelectedPredictions(
    np.array([[0, 0, 99, 99], [0, 33, 99, 132], [300, 300, 399, 399], [0, 0, 99, 99]], np.float32),
    np.array([0.9, 0.8, 0.7, 0.2], np.float32), np.array([1, 1, 1, 2]), NMS)


def test_what_the_model_has_selected_stays():
    boxes, scores, labels = SELECTED.select((400, 400), NMS)
    assert boxes.tolist() == [[0, 0, 99, 99], [33, 0, 99, 99], [300, 300, 99, 99], [0, 0, 99, 99]]
    assert labels.tolist() == [1, 1, 1, 2]
    np.testing.assert_array_equal(scores, SELECTED.scores)


@pytest.mark.parametrize(("nms", "limits", "kept"), [
    (NMSConfig(0.7, 0.6, 100), {}, [0, 1]),  # a score has to be above
    (NMSConfig(0.1, 0.45, 100), {}, [0, 2, 3]),
    (NMSConfig(0.1, 0.9, 200), {}, [0, 1, 2, 3]),
    (NMSConfig(0.1, 0.6, 1), {}, [0, 3]),
    (NMS, {"max_detections": 2}, [0, 1]),
    (NMS, {"max_detections": 1, "always_above": 0.75}, [0, 1]),
])
def test_stricter_limits_hold(nms, limits, kept):
    _, scores, labels = SELECTED.select((400, 400), nms, **limits)
    np.testing.assert_array_equal(scores, SELECTED.scores[kept])
    np.testing.assert_array_equal(labels, SELECTED.labels[kept])


def test_without_labels():
    assert SELECTED.without([1]).select((400, 400), NMS)[2].tolist() == [2]
    anchors = AnchorPredictions(np.array([[0, 0, 0.5, 0.5]], np.float32), np.array([[0, 0.9, 0.8]], np.float32))
    assert anchors.without([1]).select((400, 400), NMS)[2].tolist() == [2]
    assert anchors.select((400, 400), NMS)[2].tolist() == [1, 2]


def test_nothing_found():
    nothing = SelectedPredictions(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), NMS)
    nothing.check(3)
    for nms in (NMS, NMSConfig(0.1, 0.3, 1)):
        assert [array.shape for array in nothing.select((400, 400), nms)] == [(0, 4), (0,), (0,)]
