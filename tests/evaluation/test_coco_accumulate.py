"""The metrics of one category against pycocotools."""
import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from src.evaluation import coco_accumulate
from src.evaluation.coco_accumulate import evaluate_category
from src.evaluation.results import DetectionTable


def by_pycocotools(truth, detections):
    found = detections.to_coco()
    for number, detection in enumerate(found, start=1):
        detection.update(id=number, area=detection["bbox"][2] * detection["bbox"][3], iscrowd=0)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(index([dict(box) for box in truth]), index(found), "bbox")
        evaluation.params.imgIds = sorted({box["image_id"] for box in (*truth, *found)})
        evaluation.params.catIds = [1]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][:, :, 0], evaluation.eval["recall"][:, 0]


def index(annotations):
    coco = COCO()
    coco.dataset = {"images": [{"id": image_id} for image_id in {box["image_id"] for box in annotations}],
                    "categories": [{"id": 1}], "annotations": annotations}
    coco.createIndex()
    return coco


def draw(generator, num_images, num_boxes, num_detections):
    """Boxes of all sizes, some of them crowds or twice there, and detections around them with equal scores."""
    image_ids = generator.integers(1, num_images + 1, num_boxes)
    sides = np.exp(generator.uniform(2, 5.5, (num_boxes, 2)))
    boxes = np.concatenate([generator.uniform(0, 200, (num_boxes, 2)), sides], axis=1).round(1)
    again = generator.random(num_boxes) < 0.2
    boxes[again], image_ids[again] = boxes[0], image_ids[0]
    crowd = generator.random(num_boxes) < 0.15
    truth = [{"id": number, "image_id": int(image), "category_id": 1, "bbox": box.tolist(),
              "area": float(box[2] * box[3] * share), "iscrowd": int(is_crowd)}
             for number, (image, box, is_crowd, share) in enumerate(
                 zip(image_ids, boxes, crowd, generator.uniform(0.5, 1, num_boxes)), start=1)]
    of_box = generator.integers(0, num_boxes, num_detections)
    shift = generator.choice([0, 1, 8], (num_detections, 1)) * generator.normal(0, 1, (num_detections, 4))
    found = boxes[of_box] + shift
    found[:, 2:] = np.maximum(found[:, 2:], 1)
    found_images = np.where(generator.random(num_detections) < 0.1, num_images + 7, image_ids[of_box])
    scores = generator.integers(1, 30, num_detections) / 32
    return truth, DetectionTable(found_images, np.ones(num_detections, np.int64), found.astype(np.float32),
                                 scores.astype(np.float32))


def check(truth, detections):
    for ours, theirs in zip(evaluate_category(truth, detections), by_pycocotools(truth, detections)):
        np.testing.assert_array_equal(ours, theirs)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), num_images=st.sampled_from([1, 3, 20]), num_boxes=st.sampled_from([1, 4, 40]),
       num_detections=st.sampled_from([0, 1, 10, 150, 400]))
def test_numbers_are_those_of_pycocotools(seed, num_images, num_boxes, num_detections):
    check(*draw(np.random.default_rng(seed), num_images, num_boxes, num_detections))


def test_in_small_parts(monkeypatch):
    monkeypatch.setattr(coco_accumulate, "_MAX_PAIRS", 7)
    check(*draw(np.random.default_rng(0), 5, 30, 200))


def test_overlap_at_a_threshold_and_of_empty_boxes():
    truth = [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 10], "area": 100, "iscrowd": 0},
             {"id": 2, "image_id": 1, "category_id": 1, "bbox": [50, 50, 0, 0], "area": 0, "iscrowd": 0}]
    boxes = np.array([[0, 0, 10, 5], [0, 0, 10, 10], [50, 50, 0, 0]], np.float32)  # the first has an IoU of 0.5
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    check(truth, DetectionTable(np.ones(3, np.int64), np.ones(3, np.int64), boxes, scores))


@pytest.mark.parametrize("num_detections", [0, 5])
def test_nothing_but_crowds(num_detections):
    truth, detections = draw(np.random.default_rng(1), 2, 6, num_detections)
    precision, recall, _ = evaluate_category([{**box, "iscrowd": 1} for box in truth], detections)
    assert (precision == -1).all() and precision.shape == (10, 101, 4, 3)
    assert (recall == -1).all() and recall.shape == (10, 4, 3)
    check([{**box, "iscrowd": 1} for box in truth], detections)
