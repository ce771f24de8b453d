import pytest

from src.dataset.annotations import EVALUATION, TRAINING
from src.dataset.formats.image_matching import Claim, match_files


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
    assert match_files([Claim(names) for names in wanted], files) == expected


def test_many_images_of_one_name():
    """Programs that keep each image in a folder of its own."""
    files = [f"{number}/rgb.png" for number in range(3000)]
    assert match_files([Claim((f"old/{file}",)) for file in files], files) == files
    assert match_files([Claim(("a/" * 100_000 + "rgb.png",))], files) == [None]


@pytest.mark.parametrize(("claims", "files", "expected"), [
    # The folder of the annotation file has images, or none and another folder has annotations of its own.
    ([Claim(("cam1/1.jpg",), "cam1")], ["cam1/2.jpg", "cam2/1.jpg"], [None]),
    ([Claim(("cam1/1.jpg",), "cam1"), Claim(("cam2/2.jpg",), "cam2")], ["cam2/1.jpg", "cam2/2.jpg"],
     [None, "cam2/2.jpg"]),
    ([Claim(("json/1.jpg",), "json"), Claim(("json/2.jpg",), "json")], ["photos/1.jpg", "photos/2.jpg"],
     ["photos/1.jpg", "photos/2.jpg"]),
    ([Claim(("json/1.jpg",), "json"), Claim(("photos/2.jpg", "json/2.jpg"), "json")], ["photos/1.jpg", "photos/2.jpg"],
     ["photos/1.jpg", "photos/2.jpg"]),
    # A folder that the name states.
    ([Claim(("images/cam1/1.jpg", "cam1/1.jpg")), Claim(("images/cam2/2.jpg", "cam2/2.jpg"))],
     ["images/cam2/1.jpg", "images/cam2/2.jpg"], [None, "images/cam2/2.jpg"]),
    ([Claim(("/x/cam1/1.jpg",))], ["photos/cam1/2.jpg", "photos/cam2/1.jpg"], [None]),
    ([Claim(("/x/cam1/1.jpg",))], ["photos/cam1/deep/1.jpg", "photos/cam2/1.jpg"], ["photos/cam1/deep/1.jpg"]),
    ([Claim(("images/sub/2.jpg", "sub/2.jpg")), Claim(("images/1.jpg", "1.jpg"))], ["images/1.jpg", "images/2.jpg"],
     ["images/2.jpg", "images/1.jpg"]),  # somebody put all images into one folder
    # Images of one name in two parts.
    ([Claim(("train/json/1.jpg",), "train/json", TRAINING), Claim(("val/json/1.jpg",), "val/json", EVALUATION)],
     ["train/img/1.jpg", "val/img/1.jpg"], ["train/img/1.jpg", "val/img/1.jpg"]),
    ([Claim(("annotations/train/1.jpg",), "annotations/train", TRAINING)], ["images/train/1.jpg", "images/val/1.jpg"],
     ["images/train/1.jpg"]),
    ([Claim(("Train/1.jpg", "1.jpg"), "", TRAINING)], ["images/Validation/1.jpg"], [None]),
    ([Claim(("1.jpg",), "", TRAINING)], ["images/1.jpg"], ["images/1.jpg"]),
    # The same names in two parts: each has the image of its own folder, and no other.
    ([Claim(("1.jpg",), "", TRAINING), Claim(("1.jpg",), "", EVALUATION)], ["images/val/1.jpg"],
     [None, "images/val/1.jpg"]),
    ([Claim(("1.jpg",), "", TRAINING), Claim(("1.jpg",), "", EVALUATION)], ["images/train/1.jpg", "images/val/1.jpg"],
     ["images/train/1.jpg", "images/val/1.jpg"]),
    ([Claim(("1.jpg",), "", TRAINING), Claim(("1.jpg",), "", EVALUATION)], ["images/1.jpg"], [None, None]),
])
def test_images_of_other_folders_are_not_taken(claims, files, expected):
    assert match_files(claims, files) == expected
