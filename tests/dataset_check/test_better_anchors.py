import numpy as np
import pytest

from src.boxes.anchor_fit import best_overlaps, share_below
from src.boxes.default_boxes import build_default_boxes
from src.dataset_check.better_anchors import suggest_anchors


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
    default_boxes = build_default_boxes(config)
    share = share_below(best_overlaps(boxes, default_boxes.anchors()))
    suggestion = suggest_anchors(default_boxes, boxes, seed=1)
    assert suggestion.share < share - 0.1
    changed = build_default_boxes(config_of(name, *suggestion.flags.split()))
    assert changed.num_boxes == default_boxes.num_boxes
    assert share_below(best_overlaps(boxes, changed.anchors())) == suggestion.share


def test_nothing_is_suggested_where_default_boxes_fit(config_of):
    assert suggest_anchors(build_default_boxes(config_of("ssd300_config.yaml")), around(0.5), seed=1) is None
    assert suggest_anchors(build_default_boxes(config_of("ssd_resnet50_fpn_config.yaml")), around(0.3), seed=1) is None
