"""Annotations as YOLO programs have them: one text file an image, one object a line, in fractions of the image.

A line is the number of the class, and then the centre, width and height of a box, `x y width height`, or the corners of
a polygon, `x y x y x y ...`. An image without objects has an empty file, or none.
"""
import functools
import os
from collections.abc import Sequence
from pathlib import Path

from src.dataset.annotations import (
    BAD_ANNOTATION,
    UNLABELLED,
    AnnotationFormat,
    AnnotationSource,
    ImageRecord,
    Report,
)
from src.dataset.images import read_image_header
from src.dataset.outlines import enclosing_box, finite_number, named_boxes, rectangle
from src.dataset.voc import assign_ids
from src.dataset.yolo_layout import YoloPart, find_yolo_parts
from src.utils.errors import UserError
from src.utils.safe_io import MEGABYTE, read_text

KIND = "yolo"
MOST_LABELS = 16 * MEGABYTE
# Fractions of the image; objects that reach over its edge exceed 0 to 1 a little, pixels by far.
LEAST, MOST = -1, 2


def look_for_yolo(folder: Path, classes: tuple[str, ...]) -> dict[str, AnnotationSource]:
    """As `AnnotationFormat.look`, see `yolo_layout`."""
    return {purpose: _source(part, classes) for purpose, part in find_yolo_parts(folder).items()}


def _source(part: YoloPart, classes: tuple[str, ...]) -> AnnotationSource:
    folder = part.files.folder
    image_dir = folder / os.path.commonpath([os.path.dirname(name) for name in part.images] or [""])
    files = [folder / name for name in (*part.sources, *part.label_files)]
    return AnnotationSource(KIND, image_dir, files, lambda report: read_yolo(part, classes, report))


FORMAT = AnnotationFormat(KIND, "YOLO", "data.yaml, obj.names or classes.txt, with a text file for each image",
                          look_for_yolo)


def read_yolo(part: YoloPart, classes: Sequence[str], report: Report) -> list[ImageRecord]:
    """Records of all images of a part, also of those that do not exist.

    Their size is that of the upright image, as the program that wrote the label files showed it. Where no class but the
    background is known, boxes are only counted, and no image is opened.
    """
    records = []
    for image, label, image_id in zip(part.images, part.label_files, assign_ids(part.images)):
        path = part.files.folder / image
        try:
            lines = read_text(part.files.folder / label, MOST_LABELS).splitlines()
        except FileNotFoundError:
            report.add(UNLABELLED, path)
            lines = []
        except (OSError, ValueError) as error:
            report.add(BAD_ANNOTATION, f"{label}: {error}")
            continue
        size = _upright_size(path) if len(classes) > 1 else None
        objects = ((part.names.get(_number(fields[0]), f"class {fields[0]}"),
                    functools.partial(yolo_box, fields[1:], size or (1, 1), part.has_keypoints))
                   for fields in map(str.split, lines) if fields)
        records.append(ImageRecord(image_id, str(path), named_boxes(objects, classes, report, label), size))
    return records


def _upright_size(path: Path) -> tuple[int, int] | None:
    try:
        return read_image_header(path).upright_size
    except UserError:  # said when the images are read
        return None


def _number(text: str) -> int:
    """The number of a class, which some programs write as 2.0; -1 where it is none."""
    try:
        number = finite_number(text)
    except ValueError:
        return -1
    return int(number) if number.is_integer() else -1


def yolo_box(fields: Sequence[str], size: tuple[int, int], box_only: bool = False) -> list[int]:
    """The numbers of an object -> `[ymin, xmin, ymax, xmax]` in pixels, rounded half to even.

    Args:
        fields: `x y width height` of a box, of which (x, y) is the centre; or `x y x y x y ...` of a polygon.
        size: (height, width) of the image.
        box_only: keypoints follow the box.

    Raises:
        ValueError: neither box nor polygon, or not in fractions of the image.
    """
    values = [finite_number(field) for field in (fields[:4] if box_only else fields)]
    if not all(LEAST <= value <= MOST for value in values):
        raise ValueError(f"not fractions of the image: {values}")
    if len(values) == 4:
        x, y, width, height = values
        points = rectangle(x - width / 2, y - height / 2, width, height)
    elif len(values) >= 6 and len(values) % 2 == 0:
        points = list(zip(values[::2], values[1::2]))
    else:
        raise ValueError(f"{len(values)} numbers are neither a box nor a polygon")
    return enclosing_box((x * size[1], y * size[0]) for x, y in points)
