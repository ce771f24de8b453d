"""Annotations in the COCO json format: reading, and writing of the ground truth of other formats."""
import contextlib
import functools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from src.boxes.box_ops import tlbr_to_xywh
from src.dataset.annotations import (
    BAD_BOX,
    FOREIGN_IMAGE,
    IN_OTHER_PART,
    ORPHAN,
    UNKNOWN_CLASS,
    AnnotationFormat,
    AnnotationSource,
    FormatKeys,
    ImageRecord,
    Report,
    box_array,
    has_area,
    usual_evaluation_part,
)
from src.dataset.formats.coco_layout import CocoPart, find_coco_parts
from src.dataset.formats.open_classes import labels_of
from src.dataset.formats.shared_images import Place, claims, place_of_one
from src.dataset.paths import existing_file, existing_folder, file_of_part, path_below, resolve_path
from src.utils.errors import UserError
from src.utils.safe_io import read_json, reason_of_reading, shown, shown_list, without_garbage_collection

MAX_IMAGE_ID = 2**63 - 1  # of MindRecord
COCO_LISTS = ("images", "annotations", "categories")


def find_coco(config: Any, is_training: bool) -> AnnotationSource:
    """The annotation file and the image folder of training or evaluation, both below `coco_root`."""
    root = resolve_path(config.coco_root, config.data_path, "coco_root")
    key = "train_data_type" if is_training else "val_data_type"
    part = getattr(config, key)
    # With an absolute instances_set, coco_root may name the images themselves, as the Model Zoo's ONNX example does.
    names_images = root.name == part and not (root / part).is_dir()
    image_dir = existing_folder(root if names_images else root / part, f"image folder (coco_root with {key})")
    annotation_file = find_annotation_file(config, is_training)
    return _source(CocoPart(annotation_file, image_dir), config.classes)


def _source(part: CocoPart, classes: tuple[str, ...], others: Sequence[CocoPart] = ()) -> AnnotationSource:
    def read(report: Report) -> list[ImageRecord]:
        records = read_coco(part.annotation_file, part.image_dir, classes, report, part.place, others)
        if part.is_named:
            return records
        in_parts = _claims_of(others).keys()
        for record in records:
            if record.path in in_parts:
                report.add(IN_OTHER_PART, record.path)
        return [record for record in records if record.path not in in_parts]

    return AnnotationSource("coco", part.image_dir, [part.annotation_file], read, part.annotation_file)


def look_for_coco(folder: Path, classes: tuple[str, ...]) -> dict[str, AnnotationSource]:
    """As `AnnotationFormat.look`, see `find_coco_parts`."""
    parts = find_coco_parts(folder)
    return {purpose: _source(part, classes, [other for other in parts.values() if other != part])
            for purpose, part in parts.items()}


def find_annotation_file(config: Any, is_training: bool) -> Path:
    """The annotation file of training or evaluation below `coco_root`."""
    root = resolve_path(config.coco_root, config.data_path, "coco_root")
    key = "train_data_type" if is_training else "val_data_type"
    return existing_file(root / config.instances_set.replace("{}", getattr(config, key)),
                         f"annotation file (coco_root with instances_set and {key})")


def find_evaluation_part(config: Any) -> str:
    """As `FormatKeys.evaluation_part`: a part is there if its folder or its annotation file is."""
    root = resolve_path(config.coco_root, config.data_path, "coco_root")

    def is_there(name: str) -> bool:
        file = root / config.instances_set.replace("{}", name)
        if "{}" not in config.instances_set:  # one name for all parts, at least one of which is another
            file = file_of_part(file, name)
        return (root / name).is_dir() or file.is_file()

    return usual_evaluation_part(config.val_data_type, is_there)


KEYS = FormatKeys(find_coco, root=lambda config, is_training: config.coco_root,
                  part_keys=("train_data_type", "val_data_type"), evaluation_part=find_evaluation_part,
                  ground_truth=lambda config: find_annotation_file(config, is_training=False))
FORMAT = AnnotationFormat("coco", "COCO", "a json file with images, annotations and categories", look_for_coco,
                          keys=KEYS)


