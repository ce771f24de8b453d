"""Untrusted images: each case of the table is read, or counted and left out."""
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from src.dataset import BatchSettings, create_ssd_dataset
from src.dataset.annotations import (
    CLOSED_IMAGE,
    MISSING_IMAGE,
    TURNED_UPRIGHT,
    TURNED_WITH_BOXES,
    AnnotationSource,
    ImageRecord,
    Report,
    box_array,
)
from src.dataset.images import MOST_PIXELS, load_image, read_image_size
from src.dataset.mindrecord.create import create_mindrecord
from src.dataset.read_images import read_images
from src.dataset_check.content import read_part
from src.inference.inputs import find_inputs
from src.inference.outputs import Output
from src.inference.predict import predict_inputs
from src.utils.errors import UserError
from tests.hostile.image_cases import HEIGHT, IMAGES, JPEG, STORED, WIDTH, gradient
from tests.hostile.special_files import link_to, named_pipe, names_below
from tests.support.samples import make_config, read_records, write_image

BOX = [5, 10, 40, 50, 1]
COLOURS_CHANGE = ("grey, 16 bits", "black and white")


def read(*paths):
    """What a conversion makes of images: list of (path, size), and the report."""
    report = Report()
    records = [ImageRecord(number, str(path), box_array([BOX])) for number, path in enumerate(paths)]
    return [(record.path, size) for record, _, size, _ in read_images(records, 2, report, "reading")], report


@pytest.mark.parametrize("case", IMAGES, ids=lambda case: case.name)
def test_images(case, tmp_path):
    path = tmp_path / case.file_name
    if case.make:
        case.make(path)
    before = names_below(tmp_path)
    found, report = read(path)
    assert found == ([(str(path), case.size)] if case.size else [])
    counted = {reason: count for reason, count in report.counts.items() if reason.startswith("images")}
    assert counted == ({case.reason: 1} if case.reason else {})
    if case.size:
        image = load_image(path)
        assert image.shape == (*case.size, 3) and image.dtype == np.uint8
        assert read_image_size(path) == case.size
        if case.size == STORED and case.name not in COLOURS_CHANGE:
            assert np.abs(image.astype(int) - np.asarray(gradient())).mean() < 12
    else:
        with pytest.raises(UserError, match=r"The image .*a\.\w+ "):
            load_image(path)
    assert names_below(tmp_path) == before


def test_the_largest_image_of_the_rule():
    assert 10_000 * 10_000 < MOST_PIXELS < 20_000 * 20_000


@pytest.fixture
def nobody():
    """A folder in which this process has no more rights than others have."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "whole.jpg").write_bytes(JPEG)
        read(folder / "whole.jpg")  # imports what it needs
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        if is_root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)
            for path in folder.iterdir():
                path.chmod(0o700)


@pytest.mark.skipif(os.name == "nt", reason="rights of Windows are others")
def test_images_without_permission(nobody):
    for name in ("closed.jpg", "folder"):
        (nobody / name).mkdir() if name == "folder" else (nobody / name).write_bytes(JPEG)
        (nobody / name).chmod(0)
    found, report = read(nobody / "closed.jpg", nobody / "folder" / "a.jpg", nobody / "whole.jpg")
    assert [path for path, _ in found] == [str(nobody / "whole.jpg")]
    assert dict(report.counts) == {CLOSED_IMAGE: 2}
    assert "Permission denied" in report.examples[CLOSED_IMAGE][0]
    with pytest.raises(UserError, match="cannot be read: Permission denied"):
        load_image(nobody / "closed.jpg")
    with pytest.raises(UserError, match="cannot be read: Permission denied"):
        find_inputs([nobody / "folder"])


def test_links_to_images_elsewhere_are_followed(tmp_path):
    """Many keep their images on another disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "whole.jpg").write_bytes(JPEG)
    link_to(tmp_path / "disk" / "whole.jpg")(tmp_path / "link.jpg")
    assert read(tmp_path / "link.jpg")[0] == [(str(tmp_path / "link.jpg"), STORED)]


def test_names_differ_in_capital_letters(tmp_path):
    (tmp_path / "a.jpg").write_bytes(JPEG)
    if (tmp_path / "A.JPG").exists():
        pytest.skip("this file system takes both for one")
    assert dict(read(tmp_path / "A.JPG")[1].counts) == {MISSING_IMAGE: 1}


