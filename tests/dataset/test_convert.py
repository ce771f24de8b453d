"""A dataset of one format, written in another: the same images, boxes and parts."""
import json
import logging
import shutil

import numpy as np
import pytest
import yaml

from src.dataset.annotations import EVALUATION, TRAINING, Report
from src.dataset.convert import FolderConfig, convert, main
from src.dataset.formats.writers import (
    WRITERS,
    Image,
    write_cvat,
    write_label_studio,
    write_labelme,
    write_voc,
    write_yolo,
)
from src.dataset.found_data import with_found_data
from src.dataset.sources import find_parts
from src.utils.errors import UserError
from tests.hostile.special_files import names_below
from tests.support.program_files import cvat_box, cvat_xml, labelme_json, region, task
from tests.support.samples import in_pixels, write_image

CLASSES = ("background", "cat", "dog")


@pytest.fixture
def data(tmp_path):
    """Two parts of LabelMe with images of the same names, also but for the suffix; one without objects, one missing."""
    folder = tmp_path / "own"
    for number, (name, shapes) in enumerate({
            "train/a.png": [("dog", "rectangle", [[10, 5], [30, 35]]), ("cat", "circle", [[70, 20], [70, 35]])],
            "train/sub/b.jpg": [], "train/sub/B.png": [("cat", "rectangle", [[0, 0], [80, 60]])],
            "val/a.png": [("cat", "polygon", [[1, 2], [41, 2], [41, 33]])]}.items()):
        write_image(folder / name, seed=number)
        (folder / f"{name.rpartition('.')[0]}.json").write_text(labelme_json(*shapes, image=name.rpartition("/")[2]))
    (folder / "val" / "gone.json").write_text(labelme_json(image="gone.png"))
    return folder


def content_of(folder):
    """Of each purpose: content of each image, its boxes and their names."""
    config = with_found_data(FolderConfig(str(folder)))
    return {purpose: sorted((open(record.path, "rb").read(), record.pixel_boxes[:, :4].tolist(),
                             [config.classes[label] for label in record.pixel_boxes[:, 4]])
                            for record in in_pixels(source.read(Report())))
            for purpose, source in find_parts(config)[1].items()}


