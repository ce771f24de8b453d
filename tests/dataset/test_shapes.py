import json

import cv2
import numpy as np
import pytest
from pycocotools import mask as mask_api
from pycocotools.coco import COCO

from src.dataset.shapes import (
    CROWD_AT,
    EMPTY_AT,
    SHAPE_CLASSES,
    SPLITS,
    draw_image,
    draw_shapes_dataset,
    encode_rle,
    mask_box,
)
from src.utils.errors import UserError

NUM_TRAIN, NUM_VAL = 20, 10


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "shapes"
    assert draw_shapes_dataset(folder, NUM_TRAIN, NUM_VAL)
    return folder


def all_files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_json(folder, split):
    return json.loads((folder / "annotations" / f"instances_{split}.json").read_text(encoding="utf-8"))


def test_layout(shapes):
    assert sorted(path.name for path in shapes.iterdir()) == ["annotations", "train", "val"]
    assert len(list((shapes / "train").iterdir())) == NUM_TRAIN
    assert len(list((shapes / "val").iterdir())) == NUM_VAL
    assert [path.name for path in shapes.parent.iterdir()] == ["shapes"]  # no temporary folder is left


def test_two_runs_give_the_same_bytes(shapes, tmp_path):
    draw_shapes_dataset(tmp_path / "again", NUM_TRAIN, NUM_VAL)
    assert all_files(tmp_path / "again") == all_files(shapes)


def test_another_seed_draws_other_images():
    first, second = draw_image(0, 1, seed=1)[0], draw_image(0, 1, seed=2)[0]
    assert first.shape != second.shape or not np.array_equal(first, second)


def test_a_larger_dataset_begins_with_the_same_images(shapes, tmp_path):
    draw_shapes_dataset(tmp_path / "few", 3, 1)
    few, many = all_files(tmp_path / "few"), all_files(shapes)
    images = [name for name in few if name.endswith(".jpg")]
    assert len(images) == 4
    assert all(few[name] == many[name] for name in images)


@pytest.mark.parametrize("split", SPLITS)
def test_pycocotools_reads_it(shapes, split):
    coco = COCO(str(shapes / "annotations" / f"instances_{split}.json"))
    assert [category["name"] for category in coco.loadCats(sorted(coco.cats))] == list(SHAPE_CLASSES)
    assert sorted(coco.cats) == [1, 2, 3, 4, 5, 6]
    for image in coco.imgs.values():
        pixels = cv2.imread(str(shapes / split / image["file_name"]))
        assert pixels.shape == (image["height"], image["width"], 3)
        assert int(image["file_name"][:-4]) == image["id"]
    for annotation in coco.anns.values():
        mask = coco.annToMask(annotation)
        assert annotation["area"] == mask.sum()
        run_lengths = coco.annToRLE(annotation)
        assert annotation["bbox"] == list(mask_api.toBbox(run_lengths))


def test_boxes_are_tight():
    """The first and last row and column of each box show the object; no pixel of it lies outside."""
    for index in range(12):
        for item in draw_image(index, 1 + index)[1]:
            x, y, width, height = (int(value) for value in mask_box(item["mask"]))
            inside = item["mask"][y:y + height, x:x + width]
            assert inside.sum() == item["mask"].sum() > 0
            assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()


def test_masks_show_the_drawn_objects():
    """Objects are saturated, backgrounds are not: the masks can be checked against the pixels."""
    object_values, background_values = [], []
    for index in range(12):
        image, objects = draw_image(index, 1 + index)
        saturation = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)[..., 1]
        drawn = np.zeros(image.shape[:2], bool)
        for item in objects:
            drawn |= item["full_mask"]
            object_values.append(np.median(saturation[item["mask"]]))
        background_values.append(np.median(saturation[~drawn]))
    assert min(object_values) > 150 > 90 > max(background_values)


@pytest.mark.parametrize("split", SPLITS)
def test_crowd_and_empty_images_are_in_both_splits(shapes, split):
    content = read_json(shapes, split)
    ids = [image["id"] for image in content["images"]]
    annotated = {annotation["image_id"] for annotation in content["annotations"]}
    assert ids[EMPTY_AT] not in annotated
    crowds = [annotation for annotation in content["annotations"] if annotation["iscrowd"] == 1]
    assert ids[CROWD_AT] in {annotation["image_id"] for annotation in crowds}
    assert all(isinstance(annotation["segmentation"]["counts"], list) for annotation in crowds)


def test_the_default_dataset_is_balanced():
    """Drawn without the files: enough objects of each class, of fair size, in images of differing shapes."""
    counts, sizes, shapes_seen = np.zeros(6, int), [], set()
    for index in range(60):
        image, objects = draw_image(index, 1 + index)
        shapes_seen.add(image.shape)
        for item in objects:
            counts[item["category_id"] - 1] += 1
            sizes.append(max(mask_box(item["mask"])[2:]) / min(image.shape[:2]))
    assert counts.min() >= 15
    assert len(shapes_seen) > 50
    assert 0.2 < np.median(sizes) < 0.5


def test_complete_dataset_is_kept(shapes, caplog):
    before = {path: path.stat().st_mtime_ns for path in shapes.rglob("*")}
    with caplog.at_level("INFO"):
        assert not draw_shapes_dataset(shapes, NUM_TRAIN, NUM_VAL)
    assert {path: path.stat().st_mtime_ns for path in shapes.rglob("*")} == before
    assert "is complete, kept" in caplog.text


@pytest.mark.parametrize("lost", ["train/000000000002.jpg", "annotations/instances_val.json"])
def test_incomplete_dataset_is_drawn_again(tmp_path, lost):
    folder = tmp_path / "shapes"
    draw_shapes_dataset(folder, 2, 1)
    complete = all_files(folder)
    (folder / lost).unlink()
    assert draw_shapes_dataset(folder, 2, 1)
    assert all_files(folder) == complete


def test_other_settings_are_drawn_again(tmp_path):
    draw_shapes_dataset(tmp_path / "shapes", 2, 1)
    assert draw_shapes_dataset(tmp_path / "shapes", 3, 1)
    assert len(read_json(tmp_path / "shapes", "train")["images"]) == 3


@pytest.mark.parametrize("content", ["notes.txt", "train/cat.jpg"])
def test_a_folder_of_the_user_is_not_touched(tmp_path, content):
    path = tmp_path / "shapes" / content
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(UserError, match="not a drawn shapes dataset"):
        draw_shapes_dataset(tmp_path / "shapes", 2, 1)
    assert path.read_text() == "mine"


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("src.dataset.shapes._write_jpeg", fail)
    with pytest.raises(OSError, match="disk full"):
        draw_shapes_dataset(tmp_path / "shapes", 2, 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("rows", "counts"), [
    (["010", "011"], [2, 2, 1, 1]),
    (["11", "11"], [0, 4]),
    (["00", "00"], [4]),
    (["10", "00"], [0, 1, 3]),
    (["00", "01"], [3, 1]),
])
def test_run_lengths(rows, counts):
    mask = np.array([[letter == "1" for letter in row] for row in rows])
    assert encode_rle(mask) == {"size": list(mask.shape), "counts": counts}


def test_mask_box():
    mask = np.zeros((6, 8), bool)
    mask[2:5, 3] = True
    mask[4, 6] = True
    assert mask_box(mask) == [3.0, 2.0, 4.0, 3.0]
