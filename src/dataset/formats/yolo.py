"""Annotations as YOLO programs have them: one text file an image, one object a line, in fractions of the image.

A line is the number of the class, and then the centre, width and height of a box, `x y width height`, or the corners of
a polygon, `x y x y x y ...`. An image without objects has an empty file, or none.
"""
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from src.dataset.annotations import (
    BAD_ANNOTATION,
    BAD_BOX,
    UNKNOWN_CLASS,
    UNLABELLED,
    AnnotationFormat,
    AnnotationSource,
    ImageRecord,
    Report,
)
from src.dataset.formats.image_ids import assign_ids
from src.dataset.formats.open_classes import labels_of
from src.dataset.formats.outlines import named_rows
from src.dataset.formats.yolo_files import YoloPart
from src.dataset.formats.yolo_layout import find_yolo_parts
from src.dataset.formats.yolo_lines import LEAST, MOST, MOST_LABELS, class_number, yolo_box
from src.utils.errors import UserError
from src.utils.safe_io import read_text, reason_of_reading, shown

KIND = "yolo"


def look_for_yolo(folder: Path, classes: tuple[str, ...]) -> dict[str, AnnotationSource]:
    """As `AnnotationFormat.look`, see `yolo_layout`."""
    return {purpose: _source(part, classes) for purpose, part in find_yolo_parts(folder).items()}


def _source(part: YoloPart, classes: tuple[str, ...]) -> AnnotationSource:
    folder = part.files.folder
    image_dir = folder / os.path.commonpath({os.path.dirname(name) for name in part.images} or {""})
    files = [folder / name for name in (*part.sources, *part.label_files)]
    return AnnotationSource(KIND, image_dir, files, lambda report: read_yolo(part, classes, report))


FORMAT = AnnotationFormat(KIND, "YOLO", "data.yaml, obj.names or classes.txt, with a text file for each image",
                          look_for_yolo)


def read_yolo(part: YoloPart, classes: Sequence[str], report: Report) -> list[ImageRecord]:
    """Records of all images of a part, also of those that do not exist, with boxes in fractions of the upright image,
    as the program that wrote the label files showed it. No image is opened.

    Raises:
        UserError: there are boxes of two classes of one name.
    """
    records, folder, used = [], str(part.files.folder), set[str]()
    for image, label, image_id in zip(part.images, part.label_files, assign_ids(part.images)):
        path = os.path.join(folder, image)
        try:
            lines = read_text(os.path.join(folder, label), MOST_LABELS).splitlines()
        except FileNotFoundError:
            report.add(UNLABELLED, path)
            lines = []
        except (OSError, ValueError) as error:
            report.add(BAD_ANNOTATION, f"{label}: {reason_of_reading(error)}")
            continue
        objects = [fields for fields in map(str.split, lines) if fields]
        used.update(fields[0] for fields in objects)
        rows = None if part.has_keypoints else _plain_rows(objects, part.names, classes, report)
        if rows is None:
            named = _named(objects, part, report, label)
            rows = np.array(named_rows(named, classes, report, label), np.float64).reshape(-1, 5)
        boxes = np.zeros((len(rows), 5), np.int32)
        boxes[:, 4] = rows[:, 4]
        records.append(ImageRecord(image_id, path, boxes, fractions=rows[:, :4]))
    _require_different_names(part, {number for text in used if (number := class_number(text)) is not None})
    return records


def _named(objects: Sequence[Sequence[str]], part: YoloPart, report: Report, where: str
           ) -> Iterator[tuple[str, Callable[[], Sequence[float]]]]:
    """As `named_rows` takes objects: those whose class has a name; the report counts the others."""
    for number, *fields in objects:
        known = class_number(number)
        if known is None:
            report.add(BAD_BOX, f"{where}: {number!r} is no number of a class")
        elif part.names.get(known):
            yield part.names[known], functools.partial(yolo_box, fields, part.has_keypoints)
        else:
            report.add(UNKNOWN_CLASS, f"{where}: class {known}, which has no name in {part.sources[0]}")


def _require_different_names(part: YoloPart, used: set[int]) -> None:
    numbers: dict[str, list[int]] = {}
    for number in sorted(used.intersection(part.names)):
        numbers.setdefault(part.names[number], []).append(number)
    for name, same in numbers.items():
        if len(same) > 1:
            raise UserError(f"{part.files.folder / part.sources[0]} gives the classes {' and '.join(map(str, same))}, "
                            f"which both have boxes, the name '{shown(name)}': give them different names, or their "
                            "boxes one number.")


def _plain_rows(objects: Sequence[Sequence[str]], names: dict[int, str], classes: Sequence[str], report: Report
                ) -> np.ndarray | None:
    """The same as `named_rows` of `yolo_box`, `(N, 5)`, several times as fast for what most files have: nothing but
    boxes of known classes. None where there is anything else."""
    labels = labels_of(classes)
    try:
        values = np.array([[float(field) for field in fields] for fields in objects if len(fields) == 5])
    except ValueError:
        return None
    found = [names.get(number, "") for number in values[:, 0].tolist()] if len(values) else []
    if len(found) < len(objects) or not all(name and name in labels for name in found):
        return None
    rows = np.zeros((len(found), 5))
    if found:
        x, y, width, height = values[:, 1:].T
        if not ((values[:, 1:] >= LEAST) & (values[:, 1:] <= MOST)).all():
            return None
        left, top = x - width / 2, y - height / 2
        right, bottom = left + width, top + height
        rows[:, :4] = np.stack([np.minimum(top, bottom), np.minimum(left, right), np.maximum(top, bottom),
                                np.maximum(left, right)], axis=1)
        rows[:, 4] = [labels[name] for name in found]
        report.classes.update(found)
    return rows
