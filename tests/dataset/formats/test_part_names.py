import pytest

from src.dataset.annotations import EVALUATION, TEST, TRAINING
from src.dataset.formats.part_names import copies_of_parts, files_by_part, part_folders, purpose_of_export


@pytest.mark.parametrize(("name", "folders"), [
    ("a.xml", []), ("train.xml", []), ("cars_train/a.xml", []), ("Train/a.xml", [(TRAINING, "Train")]),
    ("x/VALID/y/a.xml", [(EVALUATION, "x/VALID")]),
    ("train/sub/test/a.xml", [(TRAINING, "train"), (TEST, "train/sub/test")])])
def test_part_folders(name, folders):
    assert part_folders(name) == folders


@pytest.mark.parametrize(("name", "purpose"), [
    ("a.json", ""), ("instances_train2017.json", TRAINING), ("task_val/annotations.xml", EVALUATION),
    ("val/task_2/annotations.xml", EVALUATION), ("training/val/task_2/annotations.xml", EVALUATION),
    ("my_test_project/task_1/annotations.xml", ""), ("train/val.json", EVALUATION)])
def test_purpose_of_export(name, purpose):
    assert purpose_of_export(name) == purpose


def test_files_by_part():
    """A folder inside a part belongs to it, whatever it is called; what names no part is for training."""
    names = ["a.xml", "images/train/b.xml", "train/test/c.xml", "val/d.xml", "x/e.xml"]
    assert files_by_part(names) == {TRAINING: ["a.xml", "images/train/b.xml", "train/test/c.xml", "x/e.xml"],
                                    EVALUATION: ["val/d.xml"]}


def test_copies_of_parts(tmp_path):
    content = {"a.xml": "a", "sub/b.xml": "b", "c.xml": "c", "d.xml": "d", "cam1/d.xml": "x", "train/a.xml": "a",
               "val/sub/b.xml": "b", "val/d.xml": "d", "train/e.xml": "c"}
    for name, text in content.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert copies_of_parts(tmp_path, content) == {"a.xml", "sub/b.xml", "d.xml"}
    assert copies_of_parts(tmp_path, ["a.xml", "sub/a.xml"]) == set()
