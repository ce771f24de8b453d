import numpy as np
import pytest

from src.dataset.annotated_images import AnnotatedImage, match_files, records_of
from src.dataset.annotations import FOREIGN_IMAGE, Report

NOTHING = np.zeros((0, 5), np.int32)


@pytest.mark.parametrize(("wanted", "files", "expected"), [
    ([("a.png",)], ["a.png"], ["a.png"]),
    ([("images/a.png", "a.png")], ["a.png"], ["a.png"]),
    ([("data/upload/1/a.JPG",)], ["photos/a.jpg", "b.jpg"], ["photos/a.jpg"]),
    ([("data/x/a.png",)], ["x/a.png", "y/a.png"], ["x/a.png"]),
    ([("data/a.png",)], ["x/a.png", "y/a.png"], [None]),  # which one?
    ([("train/a.png",), ("test/a.png",)], ["test/a.png"], [None, "test/a.png"]),  # it has annotations of its own
    ([("u/a.png",), ("v/a.png",)], ["x/a.png"], [None, None]),  # whose is it?
    ([("u/a.png",), ("u/a.png",)], ["x/a.png"], ["x/a.png", "x/a.png"]),  # annotated twice
    ([("1/a.png",), ("b.png",)], [], [None, None]),
    ([], ["a.png"], [])])
def test_match_files(wanted, files, expected):
    assert match_files(wanted, files) == expected


def test_many_images_of_one_name():
    """Programs that keep each image in a folder of its own."""
    files = [f"{number}/rgb.png" for number in range(3000)]
    assert match_files([(f"old/{file}",) for file in files], files) == files
    assert match_files([("a/" * 100_000 + "rgb.png",)], files) == [None]


def test_records_are_sorted_and_numbered_by_file(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("sub/7.png", "b.png", "notes.txt"):
        (tmp_path / name).touch()
    report = Report()
    images = [AnnotatedImage((name,), NOTHING, (60, 80)) for name in
              ("x/7.png", "b.png", "b.png", "sub\0.png", "../c.png", "gone/d.png", "notes.txt")]
    records = records_of(images, tmp_path, report)
    assert [(record.image_id, record.path) for record in records] == [
        (2, str(tmp_path / "b.png")), (1, str(tmp_path / "b.png")), (3, str(tmp_path / "gone/d.png")),
        (4, str(tmp_path / "notes.txt")), (7, str(tmp_path / "sub/7.png"))]
    assert dict(report.counts) == {FOREIGN_IMAGE: 2}
