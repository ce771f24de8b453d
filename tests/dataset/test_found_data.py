"""`--data=DIR`: format and parts are found by looking."""
import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from src.config import load_config
from src.config.schema import DATASETS
from src.dataset import create_mindrecord, with_found_data
from src.dataset.epoch_order import build_epoch_order
from src.dataset.mindrecord.voc_json import save_voc_json
from src.dataset.sources import FORMATS, find_source, read_annotations
from src.utils.errors import UserError
from tests.support.batches import epochs, same, training_dataset
from tests.support.program_files import cvat_box, cvat_xml, labelme_json, region, task
from tests.support.samples import in_pixels, read_records, voc_xml, write_image

# Of three images of 60 x 80 pixels: ymin, xmin, ymax, xmax, name.
BOXES = {"a.png": [[5, 10, 35, 30, "cat"], [0, 0, 12, 16, "dog"]], "b.png": [[20, 40, 60, 80, "dog"]], "c.png": []}
CLASSES = ["background", "cat", "dog"]


def write_voc(folder):
    for name, boxes in BOXES.items():
        objects = [(label, xmin + 1, ymin + 1, xmax + 1, ymax + 1) for ymin, xmin, ymax, xmax, label in boxes]
        (folder / name).with_suffix(".xml").write_text(voc_xml(objects, name))


def write_coco(folder):
    content = {"images": [{"id": number, "file_name": name, "height": 60, "width": 80}
                          for number, name in enumerate(BOXES, 1)],
               "categories": [{"id": 4, "name": "dog"}, {"id": 2, "name": "cat"}], "annotations": []}
    for number, boxes in enumerate(BOXES.values(), 1):
        for ymin, xmin, ymax, xmax, label in boxes:
            content["annotations"].append({
                "id": len(content["annotations"]) + 1, "image_id": number, "category_id": 4 if label == "dog" else 2,
                "bbox": [xmin, ymin, xmax - xmin, ymax - ymin], "area": 1, "iscrowd": 0})
    (folder / "_annotations.coco.json").write_text(json.dumps(content))


def write_txt(folder):
    lines = [" ".join([name, *(f"{xmin},{ymin},{xmax},{ymax},{CLASSES.index(label)}"
                               for ymin, xmin, ymax, xmax, label in boxes)]) for name, boxes in BOXES.items()]
    (folder / "list.txt").write_text("\n".join(lines))
    (folder / "classes.txt").write_text("cat\ndog\n")


def write_labelme(folder):
    for name, boxes in BOXES.items():
        shapes = [(label, "rectangle", [[xmin, ymin], [xmax, ymax]]) for ymin, xmin, ymax, xmax, label in boxes]
        (folder / name).with_suffix(".json").write_text(labelme_json(*shapes, image=name))


def write_cvat(folder):
    images = [(f'id="{number}" name="{name}"', "".join(cvat_box(label, xmin, ymin, xmax, ymax)
                                                       for ymin, xmin, ymax, xmax, label in boxes))
              for number, (name, boxes) in enumerate(BOXES.items())]
    (folder / "annotations.xml").write_text(cvat_xml(images))


def write_label_studio(folder):
    tasks = [task(*(region({"x": xmin / 0.8, "y": ymin / 0.6, "width": (xmax - xmin) / 0.8,
                            "height": (ymax - ymin) / 0.6, "rotation": 0}, label=label)
                    for ymin, xmin, ymax, xmax, label in boxes), image=f"/data/upload/1/0123abcd-{name}")
             for name, boxes in BOXES.items()]
    (folder / "project-1-at-2026.json").write_text(json.dumps(tasks))


def write_yolo(folder):
    for name, boxes in BOXES.items():
        lines = [f"{CLASSES.index(label) - 1} {(xmin + xmax) / 160} {(ymin + ymax) / 120} {(xmax - xmin) / 80} "
                 f"{(ymax - ymin) / 60}" for ymin, xmin, ymax, xmax, label in boxes]
        (folder / name).with_suffix(".txt").write_text("\n".join(lines))
    (folder / "classes.txt").write_text("cat\ndog\n")


