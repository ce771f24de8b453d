"""COCO metrics under both protocols."""
import json
import logging
import re

import numpy as np
import pytest

from src.boxes import NMSConfig
from src.boxes.box_ops import xywh_to_tlbr
from src.dataset.annotations import Report
from src.dataset.formats.coco import read_coco
from src.evaluation import COCO_MAX_DETECTIONS, COCOMetrics, read_ground_truth
from src.evaluation.predictions import AnchorPredictions, SelectedPredictions, split_batch
from src.utils.errors import UserError
from tests.support.golden_data import golden_arrays, golden_file

CLASSES = ("background", "cat", "dog")
CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 2, "name": "cat"}, {"id": 5, "name": "fish"}]
# Image 3 has a crowd of an unknown category, 4 no box, 5 a box of an unknown category only.
ANNOTATIONS = [
    {"id": 0, "image_id": 1, "category_id": 2, "bbox": [10, 20, 30, 40], "area": 1200, "iscrowd": 0},
    {"id": 1, "image_id": 2, "category_id": 7, "bbox": [0, 0, 50, 50], "area": 2500, "iscrowd": 0},
    {"id": 2, "image_id": 3, "category_id": 2, "bbox": [40, 40, 40, 40], "area": 1600, "iscrowd": 0},
    {"id": 3, "image_id": 3, "category_id": 5, "bbox": [0, 0, 30, 30], "area": 900, "iscrowd": 1},
    {"id": 4, "image_id": 5, "category_id": 5, "bbox": [0, 0, 30, 30], "area": 900, "iscrowd": 0},
]


def write_annotations(folder, annotations=ANNOTATIONS, images=5, categories=CATEGORIES):
    path = folder / "truth.json"
    content = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "height": 100, "width": 200} for i in range(1, images + 1)],
        "annotations": annotations,
        "categories": categories,
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def one_anchor(bbox, label, score):
    """Boxes (1, 4) and scores (1, 3) of an image of 100 x 200 that give one detection `x y w h`."""
    x, y, width, height = bbox
    boxes = np.array([[y / 100, x / 200, (y + height) / 100, (x + width) / 200]], np.float32)
    scores = np.zeros((1, 3), np.float32)
    scores[0, label] = score
    return boxes, scores


def add(metrics, image_id, bbox=(0, 0, 10, 10), label=1, score=0.0):
    metrics.update([AnchorPredictions(*one_anchor(bbox, label, score))], [image_id], [[100, 200]])


def add_truth(metrics, score=0.9):
    """Perfect predictions for the boxes of known classes."""
    add(metrics, 1, (10, 20, 30, 40), 1, score)
    add(metrics, 2, (0, 0, 50, 50), 2, score)
    add(metrics, 3, (40, 40, 40, 40), 1, score)
    add(metrics, 4)
    add(metrics, 5)


@pytest.mark.parametrize("prefix", ["", "b_"])
def test_metrics_golden(prefix):
    arrays = golden_arrays("metrics.npz")
    min_score, nms_threshold, max_boxes = (
        arrays["b_params"] if prefix else (arrays[name] for name in ("min_score", "nms_threshold", "max_boxes"))
    )
    evaluated = arrays["evaluated"]
    # The recorded numbers count exactly the images that were given, crowds or not.
    metrics = COCOMetrics(
        golden_file("metrics_gt.json"), arrays["classes"].tolist(),
        NMSConfig(float(min_score), float(nms_threshold), int(max_boxes)), image_ids=arrays["img_ids"][evaluated],
        drop=False,
    )
    for batch in (evaluated[:7], evaluated[7:8], evaluated[8:]):
        metrics.update(split_batch(arrays["boxes"][batch], arrays["scores"][batch]), arrays["img_ids"][batch],
                       arrays["image_shapes"][batch])
    result = metrics.get_metrics()

    np.testing.assert_allclose(result.stats["reference"], arrays[prefix + "stats"], atol=1e-6)
    assert result.map == result.stats["reference"][0] and result.num_images == 18
    predictions = result.predictions
    assert [p["image_id"] for p in predictions] == arrays[prefix + "pred_image_id"].tolist()
    assert [p["category_id"] for p in predictions] == arrays[prefix + "pred_category_id"].tolist()
    np.testing.assert_allclose([p["bbox"] for p in predictions], arrays[prefix + "pred_bbox"], atol=1e-3)
    np.testing.assert_allclose([p["score"] for p in predictions], arrays[prefix + "pred_score"], atol=1e-6)


