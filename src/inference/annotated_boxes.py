"""Annotated boxes, to be drawn beside the detections."""
from pathlib import Path

import numpy as np

from src.boxes.box_ops import xywh_to_tlbr
from src.dataset.sources import read_annotations
from src.evaluation.ground_truth import read_truth
from src.utils.errors import UserError


class AnnotatedBoxes:
    """Boxes by image file: by its path, or else by its name where only one annotated image has that."""

    def __init__(self):
        self._by_path, self._by_name = {}, {}

    def add(self, path, boxes, labels):
        """Adds an image: its path or name; boxes (N, 4) `ymin xmin ymax xmax`, pixels; labels (N,)."""
        self._by_path[Path(path).absolute()] = boxes, labels
        self._by_name.setdefault(Path(path).name, []).append((boxes, labels))

    def find(self, path):
        """Boxes and labels of an image, None where it is not annotated."""
        of_name = self._by_name.get(Path(path).name, [])
        return self._by_path.get(Path(path).absolute(), of_name[0] if len(of_name) == 1 else None)


def create_truth(config, has_config, wanted, classes, paths):
    """The annotations that `--show_gt` asks for.

    Args:
        config: the configuration, whose dataset is taken if `wanted` names no file.
        has_config: whether the user has named it.
        wanted: path of a COCO annotation file, or True for the dataset of the configuration; otherwise there is none.
        classes: names of the detector, index = label.
        paths: the images that are going to be drawn.

    Returns:
        `AnnotatedBoxes`, or None.
    """
    if not wanted:
        return None
    if wanted is True and not has_config:
        raise UserError("--show_gt: which annotations? Name a configuration with its dataset, --config_path=FILE, or a "
                        "COCO annotation file, --show_gt=FILE")
    if wanted is not True:
        truth = _read_coco(wanted, classes)
    else:
        truth = _read_records(read_annotations(config, is_training=False), AnnotatedBoxes())
        if any(truth.find(path) is None for path in paths):  # reading the larger part takes longer
            truth = _read_records(read_annotations(config, is_training=True), truth)
    if paths and all(truth.find(path) is None for path in paths):
        where = wanted if wanted is not True else "the dataset of the configuration"
        raise UserError(f"--show_gt: {where} has annotations of none of these images, such as {paths[0]}")
    return truth


def _read_records(records, truth):
    for record in records:
        truth.add(record.path, record.pixel_boxes[:, :4], record.pixel_boxes[:, 4])
    return truth


def _read_coco(path, classes):
    content = read_truth(path, classes)
    label_of = {category_id: label for label, category_id in content.category_ids.items()}
    of_image = {image_id: [] for image_id in content.images}
    for box in content.boxes:
        of_image[box["image_id"]].append([*box["bbox"], label_of[box["category_id"]]])
    truth = AnnotatedBoxes()
    for image_id, name in content.images.items():
        rows = np.array(of_image[image_id], np.float64).reshape(-1, 5)
        truth.add(name, xywh_to_tlbr(rows[:, :4]), rows[:, 4].astype(np.int64))
    return truth
