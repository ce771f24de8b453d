"""Detections as annotations, and which images are worth annotating first."""
import csv
import json

import numpy as np
import pytest

from src.dataset.annotations import TRAINING, Report
from src.dataset.convert import FolderConfig
from src.dataset.formats.writers import WRITERS
from src.dataset.found_data import with_found_data
from src.dataset.images import load_image
from src.dataset.sources import find_parts
from src.inference.inputs import Input, find_inputs
from src.inference.outputs import Output
from src.inference.uncertain import rank_images, small_view, uncertainty
from src.utils.errors import UserError
from tests.hostile.special_files import names_below
from tests.support.samples import in_pixels, write_image

CLASSES = ("background", "cat", "dog")
BOXES = np.array([[10.4, 20.6, 50, 70.5], [0, 0, 30, 30], [5, 5, 5.2, 40], [1, 1, 40, 40]], np.float32)
SCORES, LABELS = np.array([0.9, 0.6, 0.55, 0.3], np.float32), np.array([1, 2, 1, 2])
NONE = np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)


@pytest.fixture
def inputs(tmp_path):
    for number, name in enumerate(("photos/a.png", "photos/b é.jpg", "more/a.PNG")):
        write_image(tmp_path / name, seed=number)
    return find_inputs([tmp_path / "photos", tmp_path / "more"])


def write(folder, inputs, kind, crops=False):
    with Output(folder, CLASSES, kind, crops, min_score=0.5) as output:
        for item, found in zip(inputs, ((BOXES, SCORES, LABELS), NONE, (BOXES[1:2], SCORES[1:2], LABELS[1:2]))):
            output.add_image(item, load_image(item.source), *found)
    return folder


@pytest.mark.parametrize("kind", WRITERS)
def test_read_back(inputs, tmp_path, kind):
    write(tmp_path / "out", inputs, kind)
    dataset = tmp_path / "out" / "dataset"
    if kind == "label_studio":  # a person confirms all of them
        tasks = dataset / "train" / "tasks.json"
        tasks.write_text(tasks.read_text(encoding="utf-8").replace('"predictions"', '"annotations"'), encoding="utf-8")
    config = with_found_data(FolderConfig(str(dataset)))
    form, parts = find_parts(config)
    assert form.kind == kind and config.classes[1:] == CLASSES[1:]
    records = in_pixels(parts[TRAINING].read(Report()))
    found = {record.path.rpartition("/")[2]: record.pixel_boxes.tolist() for record in records}
    # Rounded to integers; without what is below the threshold, or has no area then.
    assert found == {"a.png": [[10, 21, 50, 70, 1], [0, 0, 30, 30, 2]], "b é.jpg": [],
                     "a-2.PNG": [[0, 0, 30, 30, 2]]}
    copies = [path.read_bytes() for path in dataset.rglob("*") if path.suffix.lower() in (".png", ".jpg")]
    assert sorted(copies) == sorted(item.source.read_bytes() for item in inputs)


def test_what_is_drawn_and_listed_is_above_the_threshold(inputs, tmp_path):
    write(tmp_path / "out", inputs, "coco", crops=True)
    rows = json.loads((tmp_path / "out" / "detections.json").read_text(encoding="utf-8"))
    assert [row["score"] for row in rows] == pytest.approx([0.9, 0.6, 0.55, 0.6])
    content = json.loads((tmp_path / "out/dataset/annotations/instances_train.json").read_text(encoding="utf-8"))
    assert [annotation["score"] for annotation in content["annotations"]] == pytest.approx([0.9, 0.6, 0.6])
    with open(tmp_path / "out" / "uncertain.csv", newline="", encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    assert [(row["rank"], row["picture"], row["detections"], row["uncertain_detections"]) for row in table] == [
        ("1", "a.jpg", "3", "3"), ("2", "a-2.jpg", "1", "1"), ("3", "b é.jpg", "0", "0")]
    assert [path.name for path in sorted((tmp_path / "out" / "uncertain").iterdir())] == [
        "01-a.jpg", "02-a-2.jpg", "sheet.jpg"]


def test_an_interrupted_run_keeps_its_annotations_and_a_failed_one_has_none(inputs, tmp_path):
    for error in (KeyboardInterrupt, RuntimeError):
        folder = tmp_path / error.__name__
        with pytest.raises(error), Output(folder, CLASSES, "yolo") as output:
            output.add_image(inputs[0], load_image(inputs[0].source), BOXES, SCORES, LABELS)
            raise error
        assert (folder / "dataset" / "data.yaml").is_file() == (error is KeyboardInterrupt)


def test_videos_alone(tmp_path, caplog):
    with Output(tmp_path / "out", CLASSES, "voc") as output:
        frame = np.zeros((60, 80, 3), np.uint8)
        output.add_frame(Input(tmp_path / "a.avi", "a", "a.avi", False), 0, 10.0, frame, *NONE)
    assert "frames of videos are not written as annotations" in caplog.text
    assert names_below(tmp_path / "out") == ["a.mp4", "detections.json"]


def test_files_of_odd_names(tmp_path):
    """An image without a known suffix, as readers of datasets would not find it."""
    write_image(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.0001")
    item, = find_inputs([tmp_path / "a.0001"])
    with Output(tmp_path / "out", CLASSES, "coco") as output:
        output.add_image(item, load_image(item.source), *NONE)
    np.testing.assert_array_equal(load_image(tmp_path / "out/dataset/train/a.png"), load_image(item.source))
    with pytest.raises(UserError, match="control characters"):
        Output(tmp_path / "other", ("background", "c\nt"), "coco")


def test_uncertainty_by_hand():
    scores = np.array([0.5, 0.75, 0.25, 1.0, 0.0])
    assert uncertainty(scores, 0.5) == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert uncertainty(scores[:1], 0.5) == pytest.approx(1 / 3)
    assert uncertainty(np.array([0.9, 0.1]), 0.2) == pytest.approx((0.125 + 0.5) / 3)
    assert uncertainty(np.zeros(0), 0.5) == 0


def test_order_by_uncertainty_and_difference():
    dark, bright, middle = (small_view(np.full((20, 30, 3), value, np.uint8)) for value in (0, 250, 125))
    # The first is the most uncertain; one like it comes behind a less uncertain one that differs.
    order = rank_images([0.5, 0.6, 0.3, 0.4], [dark, dark, bright, middle])
    assert [index for index, _ in order] == [1, 2, 3, 0]
    assert [difference for _, difference in order] == pytest.approx([1, 1, 0.5, 0])
    assert rank_images([], []) == []
    assert [index for index, _ in rank_images([0, 0], [dark, dark])] == [0, 1]
