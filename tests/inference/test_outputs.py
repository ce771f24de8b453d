"""Files of detections."""
import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.dataset.images import load_image
from src.inference import outputs
from src.inference.annotated_boxes import AnnotatedBoxes
from src.inference.inputs import Input
from src.inference.outputs import Output, writable_rate
from src.utils.errors import UserError

CLASSES = ("background", "cat", "dog/wolf")
BOXES = np.array([[10, 20, 60, 90.5], [0, 0, 30, 30]], np.float32)
SCORES, LABELS = np.array([0.5, 0.25], np.float32), np.array([1, 2])
NONE = np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)


def item(path):
    return Input(Path(path), Path(path).stem, Path(path).name)


def grey(height=400, width=500):
    return np.full((height, width, 3), 128, np.uint8)


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_json(tmp_path):
    with Output(tmp_path, CLASSES) as output:
        output.add_image(item("x/a.png"), grey(), BOXES, SCORES, LABELS)
        output.add_image(item("x/b.png"), grey(), *NONE)
        assert names_in(tmp_path)[0].startswith(".part-")  # the list is not there yet
    assert names_in(tmp_path) == ["a.jpg", "b.jpg", "detections.json"]
    assert json.loads((tmp_path / "detections.json").read_text(encoding="utf-8")) == [
        {"file_name": "a.png", "picture": "a.jpg", "class": "cat", "score": 0.5, "bbox": [20, 10, 70.5, 50]},
        {"file_name": "a.png", "picture": "a.jpg", "class": "dog/wolf", "score": 0.25, "bbox": [0, 0, 30, 30]},
    ]
    assert (load_image(tmp_path / "b.jpg") == 128).all()
    assert (load_image(tmp_path / "a.jpg") != 128).any()


