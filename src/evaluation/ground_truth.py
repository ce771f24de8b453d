"""The annotation file that detections are compared with."""
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from src.dataset.formats.coco import category_names, integer_of, read_coco_json
from src.utils.errors import UserError
from src.utils.safe_io import shown, shown_list

logger = logging.getLogger(__name__)
# An annotated box as a COCO dictionary.
Annotation = dict[str, Any]
# Numbers that areas can be made of.
_LARGEST_NUMBER = 1e15


@dataclass(frozen=True)
class GroundTruth:
    """The annotations of the classes of a detector.

    Attributes:
        images: file names by image id, in the order of the file.
        boxes: the annotations of known classes as COCO dictionaries (`id`, `image_id`, `category_id`, `bbox` as xmin,
            ymin, width, height in pixels, `area`, `iscrowd`).
        category_ids: category ids by label; labels of classes that the file does not have are missing.
        crowd_images: ids of the images with a crowd annotation, of whatever category.
    """

    images: dict[int, str]
    boxes: tuple[Annotation, ...]
    category_ids: dict[int, int]
    crowd_images: frozenset[int]

    @property
    def clean_images(self) -> list[int]:
        """Ids of the images with a box of a known class and without a crowd annotation, in the order of the file."""
        clean = {box["image_id"] for box in self.boxes} - self.crowd_images
        return [image_id for image_id in self.images if image_id in clean]


def read_ground_truth(annotation_file: Path | str, classes: Sequence[str]) -> GroundTruth:
    """Reads a COCO annotation file.

    Args:
        annotation_file: path of the json file.
        classes: class names, index = label, index 0 is the background.

    Raises:
        UserError: the file is missing or not a COCO annotation file, or has none of the classes.
    """
    content = read_coco_json(annotation_file)
    images = {
        integer_of(image, "id", annotation_file, "images", index): str(image.get("file_name", ""))
        for index, image in enumerate(content["images"])
    }
    if len(images) < len(content["images"]):
        raise UserError(
            f"{annotation_file} lists {len(content['images'])} images with only {len(images)} different ids"
        )
    if not images:
        raise UserError(f"{annotation_file} lists no images: there is nothing to evaluate")
    used = {integer_of(annotation, "category_id", annotation_file, "annotations", index)
            for index, annotation in enumerate(content["annotations"])}
    category_ids = _category_ids(content["categories"], used, classes, annotation_file)

    known = set(category_ids.values())
    boxes: list[Annotation] = []
    crowd_images = set()
    for index, annotation in enumerate(content["annotations"]):
        image_id = integer_of(annotation, "image_id", annotation_file, "annotations", index)
        category_id = integer_of(annotation, "category_id", annotation_file, "annotations", index)
        is_crowd = int(bool(annotation.get("iscrowd", 0)))
        if is_crowd:
            crowd_images.add(image_id)
        if category_id not in known or image_id not in images:
            continue
        bbox = _bbox(annotation, annotation_file, index)
        boxes.append(
            {
                # Numbered anew from 1: pycocotools takes a match with the annotation 0 for no match.
                "id": len(boxes) + 1,
                "image_id": image_id,
                "category_id": category_id,
                "bbox": bbox,
                "area": annotation["area"] if _is_number(annotation.get("area")) else bbox[2] * bbox[3],
                "iscrowd": is_crowd,
            }
        )
    return GroundTruth(images, tuple(boxes), category_ids, frozenset(crowd_images))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) <= _LARGEST_NUMBER  # not a number is not smaller either


def _bbox(annotation: Annotation, annotation_file: Path | str, index: int) -> list[float]:
    bbox = annotation.get("bbox")
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(map(_is_number, bbox)):
        raise UserError(
            f"{annotation_file}: annotations[{index}] has bbox {shown(repr(bbox))}, expected four numbers x, y, width, "
            "height: write them, or delete the annotation"
        )
    return bbox


def _category_ids(
    categories: Sequence[dict[str, Any]], used: Collection[int], classes: Sequence[str], annotation_file: Path | str
) -> dict[int, int]:
    for index, category in enumerate(categories):
        integer_of(category, "id", annotation_file, "categories", index)
        if not isinstance(category.get("name"), str):
            raise UserError(f"{annotation_file}: categories[{index}] has the name {shown(repr(category.get('name')))}, "
                            "expected a text")
    names = category_names(categories, used, annotation_file)
    by_name = {name: int(category_id) for category_id, name in names.items()}

    category_ids = {label: by_name[name] for label, name in enumerate(classes) if label and name in by_name}
    available = shown_list(by_name) or "none"
    if not category_ids:
        raise UserError(
            f"{annotation_file} has none of the classes {', '.join(classes[1:]) or '(none)'}; its categories are: "
            f"{available}. Set `classes` (background first) to the names of the file"
        )
    missing = [name for name in classes[1:] if name not in by_name]
    if missing:
        logger.warning("%s has no category for these classes, they are not evaluated: %s; its categories are: %s",
                       annotation_file, ", ".join(missing), available)
    unknown = sorted(set(by_name) - set(classes))
    if unknown:
        logger.info("categories of %s that are no classes of the model and are left out: %s",
                    annotation_file, shown_list(unknown))
    return category_ids
