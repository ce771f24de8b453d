"""What holds of matching, encoding and NMS for any boxes."""
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from src.boxes import NMSConfig, apply_nms, select_detections
from src.boxes.box_ops import pairwise_iou
from src.boxes.nms import pairwise_pixel_iou
from tests.support.box_coders import CODER

seeds = st.integers(0, 2**32 - 1)


def random_boxes(rng, count, smallest=0.02):
    """`(N, 5)` float32 within the image, each with a label of its own."""
    sides = rng.uniform(smallest, 0.9, (count, 2)) ** rng.choice([1, 2])
    corner = rng.uniform(0, 1, (count, 2)) * (1 - sides)
    return np.concatenate([corner, corner + sides, np.arange(1, count + 1)[:, None]], axis=1).astype(np.float32)


def wanted_by_several(boxes):
    """Default boxes that are the best of more than one box: the first of these boxes takes them."""
    best = pairwise_iou(boxes[:, :4], CODER.default_boxes_tlbr).argmax(axis=1)
    numbers, counts = np.unique(best, return_counts=True)
    return numbers[counts > 1]


@settings(max_examples=60, deadline=None)
@given(seed=seeds, count=st.integers(1, 12))
def test_every_box_has_a_match_unless_another_took_its_best_one(seed, count):
    boxes = random_boxes(np.random.default_rng(seed), count)
    _, labels, num_match = CODER.encode(boxes)
    assert num_match == np.count_nonzero(labels) >= 1
    best = pairwise_iou(boxes[:, :4], CODER.default_boxes_tlbr).argmax(axis=1)
    assert labels[best].all()
    alone = ~np.isin(best, wanted_by_several(boxes))
    assert set(boxes[alone, 4]) <= set(labels.tolist())


@settings(max_examples=60, deadline=None)
@given(seed=seeds, count=st.integers(1, 12))
def test_decoding_gives_back_what_was_encoded(seed, count):
    boxes = random_boxes(np.random.default_rng(seed), count)
    targets, labels, _ = CODER.encode(boxes)
    positive = labels > 0
    np.testing.assert_allclose(CODER.decode(targets)[positive], boxes[labels[positive] - 1, :4], atol=2e-5)
    assert not targets[~positive].any()


@settings(max_examples=60, deadline=None)
@given(seed=seeds, count=st.integers(2, 12))
def test_the_order_of_boxes_does_not_matter_for_targets(seed, count):
    rng = np.random.default_rng(seed)
    boxes = random_boxes(rng, count)
    targets, labels, _ = CODER.encode(boxes)
    other_targets, other_labels, _ = CODER.encode(boxes[rng.permutation(count)])
    same = np.ones(len(labels), bool)
    same[wanted_by_several(boxes)] = False
    np.testing.assert_array_equal(labels[same], other_labels[same])
    np.testing.assert_array_equal(targets[same], other_targets[same])


@settings(max_examples=60, deadline=None)
@given(seed=seeds, count=st.integers(1, 200), threshold=st.sampled_from([0.0, 0.3, 0.6]))
def test_nms_keeps_what_does_not_overlap_in_whatever_order(seed, count, threshold):
    rng = np.random.default_rng(seed)
    boxes = random_boxes(rng, count)[:, :4] * 300
    scores = rng.permutation(count).astype(np.float32)
    kept = apply_nms(boxes, scores, threshold, count)
    between = pairwise_pixel_iou(boxes[kept], boxes[kept])
    np.fill_diagonal(between, 0)
    assert (between <= threshold).all()
    dropped = np.setdiff1d(np.arange(count), kept)
    covered = pairwise_pixel_iou(boxes[dropped], boxes[kept]) > threshold
    assert (covered & (scores[kept] > scores[dropped, None])).any(axis=1).all()
    np.testing.assert_array_equal(apply_nms(boxes[kept], scores[kept], threshold, count), np.arange(len(kept)))
    order = rng.permutation(count)
    np.testing.assert_array_equal(order[apply_nms(boxes[order], scores[order], threshold, count)], kept)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, count=st.integers(1, 60))
def test_the_order_of_default_boxes_does_not_matter_for_detections(seed, count):
    rng = np.random.default_rng(seed)
    boxes = random_boxes(rng, count)[:, :4]
    scores = (rng.permutation(count * 4) / (count * 4)).reshape(count, 4).astype(np.float32)  # all different
    order = rng.permutation(count)
    found = select_detections(boxes, scores, (200, 300), NMSConfig(0.1, 0.5, 20))
    for array, same in zip(found, select_detections(boxes[order], scores[order], (200, 300), NMSConfig(0.1, 0.5, 20))):
        np.testing.assert_array_equal(array, same)