def read_coco_json(annotation_file: Path | str) -> dict[str, Any]:
    """Content of a COCO annotation file: a dictionary whose `images`, `annotations` and `categories` are lists of
    dictionaries. What these hold is not checked.

    Raises:
        UserError: the file cannot be read, or is none.
    """
    try:
        content = read_json(annotation_file)
    except OSError as error:
        raise UserError(f"{annotation_file} cannot be read as COCO json: {reason_of_reading(error)}. Check the "
                        "paths of the dataset.") from error
    except ValueError as error:
        raise UserError(f"{annotation_file} cannot be read as COCO json: {error}. It is cut short, or changed by hand: "
                        "copy or export it again.") from error
    for key in COCO_LISTS:
        entries = content.get(key) if isinstance(content, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise UserError(f"{annotation_file} is not an instances file of COCO: it has no list '{key}' of objects. "
                            f"Expected is an object with the lists {', '.join(COCO_LISTS)}.")
    return content


def whole_number(value: Any) -> int:
    """An id as an integer. Whole floats are taken too: programs write a column of ids with gaps as 1.0, 2.0.

    Raises:
        ValueError: it is no integer of 64 bits.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or abs(value) > MAX_IMAGE_ID:  # True and False are int too
        raise ValueError(f"{value!r} is no integer of 64 bits")
    return value


def integer_of(entry: dict[str, Any], key: str, annotation_file: Path | str, where: str, index: int) -> int:
    """The integer `key` of the entry `where[index]` of a file; a `UserError` names them where it is none."""
    try:
        return whole_number(entry.get(key))
    except ValueError:
        raise UserError(f"{annotation_file}: {where}[{index}] has {key} {shown(repr(entry.get(key)))}, expected an "
                        "integer of 64 bits: ids are numbers without quotes") from None


def category_names(categories: Sequence[dict[str, Any]], used: Collection[Any], annotation_file: Path | str
                   ) -> dict[Any, str]:
    """Names by category id.

    Of several categories of one name, those without boxes are left out: some programs write a root category that has
    the name of another.

    Args:
        categories: the list of the file.
        used: category ids of its boxes.
        annotation_file: for the messages.

    Raises:
        UserError: two categories have the same id, or have boxes and the same name.
        KeyError, TypeError: a category lacks a field, or has one of a wrong type.
    """
    names = {_id(category["id"]): _text(category["name"]) for category in categories}
    if len(names) != len(categories):
        raise UserError(f"{annotation_file}: two entries of 'categories' have the same id.")
    for name in [name for name, count in Counter(names.values()).items() if count > 1]:
        same = [category_id for category_id in names if names[category_id] == name]
        with_boxes = [category_id for category_id in same if category_id in used]
        if len(with_boxes) > 1:
            raise UserError(f"{annotation_file} has boxes of two categories of the name '{shown(name)}', with the ids "
                            f"{shown_list(with_boxes)}: give the categories different names, or their boxes one id.")
        for category_id in set(same) - set(with_boxes or same[:1]):
            del names[category_id]
    return names


def coco_box(bbox: object) -> list[int]:
    """COCO `x, y, width, height` -> `[ymin, xmin, ymax, xmax]`, corners rounded half to even.

    Raises:
        ValueError: not four finite numbers.
    """
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(isinstance(value, (int, float)) for value in bbox):
        raise ValueError(f"not a box: {bbox!r}")
    x, y, width, height = bbox
    try:
        return [round(y), round(x), round(y + height), round(x + width)]
    except (ValueError, OverflowError) as error:  # not a number, infinite
        raise ValueError(f"not a box: {bbox!r}") from error


@without_garbage_collection()
def read_coco(annotation_file: Path | str, image_dir: Path, classes: Sequence[str], report: Report,
              place: Place = path_below, others: Sequence[CocoPart] = ()) -> list[ImageRecord]:
    """Records of the images of a COCO file, in the order of its `images` list, without those outside `image_dir`.

    Boxes keep the order of the file; crowd boxes are boxes like any other. A label is the position of the category's
    name in `classes` (0 is the background).

    Args:
        place: (image_dir, name) -> path of an image; a `ValueError` means that it is elsewhere.
        others: the other parts, whose images are not taken.

    Raises:
        UserError: no COCO file, an image without integer id or name, or an id that two images or categories share.
    """
    content = read_coco_json(annotation_file)
    label_of_name = labels_of(classes)
    try:
        used = {_id(annotation["category_id"]) for annotation in content["annotations"]}
        name_of_category = category_names(content["categories"], used, annotation_file)
        boxes_of_image: dict[Any, list[list[int]]] = {image["id"]: [] for image in content["images"]}
        if len(boxes_of_image) != len(content["images"]):
            raise UserError(f"{annotation_file}: two entries of 'images' have the same id.")
        _collect_boxes(content["annotations"], boxes_of_image, name_of_category, label_of_name, report)
        place_of_name: Callable[[str], str] = functools.partial(place, image_dir)
        if place is not path_below:
            place_of_name = place_of_one(place, image_dir, _names(content), functools.partial(_claims_of, others))
        return list(_records(content["images"], annotation_file, place_of_name, boxes_of_image, report))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{annotation_file}: an entry lacks a field or has a wrong type ({shown(repr(error))}); "
                        "expected are images with id and file_name, categories with id and name, annotations with "
                        "image_id and category_id.") from error


def _names(content: dict[str, Any]) -> list[str]:
    return [image["file_name"] for image in content["images"] if isinstance(image.get("file_name"), str)]


def _claims_of(parts: Sequence[CocoPart]) -> dict[str, set[str]]:
    """The names in the files of other parts, by the path that they lead to."""
    found: dict[str, set[str]] = {}
    for part in parts:
        with contextlib.suppress(UserError):  # the reader of that part says so
            for path, names in claims(part.place, part.image_dir, _names(read_coco_json(part.annotation_file))).items():
                found.setdefault(path, set()).update(names)
    return found


def _collect_boxes(annotations: list[dict], boxes_of_image: dict[Any, list[list[int]]],
                   name_of_category: dict[Any, str], label_of_name: Mapping[str, int], report: Report) -> None:
    for annotation in annotations:
        where = f"annotation {annotation.get('id')} of image {annotation['image_id']}"
        name = name_of_category.get(annotation["category_id"])
        if name is not None:
            report.classes[name] += 1
        if _id(annotation["image_id"]) not in boxes_of_image:
            report.add(ORPHAN, where)
        elif name is None:  # whatever names are asked for: there is none
            report.add(UNKNOWN_CLASS, f"{where}: category {annotation['category_id']}")
        elif name not in label_of_name:
            report.add(UNKNOWN_CLASS, f"{where}: {name}")
        else:
            try:
                box = coco_box(annotation.get("bbox"))
            except ValueError as error:
                report.add(BAD_BOX, f"{where}: {error}")
            else:
                boxes_of_image[annotation["image_id"]].append([*box, label_of_name[name]])


def _records(images: list[dict], annotation_file: Path | str, place: Callable[[str], str],
             boxes_of_image: dict[Any, list[list[int]]], report: Report) -> Iterator[ImageRecord]:
    for index, image in enumerate(images):
        image_id = integer_of(image, "id", annotation_file, "images", index)
        try:
            path = place(_text(image["file_name"]))
        except ValueError as error:
            report.add(FOREIGN_IMAGE, error)
            continue
        size = None
        if isinstance(image.get("height"), int) and isinstance(image.get("width"), int):
            size = (image["height"], image["width"])
        yield ImageRecord(image_id, path, box_array(boxes_of_image[image_id]), size)


def _id(value: Any) -> Any:
    """An id as it is, number or text; true and false are none, though Python takes them for 1 and 0."""
    if isinstance(value, bool):
        raise TypeError(f"{value!r} is no id")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def coco_ground_truth(entries: Iterable[tuple[int, str, int, int, np.ndarray]], classes: Sequence[str]
                      ) -> dict[str, Any]:
    """COCO annotations as a dictionary.

    Boxes are neither clipped nor rounded again: `x = xmin, y = ymin, width = xmax - xmin, height = ymax - ymin` of the
    integers that the reader gives. Boxes without area or wholly outside the image are left out. Category ids are the
    labels, with the background as 0.

    Args:
        entries: (image_id, file_name, height, width, pixel boxes `(N, 5)`) of each image.
        classes: names, index = label.
    """
    images: list[dict] = []
    annotations: list[dict] = []
    for image_id, file_name, height, width, pixel_boxes in entries:
        images.append({"file_name": file_name, "id": int(image_id), "width": int(width), "height": int(height)})
        known = pixel_boxes[(pixel_boxes[:, 4] > 0) & (pixel_boxes[:, 4] < len(classes))]
        inside = (known[:, 0] < height) & (known[:, 1] < width) & (known[:, 2] > 0) & (known[:, 3] > 0)
        usable = known[has_area(known) & inside].astype(np.int64)  # of int32, the sides may need more
        for bbox, label in zip(tlbr_to_xywh(usable[:, :4]).tolist(), usable[:, 4].tolist()):
            annotations.append({
                # Ids begin with 1: pycocotools takes a match with annotation 0 for no match.
                "id": len(annotations) + 1, "image_id": int(image_id), "category_id": label,
                "bbox": bbox, "area": bbox[2] * bbox[3],
                "iscrowd": 0, "ignore": 0, "segmentation": []})
    categories = [{"supercategory": "none", "id": label, "name": name} for label, name in enumerate(classes)]
    return {"images": images, "type": "instances", "annotations": annotations, "categories": categories}
