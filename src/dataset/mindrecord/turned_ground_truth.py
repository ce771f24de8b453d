"""The ground truth that a dataset brings, where some of its boxes are annotated on pixels that lie on their side."""
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from src.boxes.box_ops import tlbr_to_xywh, xywh_to_tlbr
from src.dataset.annotations import TURNED_WITH_BOXES, ImageRecord
from src.dataset.coco import read_coco_json
from src.dataset.exif import turn_boxes
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
    content = read_coco_json(annotation_file)
    turned = {record.image_id: header for record in records if (header := _turned_with_boxes(record))}
    images = [{**image, "height": turned[image["id"]].upright_size[0], "width": turned[image["id"]].upright_size[1]}
              if image["id"] in turned else image for image in content["images"]]
    annotations = [_turned(one, turned[one["image_id"]]) if one.get("image_id") in turned else one
                   for one in content["annotations"]]
    write_json(path, {**content, "images": images, "annotations": annotations}, indent=None)


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