WRITERS = {"voc": write_voc, "coco": write_coco, "yolo": write_yolo, "other": write_txt,
           "labelme": write_labelme, "cvat": write_cvat, "label_studio": write_label_studio}


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "own"
    for number, name in enumerate(BOXES):
        write_image(folder / name, seed=number)
    return folder


def found(folder, *flags):
    return load_config(["--config_path=config/finetune.yaml", f"--data={folder}", *flags], for_training=True)


def test_every_format_can_be_named():
    assert set(DATASETS) - {"auto", "shapes"} == set(FORMATS)


@pytest.mark.parametrize("kind", WRITERS)
def test_one_folder(images, kind, caplog):
    caplog.set_level(logging.INFO)
    WRITERS[kind](images)
    config = with_found_data(found(images, "--val_share=0"))
    assert (config.dataset, list(config.classes)) == (kind, CLASSES)
    assert f"data: {FORMATS[kind].name} in {images}: for training 3 images with 3 boxes; nothing for evaluation" in \
        caplog.text
    records = in_pixels(read_annotations(config, is_training=True))
    assert [record.path for record in records] == [str(images / name) for name in BOXES]
    if kind != "other":  # text lists have neither sizes nor ids of their own
        assert [record.image_id for record in records] == [1, 2, 3]
        assert {record.size for record in records[:2]} == {(60, 80)}
        assert records[2].size == (None if kind == "label_studio" else (60, 80))  # which says it with each region
    for record, boxes in zip(records, BOXES.values()):
        expected = [[*corners, CLASSES.index(label)] for *corners, label in boxes]
        assert np.array_equal(record.pixel_boxes, np.array(expected, np.int32).reshape(-1, 5))
    with pytest.raises(UserError, match="no images to evaluate with"):
        find_source(config, is_training=False)
    assert find_source(found(images, "--classes=background,cat,dog"), is_training=False).part.startswith("held-out")


NINE = {**WRITERS, "Roboflow, COCO": lambda folder: write_coco(folder / "train"),
        "Roboflow, VOC": lambda folder: write_voc(folder / "train")}


def test_fifty_images_train_alike_in_all_formats(tmp_path, monkeypatch):
    """The same records, and the same batches with one seed: nothing else of the data reaches training."""
    rng = np.random.default_rng(1)
    fifty = {}
    for number in range(1, 51):
        corners = rng.integers(0, (40, 60), (number % 4, 2)).tolist()
        fifty[f"{number}.png"] = [[y, x, y + 12, x + 16, ("cat", "dog")[y % 2]] for y, x in corners]
        write_image(tmp_path / "drawn" / f"{number}.png", seed=number)
    names = sorted(fifty)  # the readers sort images by their names
    monkeypatch.setitem(globals(), "BOXES", {name: fifty[name] for name in names})
    expected = None
    for kind, write in NINE.items():
        folder = tmp_path / kind
        images = folder / "train" if kind.startswith("Roboflow") else folder
        shutil.copytree(tmp_path / "drawn", images)
        write(folder)
        config = with_found_data(found(folder, "--val_share=0", f"--mindrecord_dir={tmp_path / 'records' / kind}"))
        records = create_mindrecord(config, is_training=True)
        content = list(read_records(records.path).values())
        order = build_epoch_order(records.labels, 0.0, config.empty_share)
        batches = epochs(training_dataset(records.path, batch_size=10, order=order), 2)
        assert (records.num_images, records.num_empty) == (50, 12)
        if expected is None:
            expected = content, batches
        assert content == expected[0], kind
        assert all(same(one, other) for one, other in zip(batches, expected[1])), kind
    assert len(NINE) == 9 and len(expected[1][0]) == 4


