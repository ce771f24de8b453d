"""Folders of YOLO programs: the same three images in each of the layouts."""
import os

import numpy as np
import pytest
from PIL import Image

from src.config import load_config
from src.dataset import with_found_data
from src.dataset.annotations import (
    BAD_ANNOTATION,
    BAD_BOX,
    EVALUATION,
    TEST,
    TRAINING,
    UNKNOWN_CLASS,
    UNLABELLED,
    Report,
)
from src.dataset.formats.yolo import look_for_yolo
from src.dataset.formats.yolo_layout import find_yolo_parts
from src.dataset.formats.yolo_lines import yolo_box
from src.dataset.sources import find_source
from src.utils.errors import UserError
from tests.support.samples import CLASSES, exif_of, in_pixels, write_image

# Of images with 60 x 80 pixels. The polygon reaches from 8 to 24 and from 6 to 30.
LABELS = {"a": "0 0.25 0.5 0.25 0.5\n1 0.1 0.2 0.3 0.1 0.2 0.5 0.15 0.3\n", "b": "1 0.9375 0.9 0.125 0.2", "c": ""}
BOXES = {"a": [[15, 10, 45, 30, 1], [6, 8, 30, 24, 2]], "b": [[48, 70, 60, 80, 2]], "c": []}
DATA = "names: [cat, dog]\n"


