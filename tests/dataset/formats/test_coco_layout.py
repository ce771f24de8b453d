"""COCO files and images in the folders of several programs, and VOC as Roboflow exports it."""
import json
import os

import pytest

from src.dataset.annotations import EVALUATION, IN_OTHER_PART, TEST, TRAINING, Report
from src.dataset.formats.coco import look_for_coco
from src.dataset.formats.coco_layout import find_coco_parts
from src.dataset.formats.voc import look_for_voc
from src.dataset.paths import path_by_end
from src.dataset.sources import find_source
from src.utils.errors import UserError
from tests.support.samples import CLASSES, make_config, voc_xml


def coco_text(*names):
    """A box a cat of each image."""
    return json.dumps({"images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
                       "annotations": [{"id": number + 1, "image_id": number, "category_id": 1, "bbox": [1, 2, 3, 4]}
                                       for number in range(len(names))],
                       "categories": [{"id": 1, "name": "cat"}]})


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


LAYOUTS = {
    "Roboflow": (
        {f"{part}/{name}": text for part in ("train", "valid", "test")
         for name, text in (("_annotations.coco.json", coco_text("a.jpg")), ("a.jpg", ""))},
        {TRAINING: "train/a.jpg", EVALUATION: "valid/a.jpg", TEST: "test/a.jpg"}),
    "COCO, also with captions and keypoints": (
        {**{f"annotations/{name}_{part}2017.json": coco_text("1.jpg") for part in ("train", "val")
            for name in ("instances", "person_keypoints")}, "annotations/captions_train2017.json":
            '{"images": [], "annotations": []}', "train2017/1.jpg": "", "val2017/1.jpg": ""},
        {TRAINING: "train2017/1.jpg", EVALUATION: "val2017/1.jpg"}),
    "all in one folder": ({"labels_my.json": coco_text("a.jpg"), "a.jpg": ""}, {TRAINING: "a.jpg"}),
    "Label Studio": ({"result.json": coco_text("images/a.jpg"), "images/a.jpg": ""}, {TRAINING: "images/a.jpg"}),
    "CVAT": ({"annotations/instances_default.json": coco_text("a.jpg"), "images/default/a.jpg": ""},
             {TRAINING: "images/default/a.jpg"}),
    "files of several names and one folder of images": (
        {"train.json": coco_text("a.jpg"), "val.json": coco_text("b.jpg"), "photos/a.jpg": "", "photos/b.jpg": ""},
        {TRAINING: "photos/a.jpg", EVALUATION: "photos/b.jpg"}),
    "the same names in several folders": (
        {"train.json": coco_text("a.jpg"), "test.json": coco_text("a.jpg"), "images/test/a.jpg": "",
         "images/train/a.jpg": ""}, {TRAINING: "images/train/a.jpg", TEST: "images/test/a.jpg"}),
    "parts of one folder by their files alone": (
        {"train.json": coco_text("a.jpg"), "val.json": coco_text("b.jpg"), "train/a.jpg": "", "train/b.jpg": ""},
        {TRAINING: "train/a.jpg", EVALUATION: "train/b.jpg"}),
    "a part inside a folder of another name": (
        {"test project/train/a.json": coco_text("1.jpg"), "test project/train/1.jpg": "",
         "test project/valid/b.json": coco_text("1.jpg"), "test project/valid/1.jpg": ""},
        {TRAINING: "test project/train/1.jpg", EVALUATION: "test project/valid/1.jpg"}),
    "paths of another machine": ({"all.json": coco_text("/data/upload/1/a.jpg"), "images/a.jpg": ""},
                                 {TRAINING: "images/a.jpg"}),
    "paths of Windows": ({"all.json": coco_text("C:\\photos\\a.jpg"), "images/a.jpg": ""}, {TRAINING: "images/a.jpg"}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path, layout):
    files, places = LAYOUTS[layout]
    write(tmp_path, files)
    found = {purpose: source.read(Report()) for purpose, source in look_for_coco(tmp_path, CLASSES).items()}
    assert {purpose: [record.path for record in records] for purpose, records in found.items()} == {
        purpose: [str(tmp_path / place)] for purpose, place in places.items()}
    assert all(record.pixel_boxes.tolist() == [[2, 1, 6, 4, 1]] for records in found.values() for record in records)


@pytest.mark.parametrize("beside", [False, True])
def test_a_missing_image_is_not_that_of_another_part(tmp_path, beside):
    """Parts often number their images from 1: here the last one of the evaluation is not there."""
    names = {"train": [f"{number}.jpg" for number in range(1, 9)], "val": [f"{number}.jpg" for number in range(1, 4)]}
    for part, images in names.items():
        text = coco_text(*images, *(["4.jpg"] if part == "val" else []))
        file = f"images/{part}/a.json" if beside else f"annotations/instances_{part}.json"
        write(tmp_path, {file: text, **{f"images/{part}/{name}": "" for name in images}})
    parts = find_coco_parts(tmp_path)
    assert parts[TRAINING].image_dir == tmp_path / "images" / "train"
    assert parts[EVALUATION].image_dir == tmp_path / "images" / "val"


def test_images_that_are_not_there_are_not_those_of_another_part(tmp_path):
    write(tmp_path, {"instances_train.json": coco_text("1.jpg", "2.jpg"), "instances_val.json": coco_text("1.jpg"),
                     "val/1.jpg": ""})
    parts = look_for_coco(tmp_path, CLASSES)
    assert parts[EVALUATION].image_dir == tmp_path / "val"
    assert not any(os.path.exists(record.path) for record in parts[TRAINING].read(Report()))


def test_what_is_evaluated_with_is_not_in_a_file_without_the_name_of_a_part(tmp_path):
    write(tmp_path, {"labels.json": coco_text("1.jpg", "2.jpg", "3.jpg"), "labels_val.json": coco_text("2.jpg"),
                     **{f"data/{number}.jpg": "" for number in (1, 2, 3)}})
    report = Report()
    parts = {purpose: [record.path[-5:] for record in source.read(report)]
             for purpose, source in look_for_coco(tmp_path, CLASSES).items()}
    assert parts == {TRAINING: ["1.jpg", "3.jpg"], EVALUATION: ["2.jpg"]}
    assert report.counts == {IN_OTHER_PART: 1}


def test_a_file_without_the_name_of_a_part_beside_others_is_told(tmp_path, caplog):
    write(tmp_path, {"instances_Train.json": coco_text("1.jpg"), "instances_default.json": coco_text("2.jpg")})
    assert find_coco_parts(tmp_path)[TRAINING].annotation_file == tmp_path / "instances_Train.json"
    assert "instances_default.json left out: a name says neither train, val nor test, and " in caplog.text


def test_evaluation_with_the_parts_of_roboflow(tmp_path):
    write(tmp_path / "export" / "v1", LAYOUTS["Roboflow"][0])
    config = make_config(tmp_path, data="export", dataset="auto")
    assert find_source(config, True).image_dir.parts[-2:] == ("v1", "train")
    assert find_source(config, False).image_dir.name == "valid"


def test_two_files_for_one_purpose(tmp_path):
    write(tmp_path, {"a.json": coco_text("a.jpg"), "b.json": coco_text("b.jpg")})
    with pytest.raises(UserError, match=r"2 COCO files for training: .*a.json, .*b.json. Leave one"):
        find_coco_parts(tmp_path)


def test_other_files_are_not_taken(tmp_path):
    write(tmp_path, {"a.json": "{}", "b.json": "", "c.json": '{"shapes": []}'})
    os.mkdir(tmp_path / "d.json")
    assert find_coco_parts(tmp_path) == {}


def test_voc_as_roboflow_exports_it(tmp_path):
    write(tmp_path, {f"{part}/a.{suffix}": text for part in ("train", "valid", "test") for suffix, text in (
        ("xml", voc_xml([("cat", 2, 3, 5, 7)], "a.jpg")), ("jpg", ""))})
    sources = look_for_voc(tmp_path, CLASSES)
    assert {purpose: source.image_dir.name for purpose, source in sources.items()} == {
        TRAINING: "train", EVALUATION: "valid", TEST: "test"}
    for source in sources.values():
        record, = source.read(Report())
        assert (record.path, record.pixel_boxes.tolist()) == (str(source.image_dir / "a.jpg"), [[2, 1, 6, 4, 1]])


def test_the_end_of_a_name(tmp_path):
    write(tmp_path, {"b/a.jpg": "", "a.jpg": ""})
    for name, place in (("b/a.jpg", "b/a.jpg"), ("c/b/a.jpg", "b/a.jpg"), ("/x/a.jpg", "a.jpg"), ("../a.jpg", "a.jpg"),
                        ("c.jpg", "c.jpg")):
        assert path_by_end(tmp_path, name) == str(tmp_path / place)
    assert path_by_end(tmp_path, "x/" * 100_000 + "a.jpg") == str(tmp_path / "a.jpg")
    assert path_by_end(tmp_path, "/x/b/c.jpg") == str(tmp_path / "b/c.jpg")
    write(tmp_path, {"c.jpg": ""})
    assert path_by_end(tmp_path, "/x/b/c.jpg") == str(tmp_path / "b/c.jpg")  # b is there, and has not got it
    with pytest.raises(ValueError, match="outside"):
        path_by_end(tmp_path, "../d.jpg")


@pytest.mark.parametrize(("training", "evaluation", "expected"), [
    (["cam1/1.jpg", "cam2/1.jpg", "cam2/2.jpg"], [], ["cam1/1.jpg", "cam2/1.jpg", "2.jpg"]),
    (["1.jpg", "cam2/1.jpg"], [], ["1.jpg", "cam2/1.jpg"]),
    (["/x/cam1/1.jpg", "/x/cam1/2.jpg"], ["/x/cam2/1.jpg"], ["x/cam1/1.jpg", "2.jpg"]),
    (["cam1/1.jpg"], ["1.jpg"], ["cam1/1.jpg"]),
    (["/x/1.jpg", "/x/2.jpg"], ["/x/1.jpg"], ["1.jpg", "2.jpg"])])  # one image in two parts
def test_an_image_belongs_to_one_name(tmp_path, training, evaluation, expected):
    write(tmp_path, {"images/1.jpg": "", "images/2.jpg": ""})
    for part, names in (("train", training), ("val", evaluation)):
        if names:
            write(tmp_path, {f"{part}.json": coco_text(*names)})
    records = look_for_coco(tmp_path, CLASSES)[TRAINING].read(Report())
    assert [record.path for record in records] == [str(tmp_path / "images" / name) for name in expected]