def test_nothing_is_found(images):
    with pytest.raises(UserError, match=r"No annotations are found in .*own. Looked for COCO \(--dataset=coco\): .*"
                                        r"Pascal VOC .*There is a.png, b.png, c.png"):
        with_found_data(found(images))
    with pytest.raises(UserError, match=r"data = .*a.png is a file. Set --data to the folder"):
        with_found_data(found(images / "a.png"))
    with pytest.raises(UserError, match=r"Looked for YOLO .* --dataset=auto looks for all formats.$"):
        with_found_data(found(images, "--dataset=yolo"))
    with pytest.raises(UserError, match="data = none: there is no"):
        with_found_data(found("none"))
    with pytest.raises(UserError, match="data is empty: set --data=DIR"):
        with_found_data(found(""))


def test_files_of_the_model_zoo_are_not_evaluated_with_data(images, tmp_path):
    write_voc(images)
    (tmp_path / "ssd_eval.mindrecord0").touch()
    config = with_found_data(found(images, f"--mindrecord_dir={tmp_path}"))
    with pytest.raises(UserError, match="evaluated with the keys of its format, not with data"):
        create_mindrecord(config, is_training=False)


def test_parts_are_told_in_their_order(images, caplog):
    caplog.set_level(logging.INFO)
    write_coco(images)
    for part in ("test", "valid"):
        shutil.copytree(images, images / part, ignore=shutil.ignore_patterns("test", "valid"))
    with_found_data(found(images))
    assert ("for training 3 images with 3 boxes; for evaluation 3 images with 3 boxes; for test 3 images with 3 boxes, "
            "not used") in caplog.text


@pytest.mark.parametrize("names", [
    ["Thumbs.db", "desktop.ini", ".DS_Store"], ["README.md", "LICENSE"], ["README.dataset.txt", "own.zip"]])
def test_files_that_are_no_data_beside_the_only_folder(images, names):
    write_yolo(images)
    for name in names:
        (images.parent / name).write_text("1 2 3")
    config = with_found_data(found(images.parent))
    assert config.dataset == "yolo" and len(read_annotations(config, is_training=True)) == 2


@pytest.mark.parametrize("name", ["my.xml", "list.txt", "a.png", "b.json"])
def test_files_that_may_be_data_beside_the_only_folder(images, name):
    write_yolo(images)
    (images / "classes.txt").unlink()
    (images / "data.yaml").write_text("names: [cat, dog]\ntrain: .")
    assert with_found_data(found(images.parent)).dataset == "yolo"
    (images.parent / name).write_text("cat")
    with pytest.raises(UserError, match=r"No annotations are found in .*There is .*own"):
        with_found_data(found(images.parent))


@pytest.mark.parametrize("name", ["training-v3", "my test", "train"])
@pytest.mark.parametrize("is_described", [True, False])
def test_a_whole_dataset_in_a_folder_that_is_called_like_a_part(images, name, is_described):
    """... is entered: with `data.yaml`, or with several parts."""
    write_yolo(images)
    whole = images.parent / "unpacked" / name
    for part in ("train", "val"):
        shutil.copytree(images, whole / part)
    (whole / ("data.yaml" if is_described else "classes.txt")).write_text(
        "names: [cat, dog]\ntrain: train\nval: val" if is_described else "cat\ndog")
    config = with_found_data(found(images.parent / "unpacked"))
    assert [len(read_annotations(config, is_training)) for is_training in (True, False)] == [3, 3]


def test_one_part_is_not_entered(images):
    write_coco(images)
    images.rename(images.with_name("test"))
    with pytest.raises(UserError, match="has images for test, and none for training"):
        find_source(found(images.parent, "--classes=background,cat,dog"), is_training=True)


def test_a_folder_that_is_a_link_to_itself(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "again").symlink_to(tmp_path / "own")
    with pytest.raises(UserError, match="No annotations are found"):
        with_found_data(found(tmp_path / "own"))


