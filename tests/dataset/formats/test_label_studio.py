import json

import pytest

from src.dataset.annotations import (
    BAD_BOX,
    EVALUATION,
    NO_ANNOTATION,
    NO_OUTLINE,
    SEVERAL_ANNOTATIONS,
    SEVERAL_FILES,
    TRAINING,
    TURNED_IMAGE,
    UNCLEAR_IMAGE,
    UNKNOWN_CLASS,
    Report,
)
from src.dataset.formats.label_studio import look_for_label_studio, read_label_studio
from src.utils.errors import UserError
from tests.support.program_files import region, task
from tests.support.samples import CLASSES

RECTANGLE = {"x": 12.5, "y": 10, "width": 25, "height": 50, "rotation": 0}  # 10, 6, 20 x 30 pixels


def read(tmp_path, *tasks):
    (tmp_path / "project.json").write_text(json.dumps(tasks))
    report = Report()
    return read_label_studio(tmp_path / "project.json", CLASSES, report), report


@pytest.mark.parametrize(("kind", "value", "size", "expected"), [
    ("rectanglelabels", RECTANGLE, (80, 60), [6, 10, 36, 30]),
    ("labels", RECTANGLE, (80, 60), [6, 10, 36, 30]),  # of the tags Rectangle and Labels
    # https://github.com/HumanSignal/label-studio/issues/2293: in pixels, about the top left corner
    ("rectanglelabels", {"x": 20, "y": 20, "width": 30, "height": 20, "rotation": 90}, (1000, 500),
     [100, 100, 400, 200]),
    ("rectanglelabels", {"x": 50, "y": 50, "width": 25, "height": 20, "rotation": 180}, (80, 60), [18, 20, 30, 40]),
    ("polygonlabels", {"points": [[12.5, 10], [37.5, 60], [20, 20]]}, (80, 60), [6, 10, 36, 30]),
    ("ellipselabels", {"x": 50, "y": 50, "radiusX": 25, "radiusY": 20, "rotation": 0}, (80, 60), [18, 20, 42, 60]),
    ("ellipselabels", {"x": 50, "y": 50, "radiusX": 25, "radiusY": 20, "rotation": 90}, (80, 60), [10, 28, 50, 52])])
def test_shapes(tmp_path, kind, value, size, expected):
    sizes = {"original_width": size[0], "original_height": size[1]}
    (image,), report = read(tmp_path, task(region(value, kind, "dog", **sizes)))
    assert image.pixel_boxes.tolist() == [[*expected, 2]]
    assert image.size == size[::-1]
    # The other export has the same.
    minimal = {"image": "/data/upload/1/a.png", "id": 1, "label": [{**value, kind: ["dog"], **sizes}]}
    (other,), _ = read(tmp_path, minimal)
    assert other.pixel_boxes.tolist() == image.pixel_boxes.tolist()
    assert not report.counts


def test_several_labels_of_a_region(tmp_path):
    one = region(RECTANGLE)
    one["value"]["rectanglelabels"] = ["cat", "dog"]
    (image,), _ = read(tmp_path, task(one))
    assert image.pixel_boxes[:, 4].tolist() == [1, 2]


def test_which_annotation_counts(tmp_path):
    def annotation(label, updated, **changes):
        return {"result": [region(RECTANGLE, label=label)], "updated_at": updated, "was_cancelled": False, **changes}

    old, new = annotation("cat", "2026-01-01T10:00:00Z"), annotation("dog", "2026-01-02T10:00:00Z")
    skipped = annotation("cat", "2026-01-03T10:00:00Z", was_cancelled=True)
    truth = annotation("cat", "2025-01-01T10:00:00Z", ground_truth=True)
    images, report = read(tmp_path, task(annotations=[old, new, skipped]), task(annotations=[new, truth]),
                          task(annotations=[skipped]), task(annotations=[], predictions=[new]), task())
    assert [image.pixel_boxes[:, 4].tolist() for image in images] == [[2], [1], []]
    assert dict(report.counts) == {SEVERAL_ANNOTATIONS: 2, NO_ANNOTATION: 2}


def test_what_is_left_out(tmp_path):
    no_label = region(RECTANGLE)
    del no_label["value"]["rectanglelabels"]
    images, report = read(
        tmp_path,
        task({"type": "choices", "value": {"choices": ["night"]}},
             region({"x": 1, "y": 1, "width": 0.3}, "keypointlabels"),
             region({"format": "rle", "rle": [1]}, "brushlabels"), region(RECTANGLE, label="bird"), no_label,
             region({**RECTANGLE, "x": None}), region(RECTANGLE, original_width=None)),
        task(region(RECTANGLE, image_rotation=90)), task(image="data:image/png;base64,AAAA"))
    assert [image.pixel_boxes.shape for image in images] == [(0, 5)]
    assert dict(report.counts) == {NO_OUTLINE: 2, UNKNOWN_CLASS: 2, BAD_BOX: 2, TURNED_IMAGE: 1, NO_ANNOTATION: 1}
    assert report.examples[BAD_BOX][0] == "project.json, task 1: x: expected is a number, found is a NoneType"


@pytest.mark.parametrize(("address", "file"), [
    ("/data/upload/1/0123abcd-a.png", "0123abcd-a.png"), ("/data/upload/1/0123abcd-a.png", "a.png"),
    ("/data/upload/1/0123abcd-caf%C3%A9%201.png", "images/caf\u00e9 1.png"),
    ("/data/local-files/?d=photos/part/a.png", "part/a.png"), ("s3://bucket/part/a.png", "part/a.png"),
    ("https://example.com/a.png?width=300#x", "a.png"), ("gs://bucket/a.PNG", "a.png"), ("part\\a.png", "part/a.png")])
