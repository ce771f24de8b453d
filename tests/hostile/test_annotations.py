"""Untrusted annotation files: each case of the table ends as a report or as one clear error."""
import json
import logging
import os
import re
import tracemalloc

import pytest

from src.config import load_config
from src.config.yaml_file import read_config_file
from src.dataset.annotations import Report, clean_boxes
from src.dataset.formats.annotated_images import records_of
from src.dataset.formats.coco import read_coco
from src.dataset.formats.cvat import read_cvat
from src.dataset.formats.label_studio import read_label_studio
from src.dataset.formats.labelme import read_labelme
from src.dataset.formats.txt import read_txt
from src.dataset.formats.voc import VocLayout, find_layout, read_voc
from src.dataset.formats.yolo import look_for_yolo
from src.evaluation.ground_truth import read_ground_truth
from src.utils.errors import UserError
from src.utils.files import write_json
from tests.hostile.annotation_cases import (
    COCO,
    CVAT,
    LABEL_STUDIO,
    LABELME,
    SPLIT,
    TXT,
    VOC,
    YAML,
    YOLO,
    YOLO_DATA,
    coco,
)
from tests.hostile.special_files import names_below
from tests.support.samples import CLASSES, in_pixels, voc_xml, write_image

IMAGE_SIZE = 60, 80
LONGEST_MESSAGE = 1500
MOST_MEMORY = 100 << 20  # of a configuration, bytes


