"""Annotations in the COCO json format."""
import json
import math
from pathlib import Path

from src.dataset.annotations import BAD_BOX, ORPHAN, UNKNOWN_CLASS, ImageRecord, box_array
from src.model_utils.errors import UserError


def _load(annotation_file):
    try:
        with open(annotation_file, encoding="utf-8") as stream:
            content = json.load(stream)
    except (OSError, ValueError) as error:
        raise UserError(f"{annotation_file} cannot be read as COCO json: {error}") from error
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise UserError(f"{annotation_file} is not an instances file of COCO: it has no list '{key}'.")
    return content


def coco_box(bbox):
    """COCO `x, y, width, height` -> `[ymin, xmin, ymax, xmax]`, corners rounded half to even.

    Raises:
        ValueError: not four finite numbers.
    """
    if not isinstance(bbox, list) or len(bbox) != 4:
        raise ValueError(f"not a box: {bbox!r}")
    numbers = [value for value in bbox if isinstance(value, (int, float)) and math.isfinite(value)]
    if len(numbers) != 4:
        raise ValueError(f"not a box: {bbox!r}")
    x, y, width, height = numbers
    return [round(y), round(x), round(y + height), round(x + width)]


def read_coco(annotation_file, image_dir, classes, report):
    """Records of all images of a COCO file, in the order of its `images` list.

    Boxes keep the order of the file; crowd boxes are boxes like any other. A label is the position of the category's
    name in `classes` (0 is the background).

    Raises:
        UserError: no COCO file, an image without integer id or name, or an id that two images share.
    """
    content = _load(annotation_file)
    label_of_name = {name: label for label, name in enumerate(classes) if label > 0}
    try:
        name_of_category = {category["id"]: category["name"] for category in content["categories"]}
        boxes_of_image = {image["id"]: [] for image in content["images"]}
        _collect_boxes(content["annotations"], boxes_of_image, name_of_category, label_of_name, report)
        if len(boxes_of_image) != len(content["images"]):
            raise UserError(f"{annotation_file}: two entries of 'images' have the same id.")
        return [_record(image, image_dir, boxes_of_image) for image in content["images"]]
    except (KeyError, TypeError) as error:
        raise UserError(f"{annotation_file}: an entry lacks a field or has a wrong type ({error!r}); expected are "
                        "images with id and file_name, categories with id and name, annotations with image_id, "
                        "category_id and bbox.") from error


def _collect_boxes(annotations, boxes_of_image, name_of_category, label_of_name, report):
    for annotation in annotations:
        where = f"annotation {annotation.get('id')} of image {annotation['image_id']}"
        name = name_of_category.get(annotation["category_id"], f"category {annotation['category_id']}")
        report.classes[name] += 1
        if annotation["image_id"] not in boxes_of_image:
            report.add(ORPHAN, where)
        elif name not in label_of_name:
            report.add(UNKNOWN_CLASS, f"{where}: {name}")
        else:
            try:
                box = coco_box(annotation["bbox"])
            except ValueError as error:
                report.add(BAD_BOX, f"{where}: {error}")
            else:
                boxes_of_image[annotation["image_id"]].append([*box, label_of_name[name]])


def _record(image, image_dir, boxes_of_image):
    if not isinstance(image["id"], int):
        raise TypeError(f"image id {image['id']!r} is no integer")
    size = None
    if isinstance(image.get("height"), int) and isinstance(image.get("width"), int):
        size = (image["height"], image["width"])
    return ImageRecord(image["id"], str(Path(image_dir) / image["file_name"]), box_array(boxes_of_image[image["id"]]),
                       size)
