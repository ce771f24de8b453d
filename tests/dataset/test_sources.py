"""Which images train and which evaluate, for data without an evaluation part."""
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.config import load_config
from src.dataset.annotations import ImageRecord, Report, box_array
from src.dataset.formats.voc import find_layout
from src.dataset.mindrecord.create import create_mindrecord
from src.dataset.sources import find_source, held_out, read_annotations
from src.utils.errors import UserError
from tests.support.samples import read_records, voc_xml

NUMBER = 20


@pytest.fixture
def images(tmp_path):
    """Folder with 20 images, each with an xml file of one box."""
    folder = tmp_path / "own"
    folder.mkdir()
    for number in range(NUMBER):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((30, 40, 3), number, np.uint8))
        (folder / f"{number}.xml").write_text(voc_xml([("cat", 2, 3, 20, 25)], f"{number}.png", 40, 30))
    return folder


def flags_of(kind, folder):
    """Flags of the same data in one of the three formats, without an evaluation part."""
    common = ["--classes=background,cat", "--num_classes=2", f"--mindrecord_dir={folder.parent / 'MindRecord'}"]
    if kind == "voc":
        return [*common, "--dataset=voc", f"--voc_root={folder}"]
    if kind == "other":
        lines = [f"{number}.png 1,2,19,24,1\n" for number in range(NUMBER)]
        (folder / "list.txt").write_text("".join(lines))
        return [*common, "--dataset=other", f"--image_dir={folder}", f"--anno_path={folder / 'list.txt'}"]
    content = {"images": [{"id": number, "file_name": f"{number}.png", "height": 30, "width": 40}
                          for number in range(NUMBER)],
               "annotations": [{"id": number + 1, "image_id": number, "category_id": 5, "bbox": [1, 2, 18, 22],
                                "area": 396, "iscrowd": 0} for number in range(NUMBER)],
               "categories": [{"id": 5, "name": "cat"}]}
    (folder.parent / "all.json").write_text(json.dumps(content))
    return [*common, "--dataset=coco", f"--coco_root={folder.parent}", "--instances_set=all.json",
            "--train_data_type=own"]


@pytest.mark.parametrize("kind", ["voc", "other", "coco"])
def test_a_share_is_set_aside(images, kind):
    config = load_config([*flags_of(kind, images), "--val_share=0.25"])
    training, evaluation = (read_annotations(config, is_training) for is_training in (True, False))
    paths = {record.path for record in training}, {record.path for record in evaluation}
    assert (len(paths[0]), len(paths[1]), paths[0] & paths[1]) == (15, 5, set())
    made = create_mindrecord(config, is_training=True), create_mindrecord(config, is_training=False)
    assert [records.num_images for records in made] == [15, 5]
    with open(made[1].annotation_file, encoding="utf-8") as stream:
        ground_truth = json.load(stream)
    assert {image["file_name"] for image in ground_truth["images"]} == {path.rpartition("/")[2] for path in paths[1]}
    assert [annotation["bbox"] for annotation in ground_truth["annotations"]] == [[1, 2, 18, 22]] * 5

    # Another share is other data.
    del made
    more = load_config([*flags_of(kind, images), "--val_share=0.5"])
    assert create_mindrecord(more, is_training=True).num_images == 10


@pytest.mark.parametrize("kind", ["voc", "coco"])
def test_without_a_share_an_evaluation_part_is_asked_for(images, kind):
    config = load_config(flags_of(kind, images))
    assert len(read_annotations(config, is_training=True)) == NUMBER
    with pytest.raises(UserError):
        find_source(config, is_training=False)


def write_evaluation_part(kind, folder, name):
    """One image with a cat as an evaluation part of that name, beside the training data of `flags_of`."""
    if kind == "other":
        (folder / f"{name}.txt").write_text("3.png 1,2,19,24,1\n")
        return
    part = (folder if kind == "voc" else folder.parent) / name
    part.mkdir()
    cv2.imwrite(str(part / "1.png"), np.full((30, 40, 3), 99, np.uint8))
    if kind == "voc":
        (part / "1.xml").write_text(voc_xml([("cat", 2, 3, 20, 25)], "1.png", 40, 30))