@pytest.mark.parametrize("min_score", [0.1, 0.005])
def test_protocols_together_are_the_protocols_alone(min_score):
    arrays = golden_arrays("metrics.npz")

    def run(protocol, protocols):
        metrics = COCOMetrics(golden_file("metrics_gt.json"), arrays["classes"].tolist(), NMSConfig(min_score, 0.45, 2),
                              protocol=protocol, protocols=protocols)
        metrics.update(split_batch(arrays["boxes"], arrays["scores"]), arrays["img_ids"], arrays["image_shapes"])
        return metrics.get_metrics()

    both = {name: run(name, ("reference", "coco")) for name in ("reference", "coco")}
    for name, result in both.items():
        alone = run(name, ())
        assert list(alone.stats) == [name] and set(result.stats) == {"reference", "coco"}
        assert alone.stats[name] == result.stats[name] == both["coco"].stats[name]
        assert alone.predictions == result.predictions and alone.num_detections == len(alone.predictions)
    assert both["reference"].num_images == 20 - 2 - 2 and both["coco"].num_images == 20
    assert both["reference"].map != both["coco"].map


def test_perfect_detector_and_the_images_of_each_protocol(tmp_path):
    metrics = COCOMetrics(write_annotations(tmp_path), CLASSES)
    add_truth(metrics)
    result = metrics.get_metrics()
    reference, coco = result.protocols["reference"], result.protocols["coco"]
    # The first annotation has the id 0, which pycocotools on its own takes for no match.
    assert result.map == reference.stats[0]
    assert result.map == pytest.approx(1.0) and coco.stats[0] == pytest.approx(1.0)
    assert (reference.num_images, coco.num_images) == (2, 5)
    assert (reference.num_detections, coco.num_detections) == (2, 3)
    assert [(c.name, c.num_boxes) for c in reference.classes] == [("cat", 1), ("dog", 1)]
    assert [(c.name, c.num_boxes) for c in coco.classes] == [("cat", 2), ("dog", 1)]
    assert [number for c in coco.classes for number in (c.ap, c.ap50, c.ap75)] == pytest.approx([1.0] * 6)
    assert result.predictions[1] == {
        "image_id": 2, "category_id": 7, "bbox": [0, 0, 50, 50], "score": pytest.approx(0.9),
    }
    assert reference.stats[3] == pytest.approx(-1.0)  # no small box


def test_detection_on_a_crowd_or_empty_image_counts_for_coco_only(tmp_path):
    metrics = COCOMetrics(write_annotations(tmp_path), CLASSES)
    add(metrics, 1, (10, 20, 30, 40), 1, 0.5)
    add(metrics, 2, (0, 0, 50, 50), 2, 0.5)
    add(metrics, 3, (100, 0, 40, 40), 1, 0.9)  # wrong, as is the next
    add(metrics, 4, (0, 0, 40, 40), 1, 0.8)
    add(metrics, 5)
    result = metrics.get_metrics()
    assert result.stats["reference"][0] == pytest.approx(1.0)
    # cat under coco: 1 of 2 boxes found behind two wrong ones: precision 1/3 up to recall 0.5 (51 of 101 points).
    assert result.per_class["coco"][0].ap == pytest.approx(51 / 101 / 3)


def test_low_scores_count_for_coco_only(tmp_path):
    path = write_annotations(tmp_path)
    metrics = COCOMetrics(path, CLASSES, NMSConfig(0.1))
    add_truth(metrics, score=0.05)
    result = metrics.get_metrics()
    assert result.map == 0.0 and result.predictions == []
    assert result.stats["coco"][0] == pytest.approx(1.0)
    metrics = COCOMetrics(path, CLASSES, NMSConfig(0.001))
    add_truth(metrics, score=0.005)
    assert metrics.get_metrics().stats["reference"][0] == pytest.approx(1.0)
    assert metrics.get_metrics().stats["coco"][0] == 0.0
    metrics = COCOMetrics(path, CLASSES, NMSConfig(0.001), coco_min_score=0.004)
    add_truth(metrics, score=0.005)
    assert metrics.get_metrics().stats["coco"][0] == pytest.approx(1.0)


def test_no_detection_at_all(tmp_path, caplog):
    metrics = COCOMetrics(write_annotations(tmp_path), CLASSES, protocol="coco")
    with caplog.at_level(logging.WARNING):
        result = metrics.get_metrics()
    assert result.map == 0.0 and result.predictions == [] and result.num_detections == 0
    assert result.per_class["coco"][1].ap == 0.0
    assert "5 of 5 images were not predicted" in caplog.text and "1 (1.jpg), 2 (2.jpg)" in caplog.text
    assert result.protocols["coco"].num_missing == 5