def test_csv_and_video(tmp_path):
    with Output(tmp_path, CLASSES, "csv") as output:
        for name in ("one", "two"):
            for number in range(3):
                output.add_frame(item(f"{name}.avi"), number, 10, grey(401, 501), BOXES, SCORES, LABELS)
        output.add_image(item("a,b.png"), grey(), BOXES[:1], SCORES[:1], LABELS[:1])
    assert names_in(tmp_path) == ["a,b.jpg", "detections.csv", "one.mp4", "two.mp4"]
    with open(tmp_path / "detections.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 13
    assert [row["frame"] for row in rows[::2]] == ["0", "1", "2", "0", "1", "2", ""]
    assert rows[-1] == {"file_name": "a,b.png", "frame": "", "picture": "a,b.jpg", "class": "cat", "score": "0.5",
                        "x": "20.0", "y": "10.0", "width": "70.5", "height": "50.0"}
    video = cv2.VideoCapture(str(tmp_path / "two.mp4"))
    assert video.get(cv2.CAP_PROP_FPS) == 10 and video.get(cv2.CAP_PROP_FRAME_COUNT) == 3
    assert video.read()[1].shape == (400, 500, 3)


def test_no_detections(tmp_path):
    with Output(tmp_path, CLASSES) as output:
        output.add_image(item("b.png"), grey(), *NONE)
    assert json.loads((tmp_path / "detections.json").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("file_format", ["json", "csv"])
def test_an_error_leaves_nothing_half_written(tmp_path, file_format):
    with pytest.raises(RuntimeError), Output(tmp_path, CLASSES, file_format) as output:
        output.add_frame(item("a.avi"), 0, 10, grey(), BOXES, SCORES, LABELS)
        raise RuntimeError
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("file_format", ["json", "csv"])
def test_an_interrupted_run_keeps_what_it_has_found(tmp_path, file_format):
    with pytest.raises(KeyboardInterrupt), Output(tmp_path, CLASSES, file_format) as output:
        output.add_frame(item("a.avi"), 0, 10, grey(), BOXES, SCORES, LABELS)
        raise KeyboardInterrupt
    assert names_in(tmp_path) == ["a.mp4", f"detections.{file_format}"]
    text = (tmp_path / f"detections.{file_format}").read_text(encoding="utf-8")
    assert len(json.loads(text) if file_format == "json" else list(csv.DictReader(text.splitlines()))) == 2


@pytest.mark.parametrize(("rate", "written"), [
    (25, 25), (30000 / 1001, 29.97), (200 / 3, 66.67), (1000 / 3, 333.33), (999.99, 1000), (0.0004, 0.01)])
def test_any_frame_rate_and_frames_of_any_size(tmp_path, rate, written):
    with Output(tmp_path, CLASSES) as output:
        for number, size in enumerate([(401, 501), (401, 501), (300, 300)]):
            output.add_frame(item("a.avi"), number, rate, grey(*size), *NONE)
    video = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert writable_rate(rate) == pytest.approx(written)
    assert video.get(cv2.CAP_PROP_FPS) == pytest.approx(written) and video.get(cv2.CAP_PROP_FRAME_COUNT) == 3


def test_a_video_that_is_not_written_to_its_end_leaves_the_list_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "_count_frames", lambda path: 0)
    with pytest.raises(UserError, match=r"a\.mp4: the video cannot be written to its end"), \
            Output(tmp_path, CLASSES) as output:
        output.add_image(item("b.png"), grey(), BOXES, SCORES, LABELS)
        output.add_frame(item("a.avi"), 0, 25, grey(), BOXES, SCORES, LABELS)
    assert names_in(tmp_path) == ["b.jpg", "detections.json"]
    assert len(json.loads((tmp_path / "detections.json").read_text(encoding="utf-8"))) == 4


def test_frames_that_are_too_large_for_the_format(tmp_path):
    with Output(tmp_path, CLASSES) as output:
        output.add_frame(item("a.avi"), 0, 10, grey(16, 9000), *NONE)
    assert cv2.VideoCapture(str(tmp_path / "a.mp4")).read()[1].shape == (14, 8190, 3)


def test_no_formula_for_a_spreadsheet(tmp_path):
    with Output(tmp_path, ("background", "=HYPERLINK(1)", "@x"), "csv") as output:
        output.add_image(item("-1+2.png"), grey(), BOXES, SCORES, LABELS)
    with open(tmp_path / "detections.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["file_name"], row["picture"], row["class"]) for row in rows] == [
        ("'-1+2.png", "'-1+2.jpg", "'=HYPERLINK(1)"), ("'-1+2.png", "'-1+2.jpg", "'@x")]


def test_crops(tmp_path):
    image = grey()
    image[10:60, 20:91] = 7
    boxes = np.concatenate([BOXES, [[100, 100, 100, 100]]])  # the last one has no inside
    with Output(tmp_path, CLASSES, crops=True) as output:
        output.add_image(item("a.png"), image, boxes, np.append(SCORES, 0.2), np.append(LABELS, 1))
    assert names_in(tmp_path) == ["a.jpg", "crops/cat/a-0.jpg", "crops/dog_wolf/a-1.jpg", "detections.json"]
    crop = load_image(tmp_path / "crops" / "cat" / "a-0.jpg")
    assert crop.shape == (50, 71, 3) and (abs(crop.astype(int) - 7) < 3).all()  # without the drawing


def test_truth_stands_beside(tmp_path):
    annotated = AnnotatedBoxes()
    annotated.add("folder/a.png", BOXES, LABELS)
    with Output(tmp_path, CLASSES, annotated=annotated) as output:
        for name in ("a", "b"):
            output.add_image(item(f"other/{name}.png"), grey(), *NONE)
    both, alone = load_image(tmp_path / "a.jpg"), load_image(tmp_path / "b.jpg")
    assert alone.shape == (400, 500, 3)
    assert both.shape[0] > 400 and both.shape[1] == 1004  # a title above
    left, right = both[-400:, :500].astype(int), both[-400:, 504:].astype(int)
    assert (abs(left - 128) > 60).any() and not (abs(right - 128) > 20).any()


def test_small_pictures_are_enlarged(tmp_path):
    with Output(tmp_path, CLASSES) as output:
        output.add_image(item("a.png"), grey(100, 150), BOXES, SCORES, LABELS)
    assert load_image(tmp_path / "a.jpg").shape == (320, 480, 3)
    assert json.loads((tmp_path / "detections.json").read_text())[0]["bbox"] == [20, 10, 70.5, 50]