@pytest.mark.parametrize("kind", WRITERS)
def test_round_trip(data, kind, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    main([f"--data={data}", f"--to={kind}", f"--output={tmp_path / 'out'}"])
    (data / "val" / "gone.json").unlink()
    written, expected = content_of(tmp_path / "out"), content_of(data)
    expected[TRAINING] = [(image, [[5, 10, 35, 30], [5, 55, 35, 80]] if len(boxes) == 2 else boxes, names)
                          for image, boxes, names in expected[TRAINING]]  # the circle reaches over the edge
    assert written == expected
    assert sum(len(boxes) for _, boxes, _ in written[TRAINING]) == 3
    assert len(written[EVALUATION]) == 1
    assert "train: 3 images with 3 boxes" in caplog.text
    assert "val, left out or changed: 1 images that do not exist" in caplog.text


def cvat(folder, part):
    write_image(folder / part / "images" / "a.png", seed=len(part))
    (folder / part / "annotations.xml").write_text(cvat_xml([('id="0" name="a.png"', cvat_box("cat", 1, 2, 30, 40))]))


def cvat_tasks(folder, part):
    cvat(folder / part, "task_1")


def label_studio(folder, part):
    write_image(folder / part / "a.png", seed=len(part))
    box = {"x": 10, "y": 10, "width": 50, "height": 50, "rotation": 0}
    (folder / f"{part}.json").write_text(json.dumps([task(region(box), image=f"/data/local-files/?d={part}/a.png")]))


def labelme(folder, part):
    for number, name in enumerate(("a", "test/a", "train/deep/a")):
        write_image(folder / part / f"{name}.png", seed=10 * len(part) + number)
        (folder / part / f"{name}.json").write_text(labelme_json(("cat", "rectangle", [[number, 2], [30, 40]])))


def yolo(folder, part):
    """Training images in two folders."""
    for name in (f"images/{part}/a", *(["images/test/b"] if part == "train" else [])):
        write_image(folder / f"{name}.png", seed=len(name))
        label_file = folder / name.replace("images", "labels")
        label_file.parent.mkdir(parents=True)
        label_file.with_suffix(".txt").write_text("0 0.5 0.5 0.25 0.5\n")
    (folder / "data.yaml").write_text("names: [cat]\ntrain: [images/train, images/test]\nval: images/val\n")


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("source", [cvat, cvat_tasks, label_studio, labelme, yolo])
def test_folders_that_are_called_as_parts(tmp_path, source, kind):
    """They lie in the folders of the parts that are written."""
    for part in ("train", "val"):
        source(tmp_path / "own", part)
    convert(FolderConfig(str(tmp_path / "own")), kind, tmp_path / "out")
    assert content_of(tmp_path / "out") == content_of(tmp_path / "own")


def test_coco(data, tmp_path):
    convert(FolderConfig(str(data)), "coco", tmp_path / "out")
    assert [name for name in names_below(tmp_path / "out") if "." in name] == [
        "annotations/instances_train.json", "annotations/instances_val.json", "train/a.png", "train/sub/B.png",
        "train/sub/b-1.jpg", "val/a.png"]
    content = json.loads((tmp_path / "out/annotations/instances_val.json").read_text())
    assert content["categories"] == [{"supercategory": "none", "id": 1, "name": "cat"},
                                     {"supercategory": "none", "id": 2, "name": "dog"}]
    assert content["images"] == [{"file_name": "a.png", "id": 1, "width": 80, "height": 60}]
    assert [annotation["bbox"] for annotation in content["annotations"]] == [[1, 2, 40, 31]]


IMAGE = Image("sub/a.png", b"pixels", (60, 80), np.array([[6, 8, 36, 40, 2]], np.int32))


def test_yolo(tmp_path):
    empty = IMAGE._replace(name="b.png", boxes=np.zeros((0, 5), np.int32))
    write_yolo(tmp_path, "train", iter([IMAGE, empty]), CLASSES)
    assert (tmp_path / "labels/train/sub/a.txt").read_text() == "1 0.3 0.35 0.4 0.5\n"
    assert (tmp_path / "labels/train/b.txt").read_text() == ""
    assert (tmp_path / "images/train/sub/a.png").read_bytes() == b"pixels"


LIKE_IMAGES = ("a.png", "images/a.png", "images_/a.png", "Images/b/images/a.png", "JPEGImages/a.png",
               "my images/a.png")


def test_every_image_has_its_label_file(tmp_path):
    """... where Ultralytics looks for it, also where names have folders called `images`."""
    write_yolo(tmp_path, "train", (IMAGE._replace(name=name) for name in LIKE_IMAGES), CLASSES)
    images = sorted((tmp_path / "images").rglob("*.png"))
    labels = ["/labels/".join(str(image).rsplit("/images/", 1)).rsplit(".", 1)[0] + ".txt" for image in images]
    assert labels == [str(path) for path in sorted((tmp_path / "labels").rglob("*.txt"))]
    assert len(set(labels)) == len(LIKE_IMAGES)


@pytest.mark.parametrize("kind", WRITERS)
def test_round_trip_of_folders_called_images(kind, tmp_path):
    for number, name in enumerate(LIKE_IMAGES):
        path = tmp_path / "own" / "train" / name
        write_image(path, seed=number)
        box = [[number, 5], [30, 35]]
        path.with_suffix(".json").write_text(labelme_json(("cat", "rectangle", box), image=path.name))
    convert(FolderConfig(str(tmp_path / "own")), kind, tmp_path / "out")
    assert content_of(tmp_path / "out") == content_of(tmp_path / "own")


def test_yolo_of_a_folder(data, tmp_path):
    convert(FolderConfig(str(data)), "yolo", tmp_path / "out")
    assert yaml.safe_load((tmp_path / "out/data.yaml").read_text()) == {
        "train": "images/train", "val": "images/val", "names": {0: "cat", 1: "dog"}}


def test_voc(tmp_path):
    write_voc(tmp_path, "val", iter([IMAGE]), ("background", "cat", "<&> \u00e9"))
    text = (tmp_path / "val/Annotations/sub/a.xml").read_text(encoding="utf-8")
    for part in ("<filename>a.png</filename>", "<width>80</width>", "<name>&lt;&amp;&gt; \u00e9</name>",
                 "<xmin>9</xmin>", "<ymin>7</ymin>", "<xmax>41</xmax>", "<ymax>37</ymax>"):
        assert part in text


def test_what_detectors_find_has_scores(tmp_path):
    """Label Studio keeps them apart from what a person has annotated."""
    found = IMAGE._replace(scores=np.array([0.875], np.float32))
    for number, image in enumerate((IMAGE, found)):
        folder = tmp_path / str(number)
        write_labelme(folder, "train", iter([image]), CLASSES)
        shape, = json.loads((folder / "train/sub/a.json").read_text())["shapes"]
        assert (shape["points"], shape["description"]) == ([[8, 6], [40, 36]], ("", "score 0.875")[number])
        write_cvat(folder, "train", iter([image]), CLASSES)
        assert f'source="{("manual", "auto")[number]}"' in (folder / "train/annotations.xml").read_text()
        write_label_studio(folder, "train", iter([image]), CLASSES)
        task, = json.loads((folder / "train/tasks.json").read_text())
        assert task["data"] == {"image": "/data/local-files/?d=train/images/sub/a.png"}
        region, = task[("annotations", "predictions")[number]][0]["result"]
        assert region["value"] == {"x": 10, "y": 10, "width": 40, "height": 50, "rotation": 0,
                                   "rectanglelabels": ["dog"]}
        assert region.get("score") == (None, 0.875)[number]


@pytest.mark.parametrize(("output", "message"), [
    ("full", "is there already"), ("full/a.txt", "is there already"), ("own/out", "lies in")])
def test_where_it_must_not_be_written(data, tmp_path, output, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("mine")
    before = names_below(tmp_path)
    with pytest.raises(UserError, match=message):
        convert(FolderConfig(str(data)), "coco", tmp_path / output)
    assert names_below(tmp_path) == before


def test_names_that_differ_in_blanks_are_refused(tmp_path):
    folder = tmp_path / "own"
    write_image(folder / "a.png")
    boxes = [{"id": number, "image_id": 1, "category_id": number, "bbox": [1, 2, 30, 40]} for number in (1, 2)]
    (folder / "a.json").write_text(json.dumps({
        "images": [{"id": 1, "file_name": "a.png"}], "annotations": boxes,
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "cat "}]}))
    with pytest.raises(UserError, match="Two classes are called 'cat', but for blanks around the name"):
        convert(FolderConfig(str(folder)), "voc", tmp_path / "out")


