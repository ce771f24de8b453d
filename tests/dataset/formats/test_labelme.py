import json

import pytest

from src.dataset.annotations import (
    BAD_ANNOTATION,
    BAD_BOX,
    EVALUATION,
    IN_OTHER_PART,
    NO_OUTLINE,
    TRAINING,
    UNKNOWN_CLASS,
    Report,
)
from src.dataset.formats.labelme import look_for_labelme, read_labelme
from tests.support.program_files import labelme_json
from tests.support.samples import CLASSES


def read(tmp_path, *shapes, **changes):
    (tmp_path / "a.json").write_text(labelme_json(*shapes, **changes))
    report = Report()
    record, = read_labelme(tmp_path, ["a.json"], CLASSES, report)
    return record, report


@pytest.mark.parametrize(("kind", "points", "expected"), [
    ("rectangle", [[30.4, 35.6], [10.5, 5.5]], [6, 10, 36, 30]),  # drawn from the lower right corner
    ("rectangle", [[10, 5], [30, 5], [30, 35], [10, 35]], [5, 10, 35, 30]),
    ("polygon", [[10, 5], [30.2, 12], [20, 35]], [5, 10, 35, 30]),
    (None, [[10, 5], [30, 12], [20, 35]], [5, 10, 35, 30]),  # version 2 has polygons only, and does not say so
    ("circle", [[20, 20], [23, 24]], [15, 15, 25, 25]),  # centre, and a point of the edge: radius 5
    ("oriented_rectangle", [[20, 10], [30, 20], [20, 30], [10, 20]], [10, 10, 30, 30]),
    ("mask", [[3, 4], [12, 15]], [4, 3, 15, 12])])
def test_shapes(tmp_path, kind, points, expected):
    record, report = read(tmp_path, ("dog", kind, points))
    assert record.pixel_boxes.tolist() == [[*expected, 2]]
    assert record.size == (60, 80)
    assert not report.counts


def test_shapes_of_one_group_are_one_object(tmp_path):
    record, report = read(tmp_path, ("cat", "polygon", [[1, 1], [5, 1], [5, 5]], 1),
                          ("dog", "rectangle", [[2, 2], [4, 4]], 1),
                          ("cat", "polygon", [[10, 10], [15, 11], [15, 15]], 1),
                          ("cat", "rectangle", [[1, 2], [3, 4]], 2))
    assert record.pixel_boxes.tolist() == [[1, 1, 15, 15, 1], [2, 2, 4, 4, 2], [2, 1, 4, 3, 1]]
    assert dict(report.classes) == {"cat": 2, "dog": 1}


def test_what_is_left_out(tmp_path):
    record, report = read(tmp_path, ("cat", "point", [[1, 1]]), ("nose", "linestrip", [[1, 1], [2, 2]]),
                          ("bird", "rectangle", [[1, 1], [2, 2]]), ("cat", "circle", [[1, 1]]), ("cat", "polygon", []),
                          imageHeight=None)
    assert record.pixel_boxes.shape == (0, 5)
    assert record.size is None
    assert dict(report.counts) == {NO_OUTLINE: 2, UNKNOWN_CLASS: 1, BAD_BOX: 2}
    assert dict(report.classes) == {"bird": 1, "cat": 2}
    assert "a circle of 1 points" in report.examples[BAD_BOX][0]


@pytest.mark.parametrize(("json_name", "stated", "file"), [
    ("a.json", "a.png", "a.png"), ("a.json", "..\\photos\\a.JPG", "a.jpg"), ("sub/a.json", "a.png", "sub/a.png"),
    ("json/a.json", "../photos/a.png", "photos/a.png"), ("json/a.json", "a.png", "photos/a.png"),
    ("a.json", "C:\\data\\a.png", "a.png"), ("renamed.json", "old.png", "renamed.png"), ("a.json", "b.png", "b.png"),
    ("a.json", None, "a.bmp")])