@pytest.mark.parametrize(("text", "encoding", "message"), [
    ("a.png 1,2,30,40,1\nb.png 1,2,30,40,2", "utf-16", ""),
    ("a.png,1,2,30,40,1\nb.png,1,2,30,40,2", "utf-8", "list.txt, line 1: .* has no blank behind the name of the image"),
    ("a.png 1.5,2,30,40,1", "utf-8", "list.txt, line 1: '1.5,2,30,40,1' is not a box"),
])
def test_a_text_list_is_found_whatever_is_wrong_with_it(images, text, encoding, message):
    """The reader names line and fault."""
    (images / "list.txt").write_text(text, encoding=encoding)
    if message:
        with pytest.raises(UserError, match=message):
            with_found_data(found(images))
    else:
        assert len(with_found_data(found(images)).classes) == 3


def test_a_list_that_macos_copied_beside_another_is_none(images):
    write_txt(images)
    shutil.copy(images / "list.txt", images / "._list.txt")
    assert len(read_annotations(with_found_data(found(images, "--val_share=0")), is_training=True)) == 3


def test_voc_lists_of_other_names(images):
    """As VoTT writes them: the message tells what is there."""
    write_voc(images)
    for place, suffix in (("JPEGImages", ".png"), ("Annotations", ".xml")):
        (images / place).mkdir()
        for path in images.glob(f"*{suffix}"):
            path.rename(images / place / path.name)
    (images / "ImageSets" / "Main").mkdir(parents=True)
    path = images / "ImageSets" / "Main" / "cat_train.txt"
    path.write_text("a.png 1\nb.png -1\n")
    with pytest.raises(UserError, match=r"is no VOC dataset with training images.* there is cat_train.txt"):
        with_found_data(found(images))
    path.rename(path.with_name("train.txt"))
    assert with_found_data(found(images)).dataset == "voc"
    path.with_name("train.txt").write_text("\n")
    with pytest.raises(UserError, match=r"train.txt names no images"):
        with_found_data(found(images))


def test_lists_of_voc_without_its_annotations_do_not_hinder(images):
    write_yolo(images)
    (images / "ImageSets" / "Main").mkdir(parents=True)
    (images / "ImageSets" / "Main" / "train.txt").write_text("a\n")
    assert with_found_data(found(images)).dataset == "yolo"


def test_two_formats(images):
    write_voc(images)
    write_coco(images)
    with pytest.raises(UserError, match=r"several formats: COCO \(--dataset=coco; .*/own/_annotations.coco.json\), "
                                        r"Pascal VOC \(--dataset=voc; .*/own/a.xml\)"):
        with_found_data(found(images))
    assert with_found_data(found(images, "--dataset=voc")).dataset == "voc"


@pytest.mark.parametrize("write", [write_voc, write_coco, write_yolo, write_labelme])
def test_what_an_earlier_start_wrote_there_is_no_data(images, write):
    """MindRecord files, a copy of the ground truth, a run, detections, a check: all below the data."""
    write(images)
    config = with_found_data(found(images, f"--mindrecord_dir={images}/MindRecord", "--val_share=0.4"))
    made = [create_mindrecord(config, is_training) for is_training in (True, False)]
    expected = [(one.num_images, one.num_empty) for one in made]
    assert expected == [(2, 1), (1, 0)]
    save_voc_json(made[1].annotation_file, images / "annotations" / "voc_instances_val.json")
    for name in ("out/ckpt_0/ssd.ckpt", "out/first_batch.jpg", "out/first_batch_matches.jpg", "out/results.png",
                 "out/pictures/detections.json", "out/pictures/a.jpg", "found/detections.csv",
                 "found/crops/cat/a-0.jpg", "out/dataset_check/report.txt", "out/dataset_check/samples.jpg",
                 "out/eval/eval_results.json"):
        path = images / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (write_image if path.suffix in (".jpg", ".png") else Path.touch)(path)
    again = with_found_data(found(images, f"--mindrecord_dir={images}/MindRecord", "--val_share=0.4"))
    assert again == config
    assert [(one.num_images, one.num_empty) for one in (
        create_mindrecord(again, is_training) for is_training in (True, False))] == expected


@pytest.mark.parametrize(("flag", "dataset"), [("coco_root", "coco"), ("voc_root", "voc"), ("anno_path", "other")])
def test_a_key_of_a_format_names_it(flag, dataset):
    assert found("", f"--{flag}=own").dataset == dataset
