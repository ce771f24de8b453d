import numpy as np
import pytest

from src.dataset_check.anchor_fit import best_overlaps, build_anchor_family, share_below, suggest_anchors


def test_best_overlaps():
    anchors = np.array([[0.5, 0.5, 1.0, 1.0], [0.25, 0.25, 0.5, 0.5]])  # cy cx h w
    boxes = np.array([[0, 0, 0.5, 0.5], [0, 0, 1, 0.5], [0, 0, 0.25, 0.25]])
    overlaps = best_overlaps(boxes, anchors)
    np.testing.assert_allclose(overlaps, [1, 0.5, 0.25])
    assert share_below(overlaps) == pytest.approx(1 / 3)
    assert share_below(best_overlaps(np.zeros((0, 4)), anchors)) == 0


def around(side, number=200):
    """Boxes of about that side, parts of the image."""
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 1 - side, (number, 2))
    return np.concatenate([corners, corners + side * rng.uniform(0.9, 1, (number, 2))], axis=1)


@pytest.mark.parametrize(("name", "side"), [
    ("ssd300_config.yaml", 0.16), ("ssd300_mmdet_config.yaml", 0.045), ("ssd_resnet50_fpn_config.yaml", 0.03)])
def test_the_suggested_default_boxes_fit_better(config_of, name, side):
    config = config_of(name)
    boxes = around(side)
    family = build_anchor_family(config)
    share = share_below(best_overlaps(boxes, family.anchors))
    suggestion = suggest_anchors(family, boxes, seed=1)
    assert suggestion.share < share - 0.1
    changed = build_anchor_family(config_of(name, *suggestion.flags.split()))
    assert len(changed.anchors) == len(family.anchors)
    assert share_below(best_overlaps(boxes, changed.anchors)) == suggestion.share


def test_nothing_is_suggested_where_default_boxes_fit(config_of):
    assert suggest_anchors(build_anchor_family(config_of("ssd300_config.yaml")), around(0.5), seed=1) is None
    assert suggest_anchors(build_anchor_family(config_of("ssd_resnet50_fpn_config.yaml")), around(0.3), seed=1) is None