@pytest.mark.parametrize(("kind", "name"), [
    ("voc", "valid"), ("voc", "Validation"), ("voc", "test"), ("voc", "eval"), ("other", "val"), ("other", "TEST"),
    ("coco", "valid")])
def test_an_evaluation_part_of_a_usual_name_is_taken(images, kind, name):
    flags = [*flags_of(kind, images), "--val_share=0.5"]
    write_evaluation_part(kind, images, name)
    if kind == "coco":  # with the annotations of its image
        flags.append("--instances_set=all_{}.json")
        content = json.loads((images.parent / "all.json").read_text())
        (images.parent / "all_own.json").write_text(json.dumps(content))
        content["images"] = content["images"][1:2]
        (images.parent / f"all_{name}.json").write_text(json.dumps(content))
    found = [read_annotations(load_config(flags), is_training) for is_training in (True, False)]
    assert [len(records) for records in found] == [NUMBER, 1]


@pytest.mark.parametrize(("kind", "name", "flags", "message"), [
    ("coco", "val", ["--instances_set=all_{}.json"],
     r"no annotation file .*all_val.json. In .* there is all.json, all_own.json. The evaluation part is "
     "val_data_type = val. .* set --val_data_type=own, and val_share holds out"),
    ("coco", "", ["--val_data_type=vla"], "no image folder .*vla. In .* there is own. The evaluation part"),
    ("voc", "", ["--val_data_type=vla"], "The evaluation part is val_data_type = vla"),
    ("voc", "valid", [], "no xml file in .*valid. The evaluation part is val_data_type = valid"),
    ("other", "", ["--val_anno_path=vall.txt"], "The evaluation part is val_anno_path = vall.txt.*=.*list.txt, and"),
])
@pytest.mark.parametrize("is_training", [True, False])
def test_an_evaluation_part_that_cannot_be_read_is_an_error(images, kind, name, flags, message, is_training):
    """... also for training, which would hold out none of its images."""
    flags = [*flags_of(kind, images), "--val_share=0.5", *flags]
    (images.parent / "all_own.json").write_text("{}")
    if name:
        write_evaluation_part(kind, images, name)
        for file in images.glob("*/*.xml"):
            file.unlink()
    with pytest.raises(UserError, match=message):
        find_source(load_config(flags), is_training)


@pytest.mark.parametrize("kind", ["voc", "other", "coco"])
def test_images_are_held_out_all_the_same(images, kind):
    """The way that the message names: the evaluation part is that of training."""
    flags = [*flags_of(kind, images), "--train_data_type=own", "--val_data_type=own", "--val_share=0.5"]
    if kind == "other":
        flags.append(f"--val_anno_path={images / 'list.txt'}")
    write_evaluation_part(kind, images, "val")
    assert find_source(load_config(flags), False).part == "held-out training images (val_share 0.5)"


@pytest.mark.parametrize(("kind", "flags"), [
    ("other", []), ("coco", ["--val_data_type=own"])])
def test_an_evaluation_on_training_images_is_said(images, caplog, kind, flags):
    config = load_config([*flags_of(kind, images), *flags])
    assert find_source(config, is_training=True).part == ""
    records = create_mindrecord(config, is_training=False)
    assert records.part == "training images"
    assert "evaluation uses 20 training images, so its mAP" in caplog.text


def test_images_that_are_trained_on_and_evaluated_are_counted(images, caplog):
    flags = flags_of("other", images)
    lists = images / "list.txt", images / "other.txt"
    lists[1].write_text("".join(lists[0].read_text().splitlines(keepends=True)[17:]))
    lists[0].write_text("".join(lists[0].read_text().splitlines(keepends=True)[:18]))
    config = load_config([*flags, f"--val_anno_path={lists[1]}"])
    training = create_mindrecord(config, is_training=True)
    assert training.part == ""
    assert create_mindrecord(config, is_training=False).part == "images, 1 of them training images"
    assert "evaluation uses 3 images, 1 of them training images, so its mAP" in caplog.text


