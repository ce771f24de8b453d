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

from src.dataset.annotations import (
    BAD_ANNOTATION,
    IN_OTHER_PART,
    NO_OUTLINE,
    AnnotationFormat,
    AnnotationSource,
    ImageRecord,
    Report,
)
from src.dataset.file_names import readable_files_below, slashed
from src.dataset.formats.annotated_images import AnnotatedImage, export_files, head, records_of
from src.dataset.formats.image_matching import Claim
from src.dataset.formats.outlines import Point, ellipse_extremes, enclosing_box, named_boxes, number_pairs
from src.dataset.formats.part_names import copies_of_parts, files_by_part, part_folders, purpose_of_image_file
from src.dataset.formats.voc_images import with_suffixes
from src.dataset.images import IMAGE_SUFFIXES
from src.utils.safe_io import read_json, reason_of_reading

# Shapes without an inside.
NO_OUTLINES = ("point", "points", "line", "linestrip")
# The data of the image, which are long, stand before the shapes where keys were sorted.
_BEGINS = re.compile(rb'\s*\{.*"(shapes|imageData)"\s*:', re.DOTALL)


def look_for_labelme(folder: Path, classes: tuple[str, ...]) -> dict[str, AnnotationSource]:
    """As `AnnotationFormat.look`: the names of folders tell the parts."""
    names = export_files(folder, ".json", lambda path: _BEGINS.match(head(path)) is not None)
    return {purpose: _source(folder, of_purpose, names, classes)
            for purpose, of_purpose in files_by_part(names).items()}


def _source(folder: Path, names: Sequence[str], all_names: Sequence[str], classes: tuple[str, ...]
            ) -> AnnotationSource:
    def claims_of_others() -> list[Claim]:
        others = sorted(set(all_names).difference(names))
        return [image.claim for image in _read(folder, others, classes, Report())]

    def read(report: Report) -> list[ImageRecord]:
        copies = copies_of_parts(folder, all_names)
        for name in copies.intersection(names):
            report.add(IN_OTHER_PART, name)
        images = _read(folder, [name for name in names if name not in copies], classes, report)
        return records_of(images, folder, report, claims_of_others)

    return AnnotationSource("labelme", _image_dir(folder, names), [folder / name for name in names], read)


def _image_dir(folder: Path, names: Sequence[str]) -> Path:
    """The folder of a part where all of its files and images lie together, else that of the dataset."""
    places = {next((one.path for one in part_folders(name)), "") for name in names}
    place = places.pop() if len(places) == 1 else ""
    images = (name for name in readable_files_below(folder) if name.startswith(f"{place}/"))
    return folder / place if any(name.lower().endswith(IMAGE_SUFFIXES) for name in images) else folder


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
    return records_of(_read(folder, json_names, classes, report), folder, report)


def _read(folder: Path, json_names: Sequence[str], classes: Sequence[str], report: Report) -> list[AnnotatedImage]:
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
        images.append(AnnotatedImage(_image_names(name, content.get("imagePath")), boxes, _annotated_size(content),
                                     place=posixpath.dirname(name), purpose=purpose_of_image_file(name)))
    return images


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
