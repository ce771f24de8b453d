"""What is fuzzed: bytes as the file of each parser.

A target may end well, with a `UserError`, or with a report of what was left out. Everything else is a fault; so is a
message that fills the screen, a record that does not hold what its docstring says, and a result that cannot be written.
"""
import contextlib
import json

import numpy as np

from src.config.loader import format_config, load_config
from src.dataset.annotations import Report, clean_boxes
from src.dataset.formats.annotated_images import records_of
from src.dataset.formats.coco import coco_ground_truth, look_for_coco, read_coco
from src.dataset.formats.cvat import look_for_cvat, read_cvat
from src.dataset.formats.label_studio import look_for_label_studio, read_label_studio
from src.dataset.formats.labelme import look_for_labelme, read_labelme
from src.dataset.formats.txt import read_txt
from src.dataset.formats.voc import read_voc
from src.dataset.formats.voc_layout import VocLayout
from src.dataset.formats.yolo import look_for_yolo
from src.evaluation.ground_truth import read_ground_truth
from src.utils.errors import UserError
from src.utils.files import write_json
from tests.support.samples import CLASSES, in_pixels, write_image

IMAGE_SIZE = 60, 80
LONGEST_MESSAGE = 12_000


@contextlib.contextmanager
def only_clear_errors():
    try:
        yield
    except UserError as error:
        assert 0 < len(str(error)) < LONGEST_MESSAGE, "an empty or endless message"


def coco(folder, data):
    path = folder / "instances.json"
    path.write_bytes(data)
    with only_clear_errors():
        look_for_coco(folder, CLASSES)
        report = Report()
        check(read_coco(path, folder / "images", CLASSES, report), report, folder)
    with only_clear_errors():
        ground_truth = read_ground_truth(path, CLASSES)
        areas = np.array([box["area"] for box in ground_truth.boxes], np.float64)
        assert np.isfinite(areas).all() and set(ground_truth.clean_images) <= set(ground_truth.images)
        np.array(list(ground_truth.images), np.int64)


def voc(folder, data):
    (folder / "a.xml").write_bytes(data)
    (folder / "a.jpg").touch()
    with only_clear_errors():
        report = Report()
        check(read_voc(VocLayout(folder, folder), CLASSES, report), report, folder)


def txt(folder, data):
    (folder / "list.txt").write_bytes(data)
    with only_clear_errors():
        report = Report()
        check(read_txt(folder / "list.txt", folder / "images", report), report, folder)


def yolo(folder, data):
    make_yolo(folder)
    (folder / "images" / "a.txt").write_bytes(data)
    check_yolo(folder)


def yolo_data(folder, data):
    make_yolo(folder)
    (folder / "data.yaml").write_bytes(data)
    check_yolo(folder)


def make_yolo(folder):
    """A dataset of one image."""
    if not (folder / "images" / "a.png").exists():
        write_image(folder / "images" / "a.png", *IMAGE_SIZE)
        (folder / "images" / "a.txt").write_text("0 0.25 0.5 0.25 0.5")
        (folder / "list.txt").write_text("images/a.png\n")
        (folder / "data.yaml").write_text("names: [cat, dog]\ntrain: images")


def check_yolo(folder):
    with only_clear_errors():
        for source in look_for_yolo(folder, CLASSES).values():
            report = Report()
            check(in_pixels(source.read(report), IMAGE_SIZE), report, folder)


def labelme(folder, data):
    (folder / "a.json").write_bytes(data)
    (folder / "a.png").touch()
    with only_clear_errors():
        look_for_labelme(folder, CLASSES)
        report = Report()
        check(read_labelme(folder, ["a.json"], CLASSES, report), report, folder)


def cvat(folder, data):
    check_export(folder / "annotations.xml", data, look_for_cvat, read_cvat)


def label_studio(folder, data):
    check_export(folder / "tasks.json", data, look_for_label_studio, read_label_studio)


def check_export(path, data, look, read):
    """A format with many images in a file."""
    path.write_bytes(data)
    with only_clear_errors():
        look(path.parent, CLASSES)
        report = Report()
        check(records_of(read(path, CLASSES, report), path.parent, report), report, path.parent)


def yaml(folder, data):
    path = folder / "config.yaml"
    path.write_bytes(data)
    with only_clear_errors():
        config = load_config([f"--config_path={path}"])
        path.write_text(format_config(config), encoding="utf-8")
        assert load_config([f"--config_path={path}"]) == config, "what --print_config shows is another configuration"


def check(records, report, folder):
    """What must hold of all records, whatever they were read from."""
    entries, limits = [], np.tile(IMAGE_SIZE, 2)
    for record in records:
        assert type(record.image_id) is int and -(2**63) <= record.image_id < 2**63
        assert record.pixel_boxes.dtype == np.int32 and record.pixel_boxes.shape == (len(record.pixel_boxes), 5)
        assert record.path.startswith(str(folder)) and "\0" not in record.path
        boxes = clean_boxes(record.pixel_boxes, *IMAGE_SIZE, len(CLASSES), report, record.path)
        assert (boxes[:, :2] < boxes[:, 2:4]).all() and (boxes[:, :4] >= 0).all() and (boxes[:, :4] <= limits).all()
        assert ((boxes[:, 4] > 0) & (boxes[:, 4] < len(CLASSES))).all()
        entries.append((record.image_id, record.path, *IMAGE_SIZE, record.pixel_boxes))
    assert len({record.image_id for record in records}) == len(records)
    written = folder / "report.json"
    for content in (coco_ground_truth(entries, CLASSES), report.to_dict()):
        write_json(written, content)
        assert json.loads(written.read_text(encoding="utf-8")) == content
    assert len(report.summary()) < LONGEST_MESSAGE


TARGETS = {"coco": coco, "voc": voc, "txt": txt, "yolo": yolo, "yolo_data": yolo_data, "labelme": labelme,
           "cvat": cvat, "label_studio": label_studio, "yaml": yaml}
