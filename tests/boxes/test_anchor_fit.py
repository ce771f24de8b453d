import numpy as np
import pytest

from src.boxes.anchor_fit import best_overlaps, share_below


def test_best_overlaps():
    anchors = np.array([[0.5, 0.5, 1.0, 1.0], [0.25, 0.25, 0.5, 0.5]])  # cy cx h w
    boxes = np.array([[0, 0, 0.5, 0.5], [0, 0, 1, 0.5], [0, 0, 0.25, 0.25]])
    overlaps = best_overlaps(boxes, anchors)
    np.testing.assert_allclose(overlaps, [1, 0.5, 0.25])
    assert share_below(overlaps) == pytest.approx(1 / 3)
    assert share_below(best_overlaps(np.zeros((0, 4)), anchors)) == 0
