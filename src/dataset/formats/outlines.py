"""Outlines that annotation programs draw, as boxes: the smallest upright box around each."""
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from src.dataset.annotations import BAD_BOX, UNKNOWN_CLASS, Report, box_array
from src.dataset.formats.open_classes import labels_of

Point = tuple[float, float]


def finite_number(value: object) -> float:
    """A number of a json or xml file.

    Raises:
        ValueError: it is no number, or not finite.
    """
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
        raise ValueError(f"{value!r} is no number")
    raise ValueError(f"expected is a number, found is a {type(value).__name__}")


def number_pairs(points: object) -> list[Point]:
    """Points `[[x, y], ...]` of a json file; errors as `finite_number`."""
    if not isinstance(points, list) or not all(isinstance(point, list) and len(point) == 2 for point in points):
        raise ValueError("its points are no list of [x, y]")
    return [(finite_number(x), finite_number(y)) for x, y in points]


def enclosing_box(points: Iterable[Point]) -> list[int]:
    """Points (x, y) -> `[ymin, xmin, ymax, xmax]`, rounded half to even.

    Raises:
        ValueError: there is no point, or one that is not finite.
    """
    points = list(points)
    if not points or not all(math.isfinite(value) for point in points for value in point):
        raise ValueError(f"no outline of {len(points)} points")
    xs, ys = zip(*points)
    return [round(min(ys)), round(min(xs)), round(max(ys)), round(max(xs))]


def rectangle(x: float, y: float, width: float, height: float) -> list[Point]:
    """Corners of a rectangle with the top left corner (x, y), clockwise."""
    return [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]


def turned(points: Iterable[Point], degrees: float, pivot: Point) -> list[Point]:
    """The points, turned clockwise about `pivot`."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    if degrees % 90 == 0:
        cos, sin = round(cos), round(sin)
    (px, py), points = pivot, list(points)
    return [(px + (x - px) * cos - (y - py) * sin, py + (x - px) * sin + (y - py) * cos) for x, y in points]


def ellipse_extremes(centre: Point, radii: Point, degrees: float = 0.0) -> list[Point]:
    """Two corners of the box around an ellipse that is turned clockwise by so many degrees."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    half_width = math.hypot(radii[0] * cos, radii[1] * sin)
    half_height = math.hypot(radii[0] * sin, radii[1] * cos)
    return [(centre[0] - half_width, centre[1] - half_height), (centre[0] + half_width, centre[1] + half_height)]


def named_boxes(objects: Iterable[tuple[str, Callable[[], Sequence[int]]]], classes: Sequence[str], report: Report,
                where: str) -> np.ndarray:
    """Boxes of one image: int32 `(N, 5)` ymin, xmin, ymax, xmax, label. The arguments are those of `named_rows`."""
    return box_array(named_rows(objects, classes, report, where))


def named_rows(objects: Iterable[tuple[str, Callable[[], Sequence[float]]]], classes: Sequence[str], report: Report,
               where: str) -> list[list[Any]]:
    """Boxes of one image: rows of ymin, xmin, ymax, xmax, label.

    Args:
        objects: name of the class, and a function that gives `[ymin, xmin, ymax, xmax]`, or raises a `ValueError` where
            the annotation holds none.
        classes: names, index = label; the background first.
        report: counts the boxes of each class, those of other classes, and those without numbers.
        where: leads a person to the place.
    """
    label_of_name = labels_of(classes)
    rows: list[list[Any]] = []
    for name, box in objects:
        report.classes[name] += 1
        if name not in label_of_name:
            report.add(UNKNOWN_CLASS, f"{where}: {name}")
            continue
        try:
            rows.append([*box(), label_of_name[name]])
        except ValueError as error:
            report.add(BAD_BOX, f"{where}: {error}")
    return rows