def draw_hostile_folder(folder):
    """All images of the table, numbered; returns those that are to be read, by their numbers."""
    folder.mkdir(parents=True)
    usable = {}
    for number, case in enumerate(IMAGES):
        if case.make and "20000" not in case.name:
            path = folder / f"{number}{Path(case.file_name).suffix}"
            case.make(path)
            if case.size:
                usable[number] = path
    return usable


def test_a_whole_conversion_of_all_of_them(tmp_path):
    usable = draw_hostile_folder(tmp_path / "images")
    files = {path.name for path in (tmp_path / "images").iterdir()}
    lines = [f"{number}{Path(case.file_name).suffix} 0,0,1,1,1" for number, case in enumerate(IMAGES)]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    config = make_config(tmp_path, dataset="other", image_dir="images", anno_path="list.txt")
    result = create_mindrecord(config, True)
    assert sorted(read_records(result.path)) == sorted(usable)
    counts = {reason: entry["count"] for reason, entry in result.report["left_out"].items()}
    for reason in {case.reason for case in IMAGES} - {None, MISSING_IMAGE}:
        expected = sum(case.reason == reason for case in IMAGES if case.make and "20000" not in case.name)
        assert counts[TURNED_WITH_BOXES if reason == TURNED_UPRIGHT else reason] == expected  # of text files
    assert {path.name for path in (tmp_path / "images").iterdir()} == files
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "list.txt", "mindrecord"]

    evaluation = create_mindrecord(config, False)
    dataset = create_ssd_dataset(evaluation.path, BatchSettings(4, (32, 32), upright=evaluation.upright))
    batches = list(dataset.create_dict_iterator(num_epochs=1, output_numpy=True))
    shapes = {int(number): tuple(shape) for batch in batches
              for number, shape in zip(batch["img_id"], batch["image_shape"].astype(int))}
    assert shapes == {number: IMAGES[number].size for number in usable}
    assert all(np.isfinite(batch["image"]).all() for batch in batches)


class OneBox:
    """Stands in for a detector: one detection in each image."""

    classes = ("background", "../cat\0\n", "$x^$")
    batch_size, seconds = 2, 0.0

    def warm_up(self):
        pass

    def detect(self, images):
        return [(np.array([[0, 0, *image.shape[:2]]], np.float32), np.array([0.9], np.float32), np.array([1]))
                for image in images]


def test_prediction_passes_over_what_cannot_be_read(tmp_path):
    usable = draw_hostile_folder(tmp_path / "images")
    (tmp_path / "images" / "bild-\udce4.jpg").write_bytes(JPEG)
    (tmp_path / "images" / f"{'l' * 250}.jpg").write_bytes(JPEG)
    named_pipe(tmp_path / "images" / "pipe.jpg")
    inputs = find_inputs([tmp_path / "images"])
    with Output(tmp_path / "out", OneBox.classes, crops=True) as output:
        unread = predict_inputs(OneBox(), inputs, output, np.array([False, True, True]))
    known = [path for path in usable.values() if path.suffix in (".jpg", ".png", ".webp", ".tif", ".bmp")]
    assert len(inputs) - len(unread) == len(known) + 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "out"]
    assert [path.name for path in (tmp_path / "out" / "crops").iterdir()] == [".._cat__"]
    assert "\\udce4" in (tmp_path / "out" / "detections.json").read_text(encoding="utf-8")


def test_a_check_of_the_dataset_counts_the_same(tmp_path):
    def read(report):
        return [ImageRecord(1, str(tmp_path / "pipe.jpg"), box_array([BOX])),
                ImageRecord(2, str(tmp_path / "whole.jpg"), box_array([BOX]))]

    named_pipe(tmp_path / "pipe.jpg")
    (tmp_path / "whole.jpg").write_bytes(JPEG)
    part = read_part("training", AnnotationSource("coco", tmp_path, [], read), 2)
    assert [image.size for image in part.images] == [(HEIGHT, WIDTH)]
    assert dict(part.report.counts) == {CLOSED_IMAGE: 1}


def test_a_dataset_of_bad_images_only_is_one_error(tmp_path):
    write_image(tmp_path / "outside.png")
    (tmp_path / "images").mkdir()
    (tmp_path / "list.txt").write_text("../outside.png 1,2,30,40,1\n")
    config = make_config(tmp_path, dataset="other", image_dir="images", anno_path="list.txt")
    with pytest.raises(UserError, match="1 images outside the image folder"):
        create_mindrecord(config, True)