def test_the_image_of_a_file(tmp_path, json_name, stated, file):
    for name in (json_name, file, "other/zzz.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / json_name).write_text(labelme_json(image=stated))
    record, = read_labelme(tmp_path, [json_name], CLASSES, Report())
    assert record.path == str(tmp_path / file)


def test_parts(tmp_path):
    for name in ("train/a", "train/sub/b", "Valid/c", "test/d"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.json").write_text(labelme_json(image=f"{name[-1]}.png"))
        (tmp_path / f"{name}.png").touch()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "settings.json").write_text('{"images": 3}')
    sources = look_for_labelme(tmp_path, CLASSES)
    assert {purpose: [record.path for record in source.read(Report())] for purpose, source in sources.items()} == {
        TRAINING: [str(tmp_path / "train/a.png"), str(tmp_path / "train/sub/b.png")],
        EVALUATION: [str(tmp_path / "Valid/c.png")], "test": [str(tmp_path / "test/d.png")]}
    (tmp_path / "train").rename(tmp_path / "shots")
    training = look_for_labelme(tmp_path, CLASSES)[TRAINING]
    assert [path.name for path in training.annotation_files] == ["a.json", "b.json"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_any_encoding_and_order_of_the_keys(tmp_path, encoding):
    content = json.loads(labelme_json(("dog", "rectangle", [[10, 5], [30, 35]]), imageData="A" * 100_000))
    (tmp_path / "a.json").write_text(json.dumps(content, sort_keys=True), encoding=encoding)
    (record,) = look_for_labelme(tmp_path, CLASSES)[TRAINING].read(Report())
    assert record.pixel_boxes.tolist() == [[5, 10, 35, 30, 2]]


def write(folder, *names):
    """LabelMe files, and empty images."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(labelme_json(image=f"{path.stem}.png") if path.suffix == ".json" else "")


def found_in(folder):
    """Of each purpose: paths of the images."""
    return {purpose: [record.path[len(str(folder)) + 1:] for record in source.read(Report())]
            for purpose, source in look_for_labelme(folder, CLASSES).items()}


@pytest.mark.parametrize(("json_folder", "image_folder"), [
    ("images/{}", "images/{}"), ("annotations/{}", "images/{}"), ("dataset/{}", "dataset/{}"),
    ("{}/p", "{}/p"), ("{}/json", "{}/img")])
def test_parts_in_deeper_folders(tmp_path, json_folder, image_folder):
    """Both parts have an image of the same name."""
    places = {TRAINING: image_folder.format("train"), EVALUATION: image_folder.format("Valid")}
    write(tmp_path, "README.txt", *(f"{json_folder.format(part)}/a.json" for part in ("train", "Valid")),
          *(f"{place}/a.png" for place in places.values()))
    assert found_in(tmp_path) == {purpose: [f"{place}/a.png"] for purpose, place in places.items()}


def test_what_is_in_no_part_is_for_training(tmp_path):
    write(tmp_path, "train/a.json", "train/a.png", "train/test/c.json", "train/test/c.png", "val/b.json", "val/b.png",
          "d.json", "d.png", "b.json", "b.png")
    assert found_in(tmp_path) == {TRAINING: ["d.png", "train/a.png", "train/test/c.png"], EVALUATION: ["val/b.png"]}
    report = Report()
    look_for_labelme(tmp_path, CLASSES)[TRAINING].read(report)
    assert report.examples == {IN_OTHER_PART: ["b.json"]}  # which was copied into val


def test_images_of_another_folder_are_not_taken(tmp_path):
    numbers = range(1, 7)
    write(tmp_path, *(f"cam2/{number}.png" for number in numbers),
          *(f"cam{1 if number < 4 else 2}/{number}.json" for number in numbers))
    assert found_in(tmp_path) == {TRAINING: [f"cam1/{number}.png" for number in numbers[:3]]
                                  + [f"cam2/{number}.png" for number in numbers[3:]]}


def test_another_json_among_them(tmp_path):
    (tmp_path / "a.json").write_text(labelme_json())
    (tmp_path / "classes.json").write_text("[1]")
    report = Report()
    look_for_labelme(tmp_path, CLASSES)[TRAINING].read(report)
    assert "classes.json: it is no file of LabelMe" in report.examples[BAD_ANNOTATION][0]
    (tmp_path / "a.json").unlink()
    assert look_for_labelme(tmp_path, CLASSES) == {}