def write(folder, files):
    """Files by name: text, or None for an image."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            write_image(path)
        else:
            path.write_text(text)


def images_and_labels(images, labels, names="abc"):
    """An image in one folder and its label file in another; no file for the image without objects."""
    files = {f"{images}{name}.png": None for name in names}
    return {**files, **{f"{labels}{name}.txt": LABELS[name] for name in names if LABELS[name]}}


MIRRORED = images_and_labels("images/train/", "labels/train/")
TWO = {**images_and_labels("images/train/", "labels/train/", "a"),
       **images_and_labels("images/val/", "labels/val/", "b")}
BESIDE = images_and_labels("obj_train_data/", "obj_train_data/")
LIST = "".join(f"data/obj_train_data/{name}.png\n" for name in "abc")
LAYOUTS = {
    "names as a dictionary": {**MIRRORED, "data.yaml": "names: {0: cat, 1: dog}\ntrain: images/train\npath: ."},
    "a path of another machine": {
        **MIRRORED, "data.yaml": f"{DATA}path: /content/datasets/mine\ntrain: images/train\nval:\ntest: # none"},
    "a whole path of another machine": {**MIRRORED, "mine.yaml": f"{DATA}train: C:\\mine\\images\\train"},
    "Roboflow": {**images_and_labels("train/images/", "train/labels/"),
                 "data.yaml": f"train: ../train/images\ntest: ../test/images\nnc: 2\n{DATA}"},
    "a list of folders": {**images_and_labels("images/one/", "labels/one/", "a"),
                          **images_and_labels("images/two/", "labels/two/", "bc"),
                          "data.yaml": f"{DATA}train: [images/one, images/two]"},
    "a text list": {**MIRRORED, "train.txt": "".join(f"./images/train/{name}.png\n" for name in "abc"),
                    "data.yaml": f"{DATA}train: train.txt"},
    "a list of text lists": {**MIRRORED, "1.txt": "images/train/a.png", "2.txt": "/home/me/images/train/b.png\n"
                             "images\\train\\c.png\n", "data.yaml": f"{DATA}train:\n  - 1.txt\n  - 2.txt\n"},
    "CVAT, Ultralytics YOLO, a subset called Train": {
        **MIRRORED, "Train.txt": "".join(f"data/images/train/{name}.png\n" for name in "abc"),
        "data.yaml": "Train: Train.txt\nnames:\n  0: cat\n  1: dog\npath: ."},
    "CVAT, YOLO 1.1": {**BESIDE, "obj.names": "cat\ndog\n", "train.txt": LIST,
                       "obj.data": "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n"},
    "darknet without obj.data": {**BESIDE, "obj.names": "cat\ndog", "train.txt": LIST},
    "Roboflow, YOLO Darknet": {**images_and_labels("train/", "train/"), "train/_darknet.labels": "cat\ndog\n"},
    "darknet, a names file in a folder": {**BESIDE, "cfg/obj.names": "cat\ndog", "train.txt": LIST,
                                          "obj.data": "train = train.txt\nnames = /home/me/cfg/obj.names"},
    "darknet, names of others beside": {**BESIDE, "coco.names": "person", "obj.names": "cat\ndog", "train.txt": LIST,
                                        "obj.data": "train = train.txt\nnames=data/obj.names"},
    "darknet, data of others beside": {**BESIDE, "coco.names": "person", "obj.names": "cat\ndog", "train.txt": LIST,
                                       "coco.data": "train = coco/train.txt\nvalid = coco/val.txt\nnames = coco.names",
                                       "obj.data": "train = train.txt\nnames=data/obj.names"},
    "files of macOS": {**BESIDE, "obj.names": "cat\ndog", "train.txt": LIST, "._obj.names": "Mac OS X",
                       "._obj.data": "train = none.txt", "obj_train_data/._a.txt": "0 0.5 0.5 0.1 0.1",
                       "._my.yaml": "names: [person]\ntrain: obj_train_data"},
    "LabelImg": {**images_and_labels("", ""), "classes.txt": "cat\ndog\n"},
    "Label Studio": {**images_and_labels("images/", "labels/"), "classes.txt": "cat\ndog\n", "notes.json": "{}"},
    "LabelImg, in a folder": {**images_and_labels("train/", "train/"), "train/classes.txt": "cat\ndog\n"},
    "LabelImg, names beside label files": {**MIRRORED, "labels/train/classes.txt": "cat\ndog\n"},
    "LabelImg, all beside the images": {**images_and_labels("images/train/", "images/train/"),
                                        "images/train/classes.txt": "cat\ndog\n", ".copies/classes.txt": "person"},
    "LabelImg, images in a folder of each part": {**images_and_labels("train/images/", "train/labels/"),
                                                  "train/labels/classes.txt": "cat\ndog\n"},
    "several files that say the same": {**MIRRORED, "a.yaml": f"{DATA}train: images/train\npath: /content/a",
                                        "b.yml": f"{DATA}train: /home/me/images/train\nval: # none",
                                        "c.yaml": f"{DATA}train: ../gone"},
    "folders of usual names": {**MIRRORED, "classes.txt": "cat\ndog\n"},
}


def read(folder, purpose=TRAINING):
    report = Report()
    return in_pixels(look_for_yolo(folder, CLASSES)[purpose].read(report)), report


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(tmp_path, layout):
    write(tmp_path, LAYOUTS[layout])
    assert list(look_for_yolo(tmp_path, CLASSES)) == [TRAINING]
    records, report = read(tmp_path)
    assert [os.path.basename(record.path) for record in records] == ["a.png", "b.png", "c.png"]
    assert [record.pixel_boxes.tolist() for record in records] == list(BOXES.values())
    assert [record.image_id for record in records] == [1, 2, 3] and {record.size for record in records} == {(60, 80)}
    assert all(os.path.isfile(record.path) for record in records)
    assert dict(report.counts) == {UNLABELLED: 1} and report.classes == {"cat": 1, "dog": 2}


@pytest.mark.parametrize(("files", "places"), [
    ({**images_and_labels("train/images/", "train/labels/", "a"), **images_and_labels("valid/images/", "valid/labels/",
      "b"), **images_and_labels("test/images/", "test/labels/", "c"),
      "data.yaml": f"{DATA}train: ../train/images\nval: ../valid/images\ntest: ../test/images"},
     {TRAINING: "train/images/a.png", EVALUATION: "valid/images/b.png", TEST: "test/images/c.png"}),
    ({**BESIDE, "obj.names": "cat\ndog", "train.txt": LIST.split()[0], "valid.txt": LIST.split()[1]},
     {TRAINING: "obj_train_data/a.png", EVALUATION: "obj_train_data/b.png"}),
    ({**images_and_labels("train/", "train/", "a"), **images_and_labels("val/", "val/", "b"),
      "classes.txt": "cat\ndog"},
     {TRAINING: "train/a.png", EVALUATION: "val/b.png"}),
    ({**images_and_labels("train/", "train/", "a"), **images_and_labels("val/", "val/", "b"),
      "train/classes.txt": "cat\ndog", "val/classes.txt": "cat"},
     {TRAINING: "train/a.png", EVALUATION: "val/b.png"}),
    ({**TWO, "data.yaml": f"{DATA}train: ../images/train\nval: ../images/val\ntest: ../test/images"},
     {TRAINING: "images/train/a.png", EVALUATION: "images/val/b.png"}),
])
def test_parts(tmp_path, files, places):
    write(tmp_path, files)
    sources = look_for_yolo(tmp_path, CLASSES)
    assert {purpose: [record.path for record in source.read(Report())] for purpose, source in sources.items()} == {
        purpose: [str(tmp_path / place)] for purpose, place in places.items()}


@pytest.mark.parametrize("place", ["{}", "images/{}", "dataset/images/{}", "cam1/{}", "dataset/cam1/{}/images"])
def test_parts_at_any_depth_by_the_names_of_folders(tmp_path, place):
    folders = {TRAINING: place.format("train"), EVALUATION: place.format("val")}
    write(tmp_path, {"classes.txt": "cat\ndog", "boxes.csv": "", "b.png": None, "b.txt": LABELS["b"], "logo.png": None})
    for folder in folders.values():
        write(tmp_path, images_and_labels(f"{folder}/", f"{folder.replace('images', 'labels')}/", "ac"))
    found = {purpose: sorted(record.path for record in source.read(Report()))
             for purpose, source in look_for_yolo(tmp_path, CLASSES).items()}
    paths = {purpose: [str(tmp_path / folder / f"{name}.png") for name in "ac"] for purpose, folder in folders.items()}
    # What is annotated in no part is for training; an image alone is no part of the dataset.
    assert found == {**paths, TRAINING: sorted([*paths[TRAINING], str(tmp_path / "b.png")])}


def test_the_last_folder_of_images_has_the_labels(tmp_path):
    """As Ultralytics has it."""
    write(tmp_path, {**images_and_labels("train/images/", "train/labels/", "a"),
                     **images_and_labels("images/val/images/", "images/val/labels/", "b"),
                     "data.yaml": f"{DATA}train: train/images\nval: images/val/images"})
    for purpose, name in ((TRAINING, "a"), (EVALUATION, "b")):
        (record,), report = read(tmp_path, purpose)
        assert (record.pixel_boxes.tolist(), report.counts) == (BOXES[name], {})


def test_another_folder_of_images_may_have_the_labels(tmp_path):
    """As this program once wrote it; those of the last one come first."""
    write(tmp_path, {**images_and_labels("images/train/images/", "labels/train/images/", "ab"), "data.yaml":
                     f"{DATA}train: images/train", "images/train/labels/a.txt": LABELS["b"]})
    records, report = read(tmp_path)
    assert [record.pixel_boxes.tolist() for record in records[:2]] == [BOXES["b"], BOXES["b"]]
    assert [os.path.basename(record.path) for record in records] == ["a.png", "b.png", "a.jpg"]
    assert dict(report.counts) == {}


def test_training_images_as_evaluation_images(tmp_path):
    """As in the small examples of Ultralytics."""
    write(tmp_path, {**MIRRORED, "data.yaml": f"{DATA}train: images/train\nval: images/train"})
    flags = [f"--data={tmp_path}", "--dataset=yolo", "--classes=background,cat,dog", "--num_classes=3"]
    assert find_source(load_config(flags), is_training=False).part == "training images"
    assert find_source(load_config([*flags, "--val_share=0.5"]), is_training=False).part.startswith("held-out")


def test_other_data_are_not_taken(tmp_path):
    write(tmp_path, {"a.png": None, "classes.txt": "cat", "list.txt": "a.png 1,2,3,4,1", "config.yaml": "train: 1",
                     "broken.yaml": "["})
    assert look_for_yolo(tmp_path, CLASSES) == {}
    write(tmp_path, {"one/classes.txt": "cat", "two/classes.txt": "dog", "coco.names": "cat", "obj.names": "dog"})
    (tmp_path / "classes.txt").write_bytes(b"\xe4")
    assert look_for_yolo(tmp_path, CLASSES) == {}


@pytest.mark.parametrize(("yaml", "message"), [
    ("[", "data.yaml cannot be read: not valid YAML.*Expected are 'names'"),
    ("names: 5\ntrain: images", "'names' does not name the classes"),
    ("names: []\ntrain: images", "'names' does not name the classes"),
    ("names: {cat: 0}\ntrain: images", "something else than a number"),
    ("names: [[a]]\ntrain: images", "'names' does not name the classes"),
    (f"{DATA}train: {{a: b}}", "'train' is no folder"),
    (f"{DATA}train: imgs", "'train' is imgs, and there is no such folder with files, .* below .*. Correct it.$"),
    (f"{DATA}train: images\nval: imgs", "'val' is imgs, .* Correct it, or delete the line 'val'.$"),
    (f"{DATA}train: list.txt", "list.txt names an image that is not below .*: ../../x.png. Put it there"),
])
def test_bad_descriptions(tmp_path, yaml, message):
    write(tmp_path / "own", {**MIRRORED, "data.yaml": yaml, "list.txt": "images/train/a.png\n../../x.png"})
    with pytest.raises(UserError, match=message):
        find_yolo_parts(tmp_path / "own")


def test_a_description_in_another_encoding(tmp_path):
    (tmp_path / "data.yaml").write_bytes("names: [Gerät]\ntrain: images".encode("latin-1"))
    with pytest.raises(UserError, match=r"data.yaml cannot be read: it is no text in UTF-8, .*save the file as UTF-8"):
        find_yolo_parts(tmp_path)


def test_two_classes_of_one_name(tmp_path):
    """An error where both have boxes; names of classes that are not there may be the same."""
    files = {**MIRRORED, "data.yaml": "names: [cat, cat, none, none]\ntrain: images/train"}
    write(tmp_path, files)
    source = look_for_yolo(tmp_path, CLASSES)[TRAINING]
    with pytest.raises(UserError, match=r"data.yaml gives the classes 0 and 1, which both have boxes, the name 'cat'"):
        source.read(Report())
    (tmp_path / "data.yaml").write_text("names: [cat, dog, none, none]\ntrain: images/train")
    assert len(look_for_yolo(tmp_path, CLASSES)[TRAINING].read(Report())) == 3


def test_a_list_that_is_stated_and_not_there(tmp_path):
    write(tmp_path, {**images_and_labels("img/", "img/"), "obj.names": "cat\ndog", "train.txt": "img/a.png\nimg/b.png",
                     "obj.data": "train = train.txt\nvalid = data/valid.txt\n"})
    with pytest.raises(UserError, match=r"obj.data: 'valid' is data/valid.txt, and there is no such .*delete the line"):
        look_for_yolo(tmp_path, CLASSES)


@pytest.mark.parametrize(("train", "val"), [
    ("../train/images", "../valid/images"), ("../train/images", "images/val"), ("images", "/home/me/valid/images"),
    ("[images/train, ../train/images]", "images/val")])
def test_stale_paths_that_would_mix_the_parts(tmp_path, train, val):
    write(tmp_path, {**TWO, "data.yaml": f"{DATA}train: {train}\nval: {val}"})
    stated = train.strip("[]").rpartition(", ")[2]
    with pytest.raises(UserError, match=f"data.yaml: 'train' is {stated}, 'val' is {val}, and only their ends .* in "
                                        "images/train, images/val. Correct both lines."):
        look_for_yolo(tmp_path, CLASSES)


@pytest.mark.parametrize(("train", "val", "counts"), [
    ("../train/images", "../train/images", (2, 2)), ("images", "images/val", (2, 1)), ("images", "./images", (2, 2)),
    ("{}/images", "images", (2, 2)), ("/content/mine/images", "/content/mine/images/val", (2, 1)),
    ("/content/mine/images/train", "D:\\mine\\images\\val", (1, 1))])
def test_parts_that_are_stated_to_have_images_in_common(tmp_path, train, val, counts):
    write(tmp_path, {**TWO, "data.yaml": f"{DATA}train: {train.format(tmp_path)}\nval: {val}"})
    assert tuple(len(read(tmp_path, purpose)[0]) for purpose in (TRAINING, EVALUATION)) == counts


def test_test_images_that_are_not_there_are_not_those_of_training(tmp_path):
    write(tmp_path, {**images_and_labels("images/", "labels/"), "data.yaml":
                     f"{DATA}train: images\ntest: ../test/images"})
    assert list(look_for_yolo(tmp_path, CLASSES)) == [TRAINING]


@pytest.mark.parametrize(("files", "message"), [
    ({"obj.names": "cat", "coco.names": "person", "train.txt": LIST},
     "coco.names, obj.names in .* name different classes. Make them equal, or delete"),
    ({"train.txt": LIST, "valid.txt": LIST, "obj.names": "cat\ndog", "a.data": "train = train.txt",
      "b.data": "train = valid.txt"}, "a.data, b.data in .* describe different datasets. Move those"),
    ({"train.txt": LIST, "obj.names": "cat\ndog", "coco.names": "person", "a.data": "train=train.txt\nnames=obj.names",
      "b.data": "train=train.txt\nnames=coco.names"}, "a.data, b.data in .* describe different datasets"),
    ({"train.txt": LIST, "valid.txt": LIST, "obj.names": "cat", "obj.data": "train=data/a/x.txt\nvalid=data/b/x.txt",
      "x.txt": LIST}, "obj.data: 'train' is data/a/x.txt, 'valid' is data/b/x.txt, and only their ends"),
    ({"train.txt": LIST, "obj.data": "train = train.txt\nnames = data/obj.names"},
     "no file with the names of the classes is there. Write them to obj.names"),
    ({"animals.yaml": f"{DATA}train: obj_train_data", "my.yaml": "names: [person]\ntrain: obj_train_data"},
     "animals.yaml, my.yaml in .* describe different datasets. Call the one that counts data.yaml"),
    ({"data.yaml": "train: obj_train_data\nnc: 2"}, "data.yaml has no 'names'. Expected are 'names', a list or a"),
    ({"data.yaml": DATA}, "data.yaml has no 'train'. Expected are 'names', a list or a"),
    ({"train/a.png": None, "train/a.txt": LABELS["a"], "val/b.png": None, "train/classes.txt": "cat\ndog",
      "val/classes.txt": "dog\ncat"}, "train/classes.txt, val/classes.txt in .* name different classes"),
])
def test_files_that_leave_open_what_the_classes_or_images_are(tmp_path, files, message):
    write(tmp_path, {**BESIDE, **files})
    with pytest.raises(UserError, match=message):
        look_for_yolo(tmp_path, CLASSES)


def test_a_description_without_names_is_not_needed_beside_a_names_file(tmp_path):
    write(tmp_path, {**BESIDE, "data.yaml": "train: obj_train_data", "classes.txt": "cat\ndog"})
    assert read(tmp_path)[1].classes == {"cat": 1, "dog": 2}


def test_label_files_beside_the_images_without_an_image_are_counted(tmp_path):
    """... and no other texts."""
    write(tmp_path, {"a.png": None, "classes.txt": "cat\ndog", "a.txt": LABELS["a"], "README.txt": "0 cats, 1 dog",
                     "list.txt": "a.png\nb.png", "empty.txt": "\n", "calibration.txt": "512 384 100 200 0.5",
                     "notes.txt": "0 0.5 0.5 0.2 0.25\nand a cat", "other.names": "cat\ndog",
                     **{f"gone{number}.txt": LABELS["b"] for number in range(3)}})
    records, _ = read(tmp_path)
    assert [os.path.basename(record.path) for record in records] == ["a.png", "gone0.jpg", "gone1.jpg", "gone2.jpg"]
    assert [os.path.exists(record.path) for record in records] == [True, False, False, False]


@pytest.mark.parametrize("text", [LABELS["a"], ""])
def test_a_picture_whose_name_is_that_of_a_part(tmp_path, text):
    """Its label file is no list of images."""
    write(tmp_path, {**images_and_labels("", ""), "classes.txt": "cat\ndog", "train.jpg": None, "train.txt": text,
                     "test.jpg": None, "test.txt": LABELS["b"]})
    (tmp_path / "c.txt").touch()
    sources = look_for_yolo(tmp_path, CLASSES)
    assert list(sources) == [TRAINING]
    boxes = {os.path.basename(record.path): record.pixel_boxes.tolist() for record in read(tmp_path)[0]}
    assert boxes == {"a.png": BOXES["a"], "b.png": BOXES["b"], "c.png": [], "test.jpg": BOXES["b"],
                     "train.jpg": BOXES["a"] if text else []}
    flags = [f"--data={tmp_path}", "--dataset=yolo", "--classes=background,cat,dog", "--num_classes=3"]
    assert find_source(load_config([*flags, "--val_share=0.5"]), is_training=False).part.startswith("held-out")


def test_numbers_without_a_name_are_no_classes(tmp_path):
    write(tmp_path, {"images/a.png": None, "data.yaml": "names: {0: cat, 1: '', 3: dog}\ntrain: images", "labels/a.txt":
                     "0 0.5 0.5 0.2 0.25\n5 0.5 0.5 0.2 0.25\n1 0.5 0.5 0.2 0.25\n-1 0.5 0.5 0.2 0.25\nx 1 2 3 4\n"
                     "1.5 0.5 0.5 0.2 0.25"})
    config = with_found_data(load_config([f"--data={tmp_path}", "--dataset=yolo", "--classes=auto"]))
    assert config.classes == ("background", "cat")
    report = Report()
    record, = look_for_yolo(tmp_path, tuple(config.classes))[TRAINING].read(report)
    assert len(record.pixel_boxes) == 1 and report.classes == {"cat": 1}
    assert dict(report.counts) == {UNKNOWN_CLASS: 3, BAD_BOX: 2}
    assert report.examples == {
        UNKNOWN_CLASS: [f"labels/a.txt: class {number}, which has no name in data.yaml" for number in (5, 1, -1)],
        BAD_BOX: [f"labels/a.txt: '{text}' is no number of a class" for text in ("x", "1.5")]}


def test_what_cannot_be_used_is_counted(tmp_path):
    write(tmp_path, {"images/a.png": None, "images/b.png": None, "images/c.png": "no image", "data.yaml": f"{DATA}"
                     "train: images", "labels/c.txt": LABELS["a"], "labels/gone.txt": LABELS["b"],
                     "labels/a.txt": "0 0.5 0.5 0.5 0.5\n\n2 0.5 0.5 0.5 0.5\nx 0.5 0.5 0.5 0.5\n"
                     "1.0 0.25 0.5 0.25 0.5\n0 0.5 0.5 0.5\n0 nan 0.5 0.5 0.5\n0 100 100 30 30\n"
                     "0 0.5 0.5 0.5 0.5 0.9\n0\n"})
    (tmp_path / "labels" / "b.txt").write_bytes(b"\xff\xff")
    records, report = read(tmp_path)
    names = [os.path.basename(record.path) for record in records]
    assert names == ["a.png", "c.png", "gone.jpg"]
    assert records[0].pixel_boxes.tolist() == [[15, 20, 45, 60, 1], [15, 10, 45, 30, 2]]
    assert len(records[1].pixel_boxes) == 2 and not os.path.exists(records[2].path)
    assert dict(report.counts) == {UNKNOWN_CLASS: 1, BAD_BOX: 6, BAD_ANNOTATION: 1}


def test_keypoints_are_left_out(tmp_path):
    write(tmp_path, {"images/a.png": None, "labels/a.txt": "0 0.25 0.5 0.25 0.5 0.9 0.9 0.1 0.1",
                     "data.yaml": f"{DATA}train: images\nkpt_shape: [2, 2]"})
    assert read(tmp_path)[0][0].pixel_boxes.tolist() == [[15, 10, 45, 30, 1]]


def test_an_image_that_is_added_is_noticed(tmp_path):
    write(tmp_path, {**MIRRORED, "data.yaml": f"{DATA}train: images/train"})
    before = look_for_yolo(tmp_path, CLASSES)[TRAINING].annotation_files
    write_image(tmp_path / "images" / "train" / "d.png")
    after = look_for_yolo(tmp_path, CLASSES)[TRAINING].annotation_files
    assert set(after) - set(before) == {tmp_path / "labels" / "train" / "d.txt"}


def test_boxes_of_an_image_that_lies_on_its_side(tmp_path):
    """Fractions are of the image as it is shown."""
    write(tmp_path, {"labels/a.txt": "0 0.5 0.5 1 0.5", "data.yaml": f"{DATA}train: images"})
    (tmp_path / "images").mkdir()
    Image.fromarray(np.zeros((60, 80, 3), np.uint8)).save(tmp_path / "images" / "a.jpg", exif=exif_of(6))
    record, = read(tmp_path)[0]
    assert (record.size, record.pixel_boxes.tolist()) == ((80, 60), [[20, 0, 60, 60, 1]])


def test_the_fast_way_and_the_careful_one_agree(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    for number in range(20):
        rows = [f"{rng.integers(2)} " + " ".join(map(repr, rng.uniform(-0.2, 1.2, 4).tolist())) for _ in range(number)]
        write(tmp_path, {f"images/{number}.png": None, f"labels/{number}.txt": "\n".join(rows)})
    write(tmp_path, {"data.yaml": f"{DATA}train: images"})
    source = look_for_yolo(tmp_path, CLASSES)[TRAINING]
    fast, careful = Report(), Report()
    records = source.read(fast)
    monkeypatch.setattr("src.dataset.formats.yolo._plain_rows", lambda *args: None)
    for one, other in zip(records, source.read(careful)):
        np.testing.assert_array_equal(one.fractions, other.fractions)
        np.testing.assert_array_equal(one.pixel_boxes, other.pixel_boxes)
    assert fast.to_dict() == careful.to_dict() and fast.classes.total() == 190


def test_boxes():
    assert yolo_box(["0.5", "0.5", "1", "1"]) == [0, 0, 1, 1]
    assert yolo_box(["0", "0", "0.5", "0.25"]) == [-0.125, -0.25, 0.125, 0.25]
    assert yolo_box(["0.1", "0.2", "0.3", "0.1", "0.2", "0.5"]) == [0.1, 0.1, 0.5, 0.3]
    assert yolo_box(["0.5", "0.5", "1", "1", "0.3", "0.3", "2"], box_only=True) == [0, 0, 1, 1]
    for numbers in ("0.5 0.5 0.5", "", "0.1 0.1 0.2 0.2 0.3 0.3 0.4", "1e400 0 0 0", "3 3 1 1"):
        with pytest.raises(ValueError, match=r"neither|no number|not fractions"):
            yolo_box(numbers.split())