@pytest.mark.parametrize(("protocol", "cats", "dogs", "is_told"), [
    ("reference", 101, 0, True), ("coco", 101, 0, True), ("coco", 100, 100, False), ("coco", 100, 101, True),
    ("reference", 100, 100, False)])
def test_more_objects_than_detections_count(tmp_path, caplog, protocol, cats, dogs, is_told):
    objects = [{"id": number, "image_id": 1, "category_id": category, "bbox": [number % 20, number // 20, 5, 5],
                "area": 25, "iscrowd": 0}
               for number, category in enumerate([CATEGORIES[0]["id"]] * cats + [CATEGORIES[1]["id"]] * dogs, start=1)]
    with caplog.at_level(logging.WARNING):
        COCOMetrics(write_annotations(tmp_path, objects), CLASSES, protocol=protocol)
    assert ("1 images have more objects" in caplog.text and "1.jpg" in caplog.text) == is_told


def test_missing_image_counts_as_missed(tmp_path, caplog):
    metrics = COCOMetrics(write_annotations(tmp_path), CLASSES)
    add(metrics, 1, (10, 20, 30, 40), 1, 0.9)
    with caplog.at_level(logging.WARNING):
        result = metrics.get_metrics()
    assert result.map == pytest.approx(0.5)  # cat 1, dog 0
    assert "protocol reference: 1 of 2 images were not predicted" in caplog.text and "2 (2.jpg)" in caplog.text


def test_chosen_images_only(tmp_path):
    path = write_annotations(tmp_path)
    metrics = COCOMetrics(path, CLASSES, image_ids=[1, 3], images_are="training images")
    add(metrics, 1, (10, 20, 30, 40), 1, 0.9)
    add(metrics, 2, (0, 0, 50, 50), 1, 0.9)  # not chosen
    result = metrics.get_metrics()
    assert (result.num_images, result.protocols["coco"].num_images) == (1, 2)
    assert result.map == pytest.approx(1.0) and result.per_class["reference"][1].ap is None
    assert result.protocols["coco"].description.startswith("2 of 5 training images, scores above")
    assert result.settings["images"] == "training images"
    with pytest.raises(UserError, match="99"):
        COCOMetrics(path, CLASSES, image_ids=[1, 99])


def test_class_that_the_file_lacks(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        metrics = COCOMetrics(write_annotations(tmp_path), ("background", "bird", "cat"))
    assert "bird" in caplog.text and "dog, cat, fish" in caplog.text
    scores = np.array([[0, 0.9, 0.8]], np.float32)
    boxes, _ = one_anchor((10, 20, 30, 40), 1, 0)
    metrics.update([AnchorPredictions(boxes, scores)], [1], [[100, 200]])
    result = metrics.get_metrics()
    assert [p["category_id"] for p in result.predictions] == [2]
    assert result.map == pytest.approx(1.0)
    assert result.per_class["reference"][0].ap is None and result.per_class["reference"][0].num_boxes == 0
    precision = result.protocols["reference"].precision
    assert precision.shape == (10, 101, 2) and (precision[:, :, 0] == -1).all()
    np.testing.assert_allclose(precision[:, :, 1], 1)
    assert scores[0, 1] == np.float32(0.9)  # the caller's array is untouched


def test_stores_detections_not_anchors(tmp_path):
    metrics = COCOMetrics(write_annotations(tmp_path, images=60), CLASSES)
    generator = np.random.default_rng(0)
    corner = generator.random((5000, 2)) * 0.9
    boxes = np.concatenate([corner, corner + 0.05], axis=1).astype(np.float32)
    scores = generator.random((5000, 3)).astype(np.float32) * 0.09
    for image_id in range(1, 61):
        metrics.update([AnchorPredictions(boxes, scores)], [image_id], [[100, 200]])
    assert metrics.get_metrics().protocols["coco"].num_detections == 60 * COCO_MAX_DETECTIONS
    stored = [array for found in metrics._detections.values() for array in found]
    # Each with all the memory that it keeps alive: a view would keep the arrays of the network.
    assert sum((array if array.base is None else array.base).nbytes for array in stored) < 60 * 200 * 40


def test_stdout_stays_clean(tmp_path, capsys):
    metrics = COCOMetrics(write_annotations(tmp_path), CLASSES)
    add_truth(metrics)
    metrics.get_metrics()
    assert capsys.readouterr().out == ""


def test_get_metrics_twice(tmp_path):
    metrics = COCOMetrics(write_annotations(tmp_path), CLASSES)
    add(metrics, 1, (10, 20, 30, 40), 1, 0.9)
    assert metrics.get_metrics().map == pytest.approx(0.5)
    add(metrics, 2, (0, 0, 50, 50), 2, 0.9)
    assert metrics.get_metrics().map == pytest.approx(1.0)


def bad_predictions(name):
    boxes, scores = one_anchor((0, 0, 10, 10), 1, 0.5)
    return {
        "boxes": AnchorPredictions(boxes[:, :3], scores),
        "anchors": AnchorPredictions(boxes, np.repeat(scores, 2, axis=0)),
        "classes": AnchorPredictions(boxes, scores[:, :2]),
        "no table": AnchorPredictions(boxes[0], scores[0]),
        "nan box": AnchorPredictions(boxes * np.nan, scores),
        "nan score": AnchorPredictions(boxes, scores * np.nan),
        "logits": AnchorPredictions(boxes, scores * 3),
        "label": SelectedPredictions(boxes, scores[:, 1], np.array([3]), NMSConfig()),
    }[name]


@pytest.mark.parametrize(("name", "message"), [
    ("boxes", r"boxes \(1, 3\)"),
    ("anchors", r"\(1, 4\) and scores \(2, 3\)"),
    ("classes", "2 classes, but `classes` names 3"),
    ("no table", r"\(4,\)"),
    ("nan box", "boxes that are not finite .* image 1"),
    ("nan score", "scores that are not finite .* image 1"),
    ("logits", "scores from 0.0 to 1.5 for image 1"),
    ("label", "finds the class 3, but `classes` names 3"),
])
def test_predictions_that_do_not_fit(tmp_path, name, message):
    metrics = COCOMetrics(write_annotations(tmp_path), CLASSES)
    with pytest.raises(UserError, match=message):
        metrics.update([bad_predictions(name)], [1], [[100, 200]])


def test_each_image_has_predictions_and_a_size(tmp_path):
    metrics = COCOMetrics(write_annotations(tmp_path), CLASSES)
    one = AnchorPredictions(*one_anchor((0, 0, 10, 10), 1, 0.5))
    with pytest.raises(UserError, match=r"1 predictions and image shapes \(2, 2\) for 2 images"):
        metrics.update([one], [1, 2], [[100, 200], [100, 200]])
    with pytest.raises(UserError, match=r"image shapes \(2,\) for 1 images"):
        metrics.update([one], [1], [100, 200])


@pytest.mark.parametrize("protocol", ["reference", "coco"])
def test_detections_of_a_model_with_nms_inside_give_the_same_numbers(protocol):
    arrays = golden_arrays("metrics.npz")
    nms = NMSConfig(0.005, 0.45, 20)

    def run(predictions):
        metrics = COCOMetrics(golden_file("metrics_gt.json"), arrays["classes"].tolist(), nms, protocol)
        metrics.update(predictions, arrays["img_ids"], arrays["image_shapes"])
        return metrics.get_metrics()

    anchors = split_batch(arrays["boxes"], arrays["scores"])
    selected = []
    for one, image_shape in zip(anchors, arrays["image_shapes"]):
        xywh, scores, labels = one.select(image_shape, nms)
        selected.append(SelectedPredictions(xywh_to_tlbr(xywh), scores, labels, nms))
    expected, found = run(anchors), run(selected)
    assert found.stats == expected.stats and found.num_detections == expected.num_detections > 20


def test_image_that_is_unknown_or_comes_twice(tmp_path):
    metrics = COCOMetrics(write_annotations(tmp_path), CLASSES)
    with pytest.raises(UserError, match="image 77 is not in"):
        add(metrics, 77)
    add(metrics, 4)
    with pytest.raises(UserError, match="image 4 was predicted twice"):
        add(metrics, 4)


def test_images_are_checked_before_anything_is_predicted(tmp_path):
    metrics = COCOMetrics(write_annotations(tmp_path), CLASSES)
    metrics.check_images([1, 3])
    with pytest.raises(UserError, match="image 77 is not in"):
        metrics.check_images([1, 77])
    with pytest.raises(UserError, match="no ground truth, in the 2 of its 5 images that can be used, under the"):
        metrics.check_images([3, 4])


def test_metrics_serve_one_evaluation_after_the_other(tmp_path):
    metrics = COCOMetrics(write_annotations(tmp_path), CLASSES)
    add_truth(metrics)
    first = metrics.get_metrics()
    metrics.clear()
    assert metrics.get_metrics().num_detections == 0
    add_truth(metrics)
    assert metrics.get_metrics().stats == first.stats


def test_a_root_category_and_ids_of_a_table_with_gaps(tmp_path):
    """As some programs write them: a category without boxes has the name of another; ids are whole floats."""
    expected = read_ground_truth(write_annotations(tmp_path), CLASSES)
    floats = [{**box, "image_id": float(box["image_id"]), "category_id": float(box["category_id"])}
              for box in ANNOTATIONS]
    path = write_annotations(tmp_path, floats, categories=[{"id": 0, "name": "cat"}, *CATEGORIES])
    assert read_ground_truth(path, CLASSES) == expected
    boxes = [record.pixel_boxes.tolist() for record in read_coco(path, tmp_path, CLASSES, Report())]
    assert boxes == [[[20, 10, 60, 40, 1]], [[0, 0, 50, 50, 2]], [[40, 40, 80, 80, 1]], [], []]


@pytest.mark.parametrize("value", [True, 1.5, None, 2**63, 2.0**63, -2**63])  # the C++ program refuses the same
@pytest.mark.parametrize(("place", "key"), [("images", "id"), ("categories", "id"), ("annotations", "image_id"),
                                            ("annotations", "category_id")])
def test_ids_that_are_no_integers(tmp_path, place, key, value):
    content = {"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 1, "name": "cat"}],
               "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5]}]}
    content[place][0][key] = value
    path = tmp_path / "truth.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(f"{place}[0] has {key} {value!r}, expected an integer")):
        read_ground_truth(path, CLASSES)
    if value is True:
        with pytest.raises(UserError, match=r"True is no id|expected an integer"):
            read_coco(path, tmp_path, CLASSES, Report())


@pytest.mark.parametrize(("content", "message"), [
    (None, "cannot be read"),
    ("{", "cannot be read as COCO json"),
    ("[]", "no list 'images'"),
    ('{"images": [], "categories": []}', "no list 'annotations'"),
    ('{"images": [], "annotations": [], "categories": []}', "lists no images"),
    ('{"images": [{"id": "a"}], "annotations": [], "categories": []}', "id 'a'"),
    ('{"images": [{"id": 1}, {"id": 1}], "annotations": [], "categories": []}', "only 1 different ids"),
    ('{"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1, "name": "cow"}]}',
     "none of the classes cat, dog; its categories are: cow"),
    ('{"images": [{"id": 1}], "annotations": [{"image_id": 1, "category_id": 1}, {"image_id": 1, "category_id": 2}], '
     '"categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "cat"}]}',
     "two categories of the name 'cat', with the ids 1, 2"),
    ('{"images": [{"id": 1}], "annotations": [], "categories": [{"id": "1", "name": "cat"}]}',
     r"categories\[0\] has id '1', expected an integer"),
    ('{"images": [{"id": 1}], "annotations": [{"image_id": 1, "category_id": 1.5}], "categories": []}',
     r"annotations\[0\] has category_id 1.5, expected an integer"),
    ('{"images": [{"id": 1}], "annotations": [{"image_id": 1, "category_id": 1, "bbox": []}], '
     '"categories": [{"id": 1, "name": "cat"}]}', r"annotations\[0\] has bbox \[\], expected four numbers"),
    ('{"images": [{"id": 1}], "annotations": [], "categories": [{"id": 1, "name": "cat"}]}', "no ground truth under"),
    ('{"images": [{"id": 1}], "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, NaN, 4]}], '
     '"categories": [{"id": 1, "name": "cat"}]}', r"annotations\[0\] has bbox"),
])
def test_annotation_file_that_is_none(tmp_path, content, message):
    path = tmp_path / "truth.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        COCOMetrics(path, CLASSES)


def test_only_crowd_images(tmp_path):
    path = write_annotations(tmp_path, ANNOTATIONS[2:4])
    with pytest.raises(UserError, match="eval_protocol coco"):
        COCOMetrics(path, CLASSES)
    metrics = COCOMetrics(path, CLASSES, protocol="coco")
    add(metrics, 3, (40, 40, 40, 40), 1, 0.9)
    result = metrics.get_metrics()
    assert result.map == pytest.approx(1.0)
    assert result.stats["reference"] == (-1.0,) * 12 and result.protocols["reference"].num_images == 0


def test_area_and_iscrowd_may_be_left_out(tmp_path):
    boxes = [{key: box[key] for key in ("image_id", "category_id", "bbox")} for box in ANNOTATIONS[:2]]
    metrics = COCOMetrics(write_annotations(tmp_path, boxes), CLASSES)
    add(metrics, 1, (10, 20, 30, 40), 1, 0.9)
    add(metrics, 2, (0, 0, 50, 50), 2, 0.9)
    assert metrics.get_metrics().map == pytest.approx(1.0)


def test_unknown_protocol(tmp_path):
    with pytest.raises(UserError, match="'voc', expected one of: reference, coco"):
        COCOMetrics(write_annotations(tmp_path), CLASSES, protocol="voc")
