"""Formats as another program reads and writes them: https://github.com/laclouis5/globox."""
from pathlib import Path

import numpy as np
import pytest
from globox import Annotation, AnnotationSet, BoundingBox

from src.dataset.annotations import TRAINING, Report
from src.dataset.convert import FolderConfig, convert
from src.dataset.found_data import with_found_data
from src.dataset.sources import find_parts
from tests.support.samples import in_pixels, write_image

SIZE = 97, 131  # height, width
NAMES = ("cat", "dog")


def random_boxes(number):
    """Some `(xmin, ymin, xmax, ymax, name)` within the image; none for the first image."""
    rng = np.random.default_rng(number)
    corners = rng.integers(0, (SIZE[1] - 8, SIZE[0] - 8), (number % 5, 2))
    sides = rng.integers(1, 8, (number % 5, 2))
    return [(*corner.tolist(), *(corner + side).tolist(), NAMES[side[0] % 2]) for corner, side in zip(corners, sides)]


BOXES = {f"{number}.png": random_boxes(number) for number in range(12)}


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "own"
    for number, name in enumerate(BOXES):
        write_image(folder / name, *SIZE, seed=number)
    return folder


def globox_set(offset=0):
    return AnnotationSet(Annotation(image_id=name, image_size=SIZE[::-1], boxes=[
        BoundingBox(label=box[4], xmin=box[0] + offset, ymin=box[1] + offset, xmax=box[2] + offset,
                    ymax=box[3] + offset) for box in boxes]) for name, boxes in BOXES.items())


def save_yolo(folder):
    globox_set().save_yolo_v5(folder, label_to_id={name: number for number, name in enumerate(NAMES)})
    (folder / "classes.txt").write_text("\n".join(NAMES))


SAVE = {
    "labelme": lambda folder: globox_set().save_labelme(folder),
    "cvat": lambda folder: globox_set().save_cvat(folder / "annotations.xml"),
    "coco": lambda folder: globox_set().save_coco(folder / "all.json", auto_ids=True),
    "voc": lambda folder: globox_set(1).save_pascal_voc(folder),  # VOC counts pixels from 1
    "yolo": save_yolo,
}


@pytest.mark.parametrize("kind", SAVE)
def test_what_globox_wrote(images, kind):
    SAVE[kind](images)
    config = with_found_data(FolderConfig(str(images)))
    assert config.dataset == kind
    records = in_pixels(find_parts(config)[1][TRAINING].read(Report()))
    assert {Path(record.path).name: sorted((xmin, ymin, xmax, ymax, config.classes[label])
                                           for ymin, xmin, ymax, xmax, label in record.pixel_boxes.tolist())
            for record in records} == {name: sorted(boxes) for name, boxes in BOXES.items()}


@pytest.mark.parametrize(("kind", "read", "offset"), [
    ("coco", lambda folder: AnnotationSet.from_coco(folder / "annotations/instances_train.json"), 0),
    ("voc", lambda folder: AnnotationSet.from_pascal_voc(folder / "train/Annotations"), 1),
    ("yolo", lambda folder: AnnotationSet.from_yolo_v5(
        folder / "labels/train", image_folder=folder / "images/train", image_extension=".png"), 0)])
def test_what_globox_reads(images, tmp_path, kind, read, offset):
    SAVE["cvat"](images)
    convert(FolderConfig(str(images)), kind, tmp_path / "out")
    names = {str(number): name for number, name in enumerate(NAMES)} if kind == "yolo" else {}
    found = {annotation.image_id: sorted(
        (*(round(side) - offset for side in (box.xmin, box.ymin, box.xmax, box.ymax)), names.get(box.label, box.label))
        for box in annotation.boxes) for annotation in read(tmp_path / "out")}
    assert found == {name: sorted(boxes) for name, boxes in BOXES.items()}