def test_the_image_of_a_task(tmp_path, address, file):
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    (tmp_path / "project.json").write_text(json.dumps([task(image=address)]))
    record, = look_for_label_studio(tmp_path, CLASSES)[TRAINING].read(Report())
    assert record.path == str(tmp_path / file)


def test_a_task_with_two_images(tmp_path):
    data = {"img1": "/data/upload/1/a.png", "img2": "/data/upload/1/b.png", "text": "a pair"}
    right = {**RECTANGLE, "x": 50}
    regions = [region(RECTANGLE, to_name="img1"), region(right, to_name="img2")]
    images, report = read(tmp_path, task(*regions, data=data))
    assert [(image.names[0], image.pixel_boxes.tolist()) for image in images] == [
        ("data/upload/1/a.png", [[6, 10, 36, 30, 1]]), ("data/upload/1/b.png", [[6, 40, 36, 60, 1]])]
    images, _ = read(tmp_path, task(regions[1], data=data))  # the other one is for comparison
    assert [image.names[0] for image in images] == ["data/upload/1/b.png"]
    assert not report.counts
    # Nothing says which one it is.
    rows = {**data, "id": 1, "label": [{**RECTANGLE, "rectanglelabels": ["dog"]}]}
    for one in (task(region(RECTANGLE, to_name="other"), data=data), rows):
        images, report = read(tmp_path, one)
        assert images == [] and report.counts == {UNCLEAR_IMAGE: 1}
    (image,), _ = read(tmp_path, task(region(RECTANGLE, to_name="picture"), data={**data, "image": "c.png"}))
    assert image.names[0] == "c.png"


def test_of_several_rows_of_a_task_the_newest_counts(tmp_path):
    rows = [{"image": f"/data/upload/1/{name}.png", "id": number, "annotation_id": 10 + number, "updated_at": time,
             "label": [{**RECTANGLE, "x": x, "rectanglelabels": ["dog"], "original_width": 80, "original_height": 60}]}
            for name, number, time, x in (("a", 1, "2024-01-02", 50), ("b", 2, "2024-01-01", 0),
                                          ("a", 1, "2024-01-01", 12.5))]
    images, report = read(tmp_path, *rows)
    assert [(image.names[0][-5:], image.pixel_boxes.tolist()) for image in images] == [
        ("a.png", [[6, 40, 36, 60, 2]]), ("b.png", [[6, 0, 36, 20, 2]])]
    assert report.counts == {SEVERAL_ANNOTATIONS: 1}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_any_encoding(tmp_path, encoding):
    (tmp_path / "project.json").write_text(json.dumps([task(region(RECTANGLE))]), encoding=encoding)
    (record,) = look_for_label_studio(tmp_path, CLASSES)[TRAINING].read(Report())
    assert record.pixel_boxes.tolist() == [[6, 10, 36, 30, 1]]


def test_parts(tmp_path):
    for name in ("train", "val"):
        (tmp_path / f"{name}.json").write_text(json.dumps([task()]))
    sources = look_for_label_studio(tmp_path, CLASSES)
    assert {purpose: source.annotation_files for purpose, source in sources.items()} == {
        TRAINING: [tmp_path / "train.json"], EVALUATION: [tmp_path / "val.json"]}


def test_images_of_parts(tmp_path):
    """A file without the name of a part is for training; of images of one name, each part has its own."""
    places = {"train.json": "train/a.png", "val.json": "val/a.png", "project-2.json": "more/c.png"}
    for name, place in places.items():
        (tmp_path / name).write_text(json.dumps([task(image=f"/data/local-files/?d={place}")]))
    for place in ("val/a.png", "photos/c.png"):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).touch()
    found = {purpose: [record.path for record in source.read(Report())]
             for purpose, source in look_for_label_studio(tmp_path, CLASSES).items()}
    assert found == {TRAINING: [str(tmp_path / "photos/c.png"), str(tmp_path / "train/a.png")],
                     EVALUATION: [str(tmp_path / "val/a.png")]}


def test_two_exports_of_one_project(tmp_path):
    """The names end with the date; another program's json beside them is none of them."""
    (tmp_path / "a.png").touch()
    for date, label in (("01-02", "dog"), ("01-01", "cat")):
        (tmp_path / f"project-1-at-2026-{date}.json").write_text(json.dumps([task(region(RECTANGLE, label=label))]))
    (tmp_path / "notes.json").write_text('{"categories": []}')
    report = Report()
    record, = look_for_label_studio(tmp_path, CLASSES)[TRAINING].read(report)
    assert record.pixel_boxes[:, 4].tolist() == [2]
    assert dict(report.counts) == {SEVERAL_FILES: 1}


def test_files_of_another_kind(tmp_path):
    path = tmp_path / "project.json"
    path.write_text('{"images": [], "annotations": []}')
    assert look_for_label_studio(tmp_path, CLASSES) == {}
    create_ml = [{"image": "a.png", "annotations": [{"label": "cat", "coordinates": {"x": 1, "y": 2, "width": 3}}]}]
    (tmp_path / "create_ml.json").write_text(json.dumps(create_ml))
    assert look_for_label_studio(tmp_path, CLASSES) == {}
    with pytest.raises(UserError, match="is no export of Label Studio, which is a list of objects"):
        read_label_studio(path, CLASSES, Report())
