from pathlib import Path

import numpy as np
import pytest

from src.export.cpp_outputs import ResultFiles, match_images
from src.utils.errors import UserError


def paths(*names):
    return [Path("folder") / name for name in names]


def test_images_are_matched_by_name():
    names = {7: "val/BloodImage_00007.jpg", 3: "b.png", 5: "not there.jpg"}
    found = match_images(names, paths("BloodImage_00007.jpg", "b.png", "more.jpg"))
    assert found == {7: Path("folder/BloodImage_00007.jpg"), 3: Path("folder/b.png")}
    assert list(found) == [7, 3]


@pytest.mark.parametrize(("names", "files", "message"), [
    ({1: "a.jpg"}, ["b.jpg", "c.jpg"], "none of the 2 images, such as folder/b.jpg, is in the annotation file"),
    ({1: "train/a.jpg", 2: "val/a.jpg"}, ["a.jpg"], "2 images of the name a.jpg"),
    ({1: "a.jpg", 2: "a.png"}, ["a.jpg", "a.png"], "would share their result files"),
])
def test_names_that_are_not_clear(names, files, message):
    with pytest.raises(UserError, match=message):
        match_images(names, paths(*files))


def write(folder, name, boxes, scores):
    boxes.astype("<f4").tofile(folder / f"{name}_0.bin")
    scores.astype("<f4").tofile(folder / f"{name}_1.bin")


def test_values_as_they_were_written(tmp_path):
    boxes, scores = np.arange(8, dtype=np.float32).reshape(2, 4), np.arange(6, dtype=np.float32).reshape(2, 3)
    write(tmp_path, "a", boxes, scores)
    files = ResultFiles(tmp_path, num_boxes=2, num_classes=3)
    files.check(["a"])
    found = files.read("a")
    np.testing.assert_array_equal(found[0], boxes)
    np.testing.assert_array_equal(found[1], scores)


def test_missing_and_short_files_are_named(tmp_path):
    write(tmp_path, "a", np.zeros((2, 4)), np.zeros((2, 3)))
    write(tmp_path, "short", np.zeros((2, 4)), np.zeros(5))
    write(tmp_path, "half", np.zeros((2, 4)), np.zeros((2, 3)))
    (tmp_path / "half_0.bin").unlink()
    files = ResultFiles(tmp_path, num_boxes=2, num_classes=3)
    with pytest.raises(UserError) as error:
        files.check(["a", "short", "half"])
    message = str(error.value)
    assert f"{tmp_path / 'short_1.bin'} has 20 bytes instead of 24" in message
    assert f"{tmp_path / 'half_0.bin'} is missing" in message
    assert "a_0.bin" not in message and "half_1.bin" not in message
    with pytest.raises(UserError, match=r"2_0.bin is missing, .* \(15 more\)"):
        files.check(map(str, range(10)))
    with pytest.raises(UserError, match="there is no folder"):
        ResultFiles(tmp_path / "none", 2, 3).check(["a"])
