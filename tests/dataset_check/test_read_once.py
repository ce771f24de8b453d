"""Annotations are parsed once at a start, and not at all at the next one."""
import json

import pytest

from src.config import load_config
from src.dataset import create_mindrecord, with_found_data
from src.dataset.annotations import UNKNOWN_CLASS, Report
from src.dataset.found_file import NAME
from src.dataset.reading_once import annotations_read_once, once
from src.dataset.sources import find_source
from src.training.auto_input import with_choices_by_size
from tests.support.samples import in_pixels, write_image

OBJECTS = {"train": [(1, "dog", [10, 5, 20, 30]), (2, "cat", [0, 0, 16, 12]), (2, "bird", [40, 20, 40, 40])],
           "valid": [(1, "cat", [5, 5, 30, 30])]}


def write_coco(folder):
    """Two parts as Roboflow exports them, with three and two images, of which the last have no objects."""
    for part, objects in OBJECTS.items():
        names = ("bird", "cat", "dog")
        images = [{"id": number, "file_name": f"{number}.png", "height": 60, "width": 80}
                  for number in range(1, len(objects) + 1)]
        for image in images:
            write_image(folder / part / image["file_name"], seed=image["id"] + len(part))
        annotations = [{"id": index, "image_id": image, "category_id": names.index(name), "bbox": bbox}
                       for index, (image, name, bbox) in enumerate(objects, 1)]
        (folder / part / "_annotations.coco.json").write_text(json.dumps({
            "images": images, "annotations": annotations,
            "categories": [{"id": number, "name": name} for number, name in enumerate(names)]}))


def write_yolo(folder):
    for part, objects in OBJECTS.items():
        for number in range(1, len(objects) + 1):
            write_image(folder / "images" / part / f"{number}.png", seed=number + len(part))
            rows = [f"{('bird', 'cat', 'dog').index(name)} {(x + w / 2) / 80} {(y + h / 2) / 60} {w / 80} {h / 60}"
                    for image, name, (x, y, w, h) in objects if image == number]
            path = folder / "labels" / part / f"{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(rows))
    (folder / "data.yaml").write_text("names: [bird, cat, dog]\ntrain: images/train\nval: images/valid\n")


PARSERS = {"coco": ("src.dataset.formats.coco.read_json", 1, 1), "yolo": ("src.dataset.formats.yolo.read_text", 3, 1)}


@pytest.fixture(params=PARSERS)
def data(request, tmp_path, monkeypatch):
    """Folder of a format, a list that grows with each file that is parsed, and numbers of files of both parts."""
    {"coco": write_coco, "yolo": write_yolo}[request.param](tmp_path / "data")
    parser, *numbers = PARSERS[request.param]
    module, _, name = parser.rpartition(".")
    original = getattr(__import__(module, fromlist=[name]), name)
    parsed = []
    monkeypatch.setattr(parser, lambda path, *args: parsed.append(path) or original(path, *args))
    return tmp_path / "data", parsed, numbers


def look(folder):
    """The configuration with what is found in a folder, but the input size, which takes a while."""
    flags = ["--config_path=config/finetune.yaml", f"--data={folder}", "--input_size=300",
             f"--mindrecord_dir={folder.parent / 'records'}"]
    return with_choices_by_size(with_found_data(load_config(flags, for_training=True)))


def start(folder):
    config = look(folder)
    return config, create_mindrecord(config, is_training=True), create_mindrecord(config, is_training=False)


def test_parsed_once_and_then_never(data, caplog):
    folder, parsed, (training, evaluation) = data
    caplog.set_level("INFO")
    with annotations_read_once():
        config, *records = start(folder)
    assert len(parsed) == training + evaluation
    assert config.classes == ("background", "bird", "cat", "dog")
    assert [(one.num_images, one.num_empty) for one in records] == [(3, 1), (1, 0)]
    lines = [line for line in caplog.messages if line.startswith(("data: ", "scale_jitter: "))]
    assert len(lines) == 2 and "for training 3 images with 3 boxes; for evaluation 1 images with 1 boxes" in lines[0]
    del parsed[:], records
    caplog.clear()
    with annotations_read_once():
        again, *_ = start(folder)
    assert parsed == [] and again == config
    assert lines == [line for line in caplog.messages if line.startswith(("data: ", "scale_jitter: "))]
    # Without it, each step reads for itself, and finds the same.
    assert start(folder)[0] == config
    assert len(parsed) > training + evaluation


def test_a_change_is_noticed(data):
    folder, parsed, _ = data
    with annotations_read_once():
        start(folder)
    changed = parsed[0]
    with open(changed) as stream:
        text = stream.read()
    with open(changed, "w") as stream:
        stream.write(text.replace('"dog"', '"wolf"') if text.startswith("{") else "1 0.5 0.5 0.5 0.5\n")
    del parsed[:]
    with annotations_read_once():
        config, *_ = start(folder)
    assert changed in parsed
    assert ("wolf" if text.startswith("{") else "cat") in config.classes


def test_a_damaged_file_is_made_anew(tmp_path):
    write_yolo(tmp_path / "data")
    path = tmp_path / "records" / NAME
    path.parent.mkdir()
    with annotations_read_once():
        config = look(tmp_path / "data")
    found = json.loads(path.read_text())
    wrong = {"images": "a", "classes": [1], "boxes 1": [[0]]}
    for content in ("", "[]", {**found, "sources": 7}, {**found, "version": 0},
                    {**found, "sources": {key: {name: wrong[name] for name in entry}
                                          for key, entry in found["sources"].items()}}):
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        with annotations_read_once():
            assert look(tmp_path / "data") == config
        assert json.loads(path.read_text()) == found


def test_a_start_that_makes_no_records_makes_no_folder(tmp_path):
    write_yolo(tmp_path / "data")
    with annotations_read_once():
        look(tmp_path / "data")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_records_are_those_that_are_read_for_some_classes(data):
    folder, *_ = data
    flags = ["--config_path=config/finetune.yaml", f"--data={folder}", "--classes=background,dog,cat"]
    config = load_config(flags, for_training=True)
    alone, together = Report(), Report()
    expected = in_pixels(find_source(config, is_training=True).read(alone))
    with annotations_read_once():
        with_found_data(config)
        found = in_pixels(find_source(config, is_training=True).read(together))
    assert [one.pixel_boxes.tolist() for one in found] == [one.pixel_boxes.tolist() for one in expected] == [
        [[5, 10, 35, 30, 1]], [[0, 0, 12, 16, 2]], []]
    assert alone.counts == together.counts == {UNKNOWN_CLASS: 1} and alone.classes == together.classes
    assert "bird" in together.examples[UNKNOWN_CLASS][0]


def test_results_are_kept_only_meanwhile():
    calls = []
    for _ in range(2):
        once("key", lambda: calls.append(1))
    with annotations_read_once():
        assert once("key", lambda: "first") == once("key", lambda: "second") == "first"
    assert once("key", lambda: "third") == "third" and len(calls) == 2
