"""Annotated boxes, to be drawn beside the detections."""
from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from src.boxes.box_ops import xywh_to_tlbr
from src.config import Config
from src.dataset.annotations import ImageRecord
from src.dataset.exif import is_upright
from src.dataset.images import read_image_header
from src.dataset.read_images import usage_of
from src.dataset.sources import read_annotations
from src.evaluation.ground_truth import Annotation, read_ground_truth
from src.utils.errors import UserError


class AnnotatedBoxes:
    """Boxes by image file: by its path, or else by its name where only one annotated image has that."""

    def __init__(self) -> None:
        self._by_path: dict[Path, tuple[np.ndarray, np.ndarray]] = {}
        self._paths_of_name: dict[str, set[Path]] = {}

    def add(self, path: Path | str, boxes: np.ndarray, labels: np.ndarray) -> None:
        """Adds an image: its path or name; boxes (N, 4) `ymin xmin ymax xmax`, pixels; labels (N,)."""
        place = Path(path).absolute()
        self._by_path[place] = boxes, labels
        self._paths_of_name.setdefault(place.name, set()).add(place)

    def find(self, path: Path | str) -> tuple[np.ndarray, np.ndarray] | None:
        """Boxes and labels of an image, None where it is not annotated."""
        place = Path(path).absolute()
        of_name = self._paths_of_name.get(place.name, set())
        return self._by_path.get(next(iter(of_name)) if len(of_name) == 1 else place)


def find_annotated_boxes(
    show_gt: bool | str | None, config: Config | None, classes: Sequence[str], images: Sequence[Path]
) -> AnnotatedBoxes | None:
    """The annotations that `--show_gt` asks for.

    Args:
        show_gt: path of a COCO annotation file, or True for the dataset of the configuration; otherwise there are none.
        config: the configuration; None where the user has named none.
        classes: names of the detector, index = label.
        images: the images that are going to be drawn.
    """
    if not show_gt:
        return None
    if show_gt is not True:
        return read_annotated_boxes(show_gt, classes, images)
    if config is None:
        raise UserError("--show_gt: which annotations? Name a configuration with its dataset, --config_path=FILE, or a "
                        "COCO annotation file, --show_gt=FILE")
    return dataset_annotated_boxes(config, images)


def read_annotated_boxes(path: Path | str, classes: Sequence[str], images: Sequence[Path]) -> AnnotatedBoxes:
    """The boxes of a COCO annotation file.

    Args:
        path: the file.
        classes: names of the detector, index = label.
        images: the images that are going to be drawn.

    Raises:
        UserError: the file is none, or has annotations of none of the images.
    """
    ground_truth = read_ground_truth(path, classes)
    label_of = {category_id: label for label, category_id in ground_truth.category_ids.items()}
    of_image: dict[int, list[Annotation]] = {image_id: [] for image_id in ground_truth.images}
    for box in ground_truth.boxes:
        of_image[box["image_id"]].append(box)
    annotated = AnnotatedBoxes()
    for image_id, name in ground_truth.images.items():
        xywh = np.array([box["bbox"] for box in of_image[image_id]], np.float64).reshape(-1, 4)
        labels = np.array([label_of[box["category_id"]] for box in of_image[image_id]], np.int64)
        annotated.add(name, xywh_to_tlbr(xywh), labels)
    return _checked(annotated, images, str(path))


def dataset_annotated_boxes(config: Config, images: Sequence[Path]) -> AnnotatedBoxes:
    """The boxes of the dataset of the configuration.

    Args:
        config: the configuration.
        images: the images that are going to be drawn. The training data are read only if the evaluation data do not
            have all of them.

    Raises:
        UserError: the dataset has annotations of none of the images.
    """
    annotated = AnnotatedBoxes()
    _add_records(annotated, read_annotations(config, is_training=False), images, is_upright(config))
    if any(annotated.find(path) is None for path in images):
        _add_records(annotated, read_annotations(config, is_training=True), images, is_upright(config))
    return _checked(annotated, images, "the dataset of the configuration")


def _add_records(annotated: AnnotatedBoxes, records: Iterable[ImageRecord], images: Sequence[Path], upright: bool
                 ) -> None:
    names = {path.name for path in images}
    for record in records:
        boxes = record.pixel_boxes
        if Path(record.path).name in names:  # of others, nobody asks
            with contextlib.suppress(UserError):
                boxes = usage_of(read_image_header(record.path), record, upright).record.pixel_boxes
        annotated.add(record.path, boxes[:, :4], boxes[:, 4])


def _checked(annotated: AnnotatedBoxes, images: Sequence[Path], where: str) -> AnnotatedBoxes:
    if images and all(annotated.find(path) is None for path in images):
        raise UserError(f"--show_gt: {where} has annotations of none of these images, such as {images[0]}")
    return annotated
