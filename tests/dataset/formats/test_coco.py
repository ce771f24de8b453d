import json

import pytest

from src.dataset.annotations import BAD_BOX, ORPHAN, UNKNOWN_CLASS, Report, box_array
from src.dataset.formats.coco import coco_box, coco_ground_truth, find_coco, read_coco
from src.dataset.formats.open_classes import OpenClasses
from src.utils.errors import UserError
from tests.support.golden_data import golden_json
from tests.support.samples import CLASSES, make_coco, write_coco


@pytest.mark.parametrize("part", ["train", "eval"])
def test_golden_records(tmp_path, part):
    golden = golden_json("txt_annotation.json")["coco"]
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(golden["input"]))
    report = Report()
    records = read_coco(path, f"{part}2017" if part == "train" else "val2017", golden["classes"], report)
    assert [record.image_id for record in records] == [image["id"] for image in golden["input"]["images"]]
    wanted = golden[part]
    found = {str(record.image_id): record for record in records}
    # The reference leaves out images without boxes, for evaluation those with a crowd box too; here training leaves
    # them out when it writes, and the evaluator by its protocol.
    with_boxes = [record.image_id for record in records if len(record.pixel_boxes)]
    if part == "train":
        assert with_boxes == wanted["image_ids_in_order"]
    assert set(wanted["image_ids_in_order"]) <= set(with_boxes)
    for image_id, boxes in wanted["annotations_ymin_xmin_ymax_xmax_label"].items():
        assert found[image_id].pixel_boxes.tolist() == boxes
        assert found[image_id].path.replace("\\", "/") == wanted["paths"][image_id]
    assert report.counts[UNKNOWN_CLASS] == 2
    assert report.classes["zebra"] == 2


def test_corners_are_rounded_half_to_even():
    assert coco_box([2.5, 3.5, 4.0, 5.0]) == [4, 2, 8, 6]


@pytest.mark.parametrize("bbox", [[1, 2, 3], [1, 2, float("nan"), 4], ["1", 2, 3, 4], None, [1, 2, float("inf"), 4]])
def test_bad_boxes(bbox):
    with pytest.raises(ValueError, match="not a box"):
        coco_box(bbox)


@pytest.mark.parametrize("classes", [CLASSES, OpenClasses()])
def test_annotations_without_a_box_are_left_out_whatever_their_class(tmp_path, classes):
    path = write_coco(tmp_path, "val2017", [4], [(4, 9, [1, 1, 5, 5]), (4, 7, [1, 2, 3, 4])], draw=False)
    content = json.loads(path.read_text())
    content["annotations"] += [{"image_id": 4, "category_id": category, "id": category} for category in (9, 7)]
    path.write_text(json.dumps(content))
    report = Report()
    (record,) = read_coco(path, tmp_path, classes, report)
    known = len(record.pixel_boxes)
    assert known == (1 if classes is CLASSES else 2)
    assert report.counts[BAD_BOX] == known


def test_a_category_that_is_not_in_the_list_is_no_class(tmp_path):
    path = write_coco(tmp_path, "val2017", [4], [(4, 99, [1, 1, 5, 5]), (4, 7, [1, 2, 3, 4])], draw=False)
    report = Report()
    (record,) = read_coco(path, tmp_path, OpenClasses(), report)
    assert len(record.pixel_boxes) == 1
    assert report.counts[UNKNOWN_CLASS] == 1
    assert len(report.classes) == 1


def test_dirt_is_counted(tmp_path):
    path = write_coco(tmp_path, "val2017", [4, 2], [(4, 9, [1, 1, 5, 5]), (4, 7, [1, 1, None, 5]), (5, 7, [1, 1, 5, 5]),
                                                    (2, 3, [1, 2, 3, 4])], draw=False)
    report = Report()
    records = read_coco(path, tmp_path, CLASSES, report)
    assert [(record.image_id, record.pixel_boxes.tolist(), record.size) for record in records] == [
        (4, [], (60, 80)), (2, [[2, 1, 6, 4, 2]], (60, 80))]
    assert dict(report.counts) == {UNKNOWN_CLASS: 1, BAD_BOX: 1, ORPHAN: 1}


@pytest.mark.parametrize(("content", "message"), [
    ("{", "cannot be read"),
    ("[]", "not an instances file"),
    ('{"images": [], "annotations": []}', "no list 'categories'"),
    ('{"images": [{"id": 1}], "annotations": [], "categories": []}', "lacks a field"),
    ('{"images": [{"id": 1', "cannot be read as COCO json: Expecting .* It is cut short, or changed by hand"),
    ('{"images": [{"id": "a", "file_name": "x"}], "annotations": [], "categories": []}', "expected an integer"),
    ('{"images": [{"id": 1, "file_name": "x"}, {"id": 1, "file_name": "y"}], "annotations": [], "categories": []}',
     "same id"),
    ('{"images": [1], "annotations": [], "categories": []}', "no list 'images' of objects"),
])
def test_broken_files_are_errors_that_name_the_file(tmp_path, content, message):
    path = tmp_path / "broken.json"
    path.write_text(content)
    with pytest.raises(UserError, match=message) as error:
        read_coco(path, tmp_path, CLASSES, Report())
    assert "broken.json" in str(error.value)


def test_ground_truth_has_no_useless_boxes_and_clips_none():
    boxes = box_array([[-1, -1, 11, 9, 1],     # partly outside stays as it is
                       [10, 10, 10, 20, 1],    # no area
                       [70, 10, 90, 20, 1],    # below the image
                       [10, 5, 20, 30, 3],     # unknown label
                       [0, 0, 60, 80, 2]])
    ground_truth = coco_ground_truth([(4, "a.jpg", 60, 80, boxes), (9, "b.jpg", 50, 40, box_array([]))],
                                     ("background", "cat", "dog"))
    assert [(item["id"], item["image_id"], item["category_id"], item["bbox"], item["area"])
            for item in ground_truth["annotations"]] == [
        (1, 4, 1, [-1, -1, 10, 12], 120), (2, 4, 2, [0, 0, 80, 60], 4800)]
    assert ground_truth["images"] == [{"file_name": "a.jpg", "id": 4, "width": 80, "height": 60},
                                      {"file_name": "b.jpg", "id": 9, "width": 40, "height": 50}]


def test_ground_truth_of_the_largest_boxes():
    largest = 2**31 - 1
    boxes = box_array([[-10**10, -10**10, 10**10, 10**10, 1]])
    bbox = coco_ground_truth([(1, "a.jpg", 60, 80, boxes)], ("background", "cat"))["annotations"][0]["bbox"]
    assert bbox == [-largest - 1, -largest - 1, 2 * largest + 1, 2 * largest + 1]


def test_the_image_folder_itself_as_coco_root(tmp_path):
    config = make_coco(tmp_path)
    config.instances_set = str(tmp_path / "coco" / config.instances_set)
    config.coco_root = "coco/val2017"
    source = find_coco(config, is_training=False)
    assert source.image_dir == tmp_path / "coco" / "val2017"
    assert source.ground_truth_file == tmp_path / "coco" / "annotations" / "instances_val2017.json"