def cases(table):
    return pytest.mark.parametrize("case", table, ids=lambda case: case.name)


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    """A folder of images; the test fails if anything but what it makes itself is new in the end."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    return tmp_path


def check(case, read, folder):
    """Reads once and compares with the table; returns the report."""
    before, report = names_below(folder), Report()
    if case.error:
        with pytest.raises(UserError, match=case.error) as caught:
            read(report)
        assert len(str(caught.value)) < LONGEST_MESSAGE
        assert str(caught.value).isprintable()
        return None
    records = read(report)
    boxes = [len(clean_boxes(record.pixel_boxes, *IMAGE_SIZE, len(CLASSES), report, record.path)) for record in records]
    assert (len(records), sum(boxes), dict(report.counts)) == (case.records, case.boxes, case.counts)
    assert names_below(folder) == before
    written = folder / "report.json"
    write_json(written, report.to_dict())
    assert json.loads(written.read_text(encoding="utf-8")) == report.to_dict()
    assert written.stat().st_size < 20_000
    return records


@cases(COCO)
def test_coco(case, dataset):
    case.make(dataset / "instances.json")
    check(case, lambda report: read_coco(dataset / "instances.json", dataset / "images", CLASSES, report), dataset)


@cases(COCO)
def test_coco_as_ground_truth(case, dataset, caplog):
    """The evaluator refuses what the conversion leaves out; nothing else may come out of it."""
    case.make(dataset / "instances.json")
    caplog.set_level(logging.INFO)
    try:
        ground_truth = read_ground_truth(dataset / "instances.json", CLASSES)
    except UserError as error:
        assert len(str(error)) < LONGEST_MESSAGE and str(error).isprintable()
    else:
        assert ground_truth.images
    assert all(len(record.getMessage()) < LONGEST_MESSAGE for record in caplog.records)


@cases(VOC)
def test_voc(case, dataset):
    (dataset / "images" / "a.jpg").write_bytes(b"")
    (dataset / "annotations").mkdir()
    case.make(dataset / "annotations" / "a.xml")
    check(case, lambda report: read_voc(VocLayout(dataset / "images", dataset / "annotations"), CLASSES, report),
          dataset)


@cases(SPLIT)
def test_lists_of_voc(case, dataset):
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (dataset / name).mkdir(parents=True)
    (dataset / "JPEGImages" / "a.jpg").write_bytes(b"")
    (dataset / "Annotations" / "a.xml").write_text(voc_xml([("cat", 11, 6, 31, 36)]))
    case.make(dataset / "ImageSets" / "Main" / "train.txt")
    check(case, lambda report: read_voc(find_layout(dataset, True, ""), CLASSES, report), dataset)


@cases(TXT)
def test_txt(case, dataset):
    case.make(dataset / "list.txt")
    check(case, lambda report: read_txt(dataset / "list.txt", dataset / "images", report), dataset)


def read_yolo_folder(folder, report):
    parts = look_for_yolo(folder, CLASSES)
    return in_pixels(parts["training"].read(report), IMAGE_SIZE) if parts else []


@cases(YOLO)
def test_yolo(case, dataset):
    write_image(dataset / "images" / "a.png")
    (dataset / "data.yaml").write_text("names: [cat, dog]\ntrain: images")
    case.make(dataset / "images" / "a.txt")
    check(case, lambda report: read_yolo_folder(dataset, report), dataset)


@cases(YOLO_DATA)
def test_descriptions_of_yolo(case, dataset):
    write_image(dataset / "images" / "a.png")
    (dataset / "images" / "a.txt").write_text("0 0.25 0.5 0.25 0.5\n")
    case.make(dataset / "data.yaml")
    check(case, lambda report: read_yolo_folder(dataset, report), dataset)


@cases(LABELME)
def test_labelme(case, dataset):
    (dataset / "images" / "a.png").write_bytes(b"")
    case.make(dataset / "images" / "a.json")
    check(case, lambda report: read_labelme(dataset / "images", ["a.json"], CLASSES, report), dataset)


@cases(CVAT)
def test_cvat(case, dataset):
    case.make(dataset / "annotations.xml")
    check(case, lambda report: records_of(read_cvat(dataset / "annotations.xml", CLASSES, report), dataset, report),
          dataset)


@cases(LABEL_STUDIO)
def test_label_studio(case, dataset):
    case.make(dataset / "tasks.json")
    check(case, lambda report: records_of(read_label_studio(dataset / "tasks.json", CLASSES, report), dataset, report),
          dataset)


@cases(YAML)
def test_yaml(case, dataset):
    case.make(dataset / "mine.yaml")
    before = names_below(dataset)
    tracemalloc.start()
    with pytest.raises(UserError, match=case.error) as caught:
        load_config([f"--config_path={dataset / 'mine.yaml'}"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MOST_MEMORY
    assert len(str(caught.value)) < LONGEST_MESSAGE
    assert names_below(dataset) == before


def test_a_configuration_through_a_pipe_of_the_shell(tmp_path):
    """`--config_path=<(COMMAND)` names a pipe, which is read."""
    reading, writing = os.pipe()
    os.write(writing, b"lr: 0.125\n")
    os.close(writing)
    settings, _ = read_config_file(f"/dev/fd/{reading}")
    os.close(reading)
    assert settings["lr"][0] == 0.125


def test_a_json_file_larger_than_the_memory(dataset, monkeypatch):
    coco()(dataset / "instances.json")
    memory = type("Memory", (), {"available": 99})
    monkeypatch.setattr("src.utils.safe_io.psutil.virtual_memory", lambda: memory)
    with pytest.raises(UserError, match=r"instances\.json cannot be read as COCO json: it needs about"):
        read_coco(dataset / "instances.json", dataset, CLASSES, Report())


def test_small_values_that_become_large_in_memory(dataset, monkeypatch):
    """A file of empty lists takes twenty times its size."""
    (dataset / "instances.json").write_text("[" + "[]," * 100_000 + "[]]")
    memory = type("Memory", (), {"available": 3_000_000})
    monkeypatch.setattr("src.utils.safe_io.psutil.virtual_memory", lambda: memory)
    monkeypatch.setattr("src.utils.safe_io.SMALL_JSON", 1000)
    with pytest.raises(UserError, match=r"it needs about \d+ MB of memory"):
        read_coco(dataset / "instances.json", dataset, CLASSES, Report())


@pytest.mark.parametrize("name", ["bild-\udce4.png", "\033[2J.png"])
def test_odd_file_names_are_written_and_shown(dataset, name):
    """Names that are no UTF-8, or that would paint the terminal."""
    report = Report()
    report.add("reason", dataset / name)
    path = dataset / "report.json"
    write_json(path, {"names": [name], **report.to_dict()})
    content = json.loads(path.read_bytes())
    assert content["names"] == [name]
    example, = content["left_out"]["reason"]["examples"]
    assert example.isprintable() and re.search(r"\\udce4|\\x1b", example)
