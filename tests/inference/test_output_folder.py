"""The folder of detections: nothing that is there gets lost or mixed with the new."""
import os
from pathlib import Path

import psutil
import pytest

from src.inference.inputs import find_inputs
from src.inference.output_folder import free_output_folder
from src.utils.errors import UserError


@pytest.fixture
def inputs(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "clip.avi"):
        (tmp_path / "photos" / name).touch()
    return find_inputs(["photos"])


def fill(folder, *names):
    for name in names:
        Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
        Path(folder, name).write_text(f"{folder}/{name}", encoding="utf-8")


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


@pytest.mark.parametrize("names", [
    ["detections.json", "b.jpg", "b.mp4", "crops/cat/b-0.jpg"],
    ["detections.csv"],
    [f".part-{os.getpid()}-detections.json", ".part-1-b.mp4", "a.jpg"],  # of a run that was killed
])
def test_an_earlier_run_is_kept_under_a_number(inputs, names):
    for number in (1, 2):
        fill("out", *names)
        free_output_folder("out", inputs)
        assert names_in("out") == [] and names_in(f"out-{number}") == sorted(names)


def test_a_link_to_the_folder_stays_one(inputs):
    fill("disk/out", "detections.json")
    Path("out").symlink_to("disk/out")
    free_output_folder("out", inputs)
    assert Path("out").is_symlink() and names_in("out") == [] and names_in("disk/out-1") == ["detections.json"]


@pytest.mark.parametrize("names", [[], ["notes.txt"], ["sub/a.jpg"]])
def test_other_files_are_left_alone(inputs, names):
    fill("out", *names)
    free_output_folder("out", inputs)
    assert names_in(".") == sorted(["photos/a.png", "photos/clip.avi", *(f"out/{name}" for name in names)])


@pytest.mark.parametrize(("names", "message"), [
    (["a.jpg"], "already has a.jpg"),  # perhaps a photograph
    (["clip.mp4"], "already has clip.mp4"),
    (["b.JPG"], "has pictures that no run of detections wrote, b.JPG; name another folder"),
    (["crops/mine.jpg"], "already has crops"),
    (["detections.json", "notes.txt"], "already has detections.json"),
    (["detections.csv", "ckpt_0/best_map.ckpt"], "already has detections.csv"),
    ([f".part-{os.getpid()}-detections.json", "notes.txt"], "an unfinished list of detections"),
])
def test_nothing_is_replaced(inputs, names, message):
    fill("out", *names)
    with pytest.raises(UserError, match=message):
        free_output_folder("out", inputs)
    assert names_in("out") == sorted(names)


@pytest.mark.parametrize("folder", ["photos", "photos/../photos", "link"])
def test_not_among_the_inputs(inputs, folder):
    Path("link").symlink_to("photos")
    fill("photos", "detections.json")
    with pytest.raises(UserError, match=r"the input photos/a\.png lies in .*--output=photos-found"):
        free_output_folder(folder, inputs)
    assert len(names_in("photos")) == 3


def test_the_working_directory_stays_where_it_is(inputs, monkeypatch):
    fill("out", "detections.json")
    monkeypatch.chdir("out")
    with pytest.raises(UserError, match=r"already has detections\.json"):
        free_output_folder(".", inputs)


def test_another_run_or_a_file(inputs):
    fill("out", f".part-{psutil.Process().ppid()}-detections.csv")
    with pytest.raises(UserError, match="another run, process"):
        free_output_folder("out", inputs)
    with pytest.raises(UserError, match="is a file"):
        free_output_folder("photos/a.png", inputs)