def test_annotations_of_an_evaluation_part_without_its_images(images):
    (images.parent / "val.json").write_text("{}")
    with pytest.raises(UserError, match=r"no image folder .*val\. .* The evaluation part is val_data_type = val"):
        find_source(load_config([*flags_of("coco", images), "--val_share=0.5"]), is_training=True)


def test_evaluation_images_without_their_list(images):
    config = load_config([*flags_of("other", images), "--val_share=0.5", f"--val_image_dir={images}"])
    with pytest.raises(UserError, match="val_anno_path, their list, is empty"):
        find_source(config, is_training=True)


def test_a_list_that_is_not_there_is_not_replaced_by_another(images):
    lists = images / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for name in ("JPEGImages", "Annotations"):
        (images / name).mkdir()
    for name in ("train", "val"):
        (lists / f"{name}.txt").write_text("1\n")
    for is_training, usual in ((True, "train2017"), (False, "val2017")):
        assert find_layout(images, is_training, usual).split_file.stem == usual.removesuffix("2017")
        with pytest.raises(UserError, match="one of holdout"):
            find_layout(images, is_training, "holdout")


def test_a_standard_layout_without_its_list_is_not_taken_as_a_whole(images):
    (images / "ImageSets" / "Main").mkdir(parents=True)
    with pytest.raises(UserError, match="no VOC dataset with training images"):
        find_source(load_config([*flags_of("voc", images), "--val_share=0.5"]), is_training=True)


def records_of(names, folder, labels=None):
    labels = labels or [1] * len(names)
    return [ImageRecord(number, str(folder / name), box_array([[2, 1, 24, 19, label]] if label else []))
            for number, (name, label) in enumerate(zip(names, labels))]


def test_the_choice_depends_on_names_only(images, tmp_path):
    names = [f"{number}.png" for number in range(NUMBER)]
    chosen = held_out(records_of(names, images), 0.2, 2)
    assert len(chosen) == 4
    shutil.copytree(images, tmp_path / "other")
    elsewhere = held_out(records_of(names[::-1], tmp_path / "other"), 0.2, 2)
    assert {Path(path).name for path in elsewhere} == {Path(path).name for path in chosen}
    assert held_out([], 0.2, 2) == held_out(records_of(names[:1], images), 0.9, 2) == set()
    assert len(held_out(records_of(names[:2], images), 0.01, 2)) == 1


def test_held_out_images_can_be_used(images):
    """Damaged and missing images, and images of other classes, change neither share."""
    names = [f"{number}.png" for number in range(NUMBER)]
    usable = names[:5]
    for name in names[10:15]:
        (images / name).write_bytes((images / name).read_bytes()[:60])  # what is left tells a size
    for name in names[15:]:
        (images / name).unlink()
    labels = [1] * 5 + [0] * 3 + [7] * 2 + [1] * 10
    chosen = {Path(path).name for path in held_out(records_of(names, images, labels), 0.4, 2)}
    assert chosen <= set(names[:10])
    assert (len(chosen & set(usable)), len(chosen - set(usable))) == (4, 2)

    config = load_config([*flags_of("other", images), "--val_share=0.4"])
    (images / "list.txt").write_text("1.png 1,2,19,24,1\n19.png 1,2,19,24,1\n")
    assert len(read_annotations(config, is_training=True)) == 2
    with pytest.raises(UserError, match=r"too few images that can be used \(2 are annotated\)"):
        read_annotations(config, is_training=False)


def test_images_that_change_change_both_parts(images):
    """A held-out image that is damaged leaves its place to one that was trained on."""
    config = load_config([*flags_of("other", images), "--val_share=0.25"])
    for is_training in (True, False):
        create_mindrecord(config, is_training)
    held = Path(next(iter(held_out(find_source(config, True).read(Report()), 0.25, 2))))
    held.write_bytes(b"")
    parts = [{record.path for record in read_annotations(config, is_training)} for is_training in (True, False)]
    assert not parts[0] & parts[1] and str(held) in parts[0]
    made = [set(read_records(create_mindrecord(config, is_training).path)) for is_training in (True, False)]
    assert not made[0] & made[1] and [len(ids) for ids in made] == [14, 5]
