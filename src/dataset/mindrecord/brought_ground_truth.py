"""The ground truth that a dataset brings, where it cannot be used as it is.

Some boxes may be annotated on pixels that lie on their side, or only some of the images are evaluated.
"""
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from src.boxes.box_ops import tlbr_to_xywh, xywh_to_tlbr
from src.dataset.annotations import TURNED_WITH_BOXES, ImageRecord
from src.dataset.exif import turn_boxes
from src.dataset.formats.coco import coco_box, read_coco_json
from src.dataset.images import ImageHeader, read_image_header
from src.dataset.read_images import usage_of
from src.utils.errors import UserError
from src.utils.files import write_json


def write_turned_ground_truth(path: Path, annotation_file: Path, records: Sequence[ImageRecord]) -> None:
    """Writes a copy of a COCO json whose boxes are all of upright images, without outlines.

    Args:
        path: the new file.
        annotation_file: what the dataset brought; it was read before, without an error.
        records: its images.
    """
    write_json(path, _upright(read_coco_json(annotation_file), records), indent=None)


def write_shared_ground_truth(path: Path, annotation_file: Path, records: Sequence[ImageRecord], are_turned: bool
                              ) -> None:
    """The same with nothing but these images, and without the annotations that the reader of the boxes leaves out.

    Categories are numbered anew, since some programs write their ids as text.

    Args:
        path, annotation_file, records: as above.
        are_turned: some of the boxes have to be turned; otherwise no image is opened.
    """
    content = read_coco_json(annotation_file)
    images = {record.image_id for record in records}
    numbers = {category["id"]: number for number, category in enumerate(content["categories"], 1)}
    part = {
        **content,
        "images": [{**image, "id": int(image["id"])} for image in content["images"] if image["id"] in images],
        "annotations": [{**one, "image_id": int(one["image_id"]), "category_id": numbers[one["category_id"]]}
                        for one in content["annotations"]
                        if one["image_id"] in images and one["category_id"] in numbers and _has_box(one)],
        "categories": [{**category, "id": numbers[category["id"]]} for category in content["categories"]],
    }
    write_json(path, _upright(part, records) if are_turned else part, indent=None)


def _has_box(annotation: dict[str, Any]) -> bool:
    try:
        return bool(coco_box(annotation.get("bbox")))
    except ValueError:
        return False


def _upright(content: dict[str, Any], records: Sequence[ImageRecord]) -> dict[str, Any]:
    turned = {record.image_id: header for record in records if (header := _turned_with_boxes(record))}
    images = [{**image, "height": turned[image["id"]].upright_size[0], "width": turned[image["id"]].upright_size[1]}
              if image["id"] in turned else image for image in content["images"]]
    annotations = [_turned(one, turned[one["image_id"]]) if one.get("image_id") in turned else one
                   for one in content["annotations"]]
    return {**content, "images": images, "annotations": annotations}


def _turned_with_boxes(record: ImageRecord) -> ImageHeader | None:
    """The header of an image that is turned with its boxes; None for others."""
    try:
        header = read_image_header(record.path)
    except UserError:  # the conversion has left it out
        return None
    return header if usage_of(header, record).turned == TURNED_WITH_BOXES else None


def _turned(annotation: dict[str, Any], header: ImageHeader) -> dict[str, Any]:
    """The annotation with its box turned; one whose box cannot be read stays, for the evaluation to tell."""
    try:
        box = xywh_to_tlbr(np.array(annotation["bbox"], np.float64).reshape(1, 4))
    except (KeyError, TypeError, ValueError):
        return annotation
    turned = tlbr_to_xywh(turn_boxes(box, header.orientation, header.size))[0]
    return {**annotation, "bbox": turned.tolist(), "segmentation": []}
