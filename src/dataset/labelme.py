"""Annotations of LabelMe: a json file an image.

Facts: https://github.com/wkentaro/labelme, `labelme/_label_file.py` (the fields), `labelme/_shape.py` (the shapes), and
`examples/instance_segmentation/labelme2coco.py` (shapes of one `group_id` are one object). LabelMe shows photographs
upright, as their EXIF data ask, and `imageHeight` and `imageWidth` are of what it shows.
"""
import functools
import math
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from src.dataset.annotated_images import AnnotatedImage, export_files, head, records_of
from src.dataset.annotations import (
    BAD_ANNOTATION,
    NO_OUTLINE,
    TRAINING,
    AnnotationFormat,
    AnnotationSource,
    ImageRecord,
    Report,
    usual_parts,
)
from src.dataset.outlines import Point, ellipse_extremes, enclosing_box, named_boxes, number_pairs
from src.dataset.voc import slashed, with_suffixes
from src.utils.safe_io import read_json, reason_of_reading

# Shapes without an inside.
NO_OUTLINES = ("point", "points", "line", "linestrip")
# The data of the image, which are long, stand before the shapes where keys were sorted.
_BEGINS = re.compile(rb'\s*\{.*"(shapes|imageData)"\s*:', re.DOTALL)


def look_for_labelme(folder: Path, classes: tuple[str, ...]) -> dict[str, AnnotationSource]:
    """As `AnnotationFormat.look`: the folders with usual names, else the whole folder."""
    names = export_files(folder, ".json", lambda path: _BEGINS.match(head(path)) is not None)
    parts = usual_parts(lambda name: any(one.startswith(f"{name}/") for one in names))
    sources = {purpose: _source(folder / part, [name[len(part) + 1:] for name in names if name.startswith(f"{part}/")],
                                classes) for purpose, part in parts.items()}
    others = [name for name in names if name.partition("/")[0] not in parts.values()]
    if others and TRAINING not in parts:
        sources[TRAINING] = _source(folder, others, classes)
    return sources


def _source(folder: Path, names: Sequence[str], classes: tuple[str, ...]) -> AnnotationSource:
    return AnnotationSource("labelme", folder, [folder / name for name in names],
                            lambda report: read_labelme(folder, names, classes, report))


FORMAT = AnnotationFormat("labelme", "LabelMe", "json files with shapes, called like the images", look_for_labelme)


def read_labelme(folder: Path, json_names: Sequence[str], classes: Sequence[str], report: Report) -> list[ImageRecord]:
    """Records of the json files in `folder`, sorted by the name of the image, also of images that do not exist.

    A rectangle, polygon, circle, oriented rectangle or mask becomes the box around it. Coordinates are rounded half to
    even.

    Args:
        folder: of the images and the json files.
        json_names: names of the json files, relative to it.
        classes: names, index = label; the background first.
        report: counts what is left out.

    Raises:
        UserError: a folder cannot be read.
    """
    images = []
    for name in json_names:
        try:
            content = read_json(folder / name)
            shapes = content.get("shapes") if isinstance(content, dict) else None
            if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
                raise ValueError("it is no file of LabelMe, with a list 'shapes' of objects")
        except (OSError, ValueError) as error:
            report.add(BAD_ANNOTATION, f"{folder / name}: {reason_of_reading(error)}")
            continue
        boxes = named_boxes(_objects(shapes, report, name), classes, report, name)
        images.append(AnnotatedImage(_image_names(name, content.get("imagePath")), boxes, _annotated_size(content)))
    return records_of(images, folder, report)


def _objects(shapes: Sequence[dict[str, Any]], report: Report, where: str
             ) -> Iterator[tuple[str, Callable[[], list[int]]]]:
    groups: dict[object, list[dict[str, Any]]] = {}
    for number, shape in enumerate(shapes):
        kind, group = shape.get("shape_type"), shape.get("group_id")
        if kind in NO_OUTLINES:
            report.add(NO_OUTLINE, f"{where}: {kind}")
        else:
            key = (_label(shape), group) if isinstance(group, (int, str)) else number
            groups.setdefault(key, []).append(shape)
    for group in groups.values():
        yield _label(group[0]), functools.partial(_group_box, group)


def _label(shape: dict[str, Any]) -> str:
    label = shape.get("label")
    return label.strip() if isinstance(label, str) else ""


def _group_box(shapes: Sequence[dict[str, Any]]) -> list[int]:
    """Box around all shapes of one object; a `ValueError` where one has no coordinates."""
    return enclosing_box(point for shape in shapes for point in _points(shape))


def _points(shape: dict[str, Any]) -> list[Point]:
    numbers = number_pairs(shape.get("points"))
    if shape.get("shape_type") != "circle":
        return numbers
    if len(numbers) != 2:
        raise ValueError(f"a circle of {len(numbers)} points; expected are its centre and a point of its edge")
    radius = math.dist(*numbers)
    return ellipse_extremes(numbers[0], (radius, radius))


def _image_names(json_name: str, stated: Any) -> tuple[str, ...]:
    """Names that the image of a json file may have: as it states, where that agrees with its own name, or its own."""
    folder, stem = posixpath.split(posixpath.splitext(json_name)[0])
    own = [posixpath.join(folder, name) for name in with_suffixes(stem)]
    if not isinstance(stated, str) or not slashed(stated):
        return tuple(own)
    name = posixpath.normpath(posixpath.join(folder, slashed(stated)))
    return (name, *own) if Path(name).stem == stem else (*own, name)


def _annotated_size(content: dict[str, Any]) -> tuple[int, int] | None:
    height, width = content.get("imageHeight"), content.get("imageWidth")
    return (height, width) if type(height) is int and type(width) is int else None
