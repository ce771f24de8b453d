import os
from pathlib import Path

import pytest

from src.config import load_config
from src.dataset import file_names
from src.dataset.file_names import FileNames, files_below, spellings
from src.dataset.mindrecord import create
from src.dataset.paths import path_below
from src.dataset_check.run import BOX_SIZES, CLASSES, IMAGES, REPORT
from src.evaluation.results import RESULTS_FILE
from src.inference.output_folder import LIST_NAME, LIST_SUFFIXES
from src.training.output_folder import RESULTS_PICTURE, WITH_BOXES, WITH_MATCHES, checkpoint_folder

COMPOSED, DECOMPOSED = "caf\u00e9.jpg", "cafe\u0301.jpg"


def test_spellings_begin_with_the_name_itself():
    assert list(dict.fromkeys(spellings("a.Jpg"))) == ["a.Jpg", "a.jpg", "a.JPG"]
    assert {COMPOSED, DECOMPOSED} <= set(spellings(COMPOSED)) & set(spellings(DECOMPOSED))
    assert list(dict.fromkeys(spellings("part\\a"))) == ["part\\a", "part/a"]


@pytest.mark.parametrize(("name", "file"), [
    (COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED), ("a.JPG", "a.jpg"), ("a.jpg", "a.JPG"), ("a.Jpg", "a.jpg"),
    ("sub\\" + DECOMPOSED, "sub/" + COMPOSED)])
def test_names_lead_to_files_of_another_spelling(tmp_path, name, file):
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert os.path.samefile(path_below(tmp_path, name), path)
    assert FileNames([file, "b.jpg"]).find(name.replace("\\", "/")) == file


def test_the_exact_name_comes_first(tmp_path):
    names = ["a.JPG", "a.jpg", COMPOSED, DECOMPOSED]
    for name in names:
        (tmp_path / name).touch()
    if len(list(tmp_path.iterdir())) < 4:
        pytest.skip("this file system takes them for one")
    assert [path_below(tmp_path, name) for name in names] == [str(tmp_path / name) for name in names]
    assert [FileNames(names).find(name) for name in names] == names
    assert FileNames(names).find("A.jpg") is None


def test_absolute_names_may_lead_through_links(tmp_path):
    (tmp_path / "disk" / "sub").mkdir(parents=True)
    (tmp_path / "data").symlink_to("disk")
    for folder, other in (("data", "disk"), ("disk", "data")):
        for name in ("a.jpg", "sub/missing.jpg"):
            assert path_below(tmp_path / folder, str(tmp_path / other / name)) == str(tmp_path / folder / name)
    (tmp_path / "data" / "link.jpg").symlink_to("/etc/passwd")
    assert path_below(tmp_path / "data", "link.jpg") == str(tmp_path / "data" / "link.jpg")
    for name in ("/etc/passwd", f"{tmp_path}/elsewhere/a.jpg", "../disk/a.jpg"):
        with pytest.raises(ValueError, match="outside"):
            path_below(tmp_path / "data", name)


def test_files_below(tmp_path):
    for name in ("b.xml", "sub/a.xml", "sub/deep/c.xml", ".hidden/d.xml", "sub/._a.xml", "sub/val/f.xml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for link, folder in (("sub/up", "."), ("sub/deep/across", "one"), ("one/across", "sub/deep")):
        (tmp_path / link).parent.mkdir(exist_ok=True)
        (tmp_path / link).symlink_to(tmp_path / folder)
    (tmp_path / "one" / "g.xml").touch()
    # A link is followed, but not round in circles.
    assert files_below(tmp_path) == [
        "b.xml", "one/across/c.xml", "one/g.xml", "sub/a.xml", "sub/deep/across/g.xml", "sub/deep/c.xml",
        "sub/val/f.xml"]
    with pytest.raises(OSError):
        files_below(tmp_path / "none")


def test_what_this_program_writes_is_known_by_its_names():
    """Floors above may not be imported there, so that names stand twice."""
    assert {create.DEFAULT_GROUND_TRUTH_NAME, create.SHARED_GROUND_TRUTH_NAME, Path(load_config([]).voc_json).name,
            WITH_BOXES, WITH_MATCHES, RESULTS_PICTURE, IMAGES, CLASSES, BOX_SIZES} == file_names._LIKE_DATA
    assert {f"{prefix}{end}" for prefix in (create.TRAINING_PREFIX, create.EVALUATION_PREFIX)
            for end in ("0", ".json")} == file_names._RECORDS
    assert {*(f"{LIST_NAME}{suffix}" for suffix in LIST_SUFFIXES), RESULTS_FILE} == file_names._RESULTS
    assert (checkpoint_folder("").name, {REPORT, IMAGES}) == (file_names._CHECKPOINTS, file_names._CHECK)