def test_classes_of_all_parts_are_written(data, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    (data / "val" / "a.json").write_text(labelme_json(("bird", "rectangle", [[1, 2], [41, 33]]), image="a.png"))
    convert(FolderConfig(str(data)), "yolo", tmp_path / "out")
    assert yaml.safe_load((tmp_path / "out" / "data.yaml").read_text())["names"] == {0: "bird", 1: "cat", 2: "dog"}
    assert "val: 1 images with 1 boxes" in caplog.text


def test_what_is_left_out_is_told_once(data, tmp_path, caplog):
    convert(FolderConfig(str(data)), "coco", tmp_path / "coco")
    shutil.copy(tmp_path / "coco" / "annotations" / "instances_train.json",
                tmp_path / "coco" / "annotations" / "instances_default.json")
    caplog.clear()
    convert(FolderConfig(str(tmp_path / "coco")), "yolo", tmp_path / "out")
    assert caplog.text.count("instances_default.json left out") == 1


def test_an_evaluation_part_that_cannot_be_used_is_an_error(data, tmp_path):
    for text, message in (('{"shapes": [', "No image for val can be used: the lines above say why"),
                          ("", "val has the name of an evaluation part, but no annotations that can be used")):
        for path in (data / "val").glob("*.json"):
            path.write_text(text)
        with pytest.raises(UserError, match=message):
            convert(FolderConfig(str(data)), "coco", tmp_path / "out")
        assert not (tmp_path / "out").exists()


def test_a_part_without_images_is_an_error(data, tmp_path):
    convert(FolderConfig(str(data)), "coco", tmp_path / "own2")
    for part, purpose in (("val", "evaluation"), ("test", "test")):
        path = tmp_path / "own2" / "annotations" / f"instances_{part}.json"
        path.write_text(json.dumps({"images": [], "annotations": [], "categories": [{"id": 1, "name": "cat"}]}))
        if purpose == "evaluation":
            with pytest.raises(UserError, match="own2 has annotations for val, and they name no image"):
                convert(FolderConfig(str(tmp_path / "own2")), "label_studio", tmp_path / "out")
            path.unlink()
            shutil.rmtree(tmp_path / "own2" / "val")
    convert(FolderConfig(str(tmp_path / "own2")), "label_studio", tmp_path / "out")  # Roboflow has such files
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["train"]


def test_folders_called_as_parts_in_one_part(tmp_path):
    """All is for training, also in what LabelMe reads."""
    names = [f"train/{number}.png" for number in range(3)] + ["val/3.png"]
    for name in names:
        write_image(tmp_path / "own" / name)
    (tmp_path / "own" / "train.json").write_text(json.dumps({
        "images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
        "annotations": [{"id": number + 1, "image_id": number, "category_id": 1, "bbox": [1, 2, 30, 40]}
                        for number in range(4)],
        "categories": [{"id": 1, "name": "cat"}]}))
    convert(FolderConfig(str(tmp_path / "own")), "labelme", tmp_path / "out")
    found = content_of(tmp_path / "out")
    assert found.keys() == {TRAINING} and len(found[TRAINING]) == 4


def test_nothing_to_write(tmp_path):
    with pytest.raises(UserError, match=r"There is no folder \(--data\) .*none\."):
        convert(FolderConfig(str(tmp_path / "none")), "voc", tmp_path / "out")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.json").write_text(labelme_json(("cat", "rectangle", [[1, 2], [3, 4]])))
    with pytest.raises(UserError, match=r"No image for train can be used"):
        convert(FolderConfig(str(tmp_path / "own")), "voc", tmp_path / "out")
    with pytest.raises(UserError, match="control characters"):
        (tmp_path / "own" / "a.json").write_text(labelme_json(("c\x01t", "rectangle", [[1, 2], [3, 4]])))
        convert(FolderConfig(str(tmp_path / "own")), "voc", tmp_path / "out")
    assert names_below(tmp_path) == ["own", "own/a.json"]
