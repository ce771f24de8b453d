"""With `--data`, an evaluation part that lies there is used, or told."""
import json
import re
import shutil

import pytest

from src.config import load_config
from src.dataset import create_mindrecord, with_found_data
from src.utils.errors import UserError
from tests.support.program_files import labelme_json, region, task
from tests.support.samples import voc_xml, write_coco, write_image

TASKS = json.dumps([task(region({"x": 10, "y": 10, "width": 50, "height": 50, "rotation": 0}), image=f"{name}.png")
                    for name in "abcd"])


def write(folder, files):
    """Files by name: text, or None for an image."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            write_image(path, seed=len(name) + ord(path.stem[0]))
        else:
            path.write_text(text)


def images(folder):
    return {f"{folder}{name}.png": None for name in "abcd"}


def yolo(folder):
    return {**images(f"images/{folder}"), **{f"labels/{folder}{name}.txt": "0 0.5 0.5 0.2 0.2" for name in "abcd"}}


def voc(folder):
    return {**images(folder), **{f"{folder}{name}.xml": voc_xml([("cat", 2, 3, 20, 25)], f"{name}.png")
                                 for name in "abcd"}}


def labelme(folder):
    shapes = ("cat", "rectangle", [[5, 5], [40, 40]])
    return {**images(folder), **{f"{folder}{name}.json": labelme_json(shapes, image=f"{name}.png") for name in "abcd"}}


LIST = "".join(f"{name}.png 1,2,30,40,1\n" for name in "abcd")
# Training data, and what is added that cannot be used; the last part of the path that is told.
UNUSED = {
    "VOC, an empty folder": ({**voc("train/"), "valid/readme.md": ""}, "valid"),
    "VOC, images only": ({**voc("train/"), **images("val/")}, "val"),
    "LabelMe, broken": ({**labelme("train/"), "val/a.json": '{"version": ', "val/a.png": None}, "val"),
    "LabelMe, images only": ({**labelme(""), **images("Test/")}, "Test"),
    "Label Studio, cut short": ({**images(""), "train.json": TASKS, "val.json": "[{"}, "val.json"),
    "YOLO, no key": ({**yolo("train/"), **yolo("val/"), "data.yaml": "names: [cat]\ntrain: images/train"}, "val"),
    "YOLO, another key": ({**yolo("train/"), **yolo("eval/"),
                           "data.yaml": "names: [cat]\ntrain: images/train\neval: images/eval"}, "eval"),
    "text, empty": ({**images(""), "list.txt": LIST, "val.txt": ""}, "val.txt"),
    "text, without boxes": ({**images(""), "list.txt": LIST, "valid.txt": "a.png\nb.png\n"}, "valid.txt"),
}


def convert(folder, *flags):
    config = with_found_data(load_config(["--config_path=config/finetune.yaml", f"--data={folder}", *flags,
                                          f"--mindrecord_dir={folder}/../MindRecord"], for_training=True))
    return [create_mindrecord(config, is_training).num_images for is_training in (True, False)]


@pytest.mark.parametrize(("files", "told"), UNUSED.values(), ids=UNUSED)
def test_a_part_that_cannot_be_used_is_told(tmp_path, files, told):
    folder = tmp_path / "own"
    write(folder, files)
    with pytest.raises(UserError, match=rf"/{re.escape(told)} has the name of an evaluation part, but .*\(dataset: .*"
                                        "rename or delete it, and val_share holds out training images instead"):
        convert(folder)
    paths = [path for path in folder.rglob("*") if path.name == told]
    for path in paths:
        path.rename(path.with_name("other"))
    assert convert(folder)[1] >= 1


@pytest.mark.parametrize("change", ["no lists", "no annotations", "a list of results"])
def test_a_part_of_coco_that_cannot_be_used_is_told(tmp_path, change):
    folder = tmp_path / "own"
    write_coco(folder, "train", [1, 2, 3], [(number, 7, [5, 5, 20, 20]) for number in (1, 2, 3)])
    path = write_coco(folder, "val", [4], [(4, 7, [5, 5, 20, 20])])
    assert convert(folder) == [3, 1]
    if change == "no annotations":
        path.unlink()
    else:
        path.write_text('{"images": []}' if change == "no lists" else '[{"image_id": 4, "score": 0.5}]')
    with pytest.raises(UserError, match="/val has the name of an evaluation part, but no annotations that can"):
        convert(folder)


def test_a_folder_whose_images_are_trained_on(tmp_path):
    """Its name does not matter: the annotations of all images are in one file."""
    folder = tmp_path / "own"
    write(folder, images("images/val/"))
    write(folder, images("images/other/"))
    content = [task(region({"x": 10, "y": 10, "width": 50, "height": 50, "rotation": 0}), image=f"{part}/{name}.png")
               for part in ("val", "other") for name in "abcd"]
    write(folder, {"export.json": json.dumps(content)})
    assert convert(folder) == [6, 2]


def test_a_test_part_in_place_of_a_broken_evaluation_part(tmp_path):
    folder = tmp_path / "own"
    write(folder, {**voc("train/"), **voc("test/"), **images("val/")})
    with pytest.raises(UserError, match="/val has the name of an evaluation part"):
        convert(folder)
    shutil.rmtree(folder / "val")
    assert convert(folder) == [4, 4]


def test_one_image_with_boxes_cannot_be_shared(tmp_path):
    folder = tmp_path / "own"
    write(folder, {**yolo(""), "classes.txt": "cat"})
    for name in "abc":
        (folder / "labels" / f"{name}.txt").write_text("")
    with pytest.raises(UserError, match=r"val_share = 0.2: .* has too few images .*\(4 are annotated\)"):
        convert(folder)
