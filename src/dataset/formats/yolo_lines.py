"""Lines of YOLO's label files: the number of a class, and a box or a polygon in fractions of the image."""
from collections.abc import Sequence
from pathlib import Path

from src.dataset.formats.outlines import finite_number
from src.utils.safe_io import MEGABYTE, read_text

MOST_LABELS = 16 * MEGABYTE
# Fractions of the image; objects that reach over its edge exceed 0 to 1 a little, pixels by far.
LEAST, MOST = -1, 2


def class_number(text: str) -> int | None:
    """The number of a class, which some programs write as 2.0; None where it is no whole number."""
    try:
        number = finite_number(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() else None


def _is_class(text: str) -> bool:
    number = class_number(text)
    return number is not None and number >= 0


def yolo_box(fields: Sequence[str], box_only: bool = False) -> list[float]:
    """The numbers of an object -> `[ymin, xmin, ymax, xmax]` in fractions of the image.

    Args:
        fields: `x y width height` of a box, of which (x, y) is the centre; or `x y x y x y ...` of a polygon.
        box_only: keypoints follow the box.

    Raises:
        ValueError: neither box nor polygon, or not in fractions of the image.
    """
    values = _fractions(fields[:4] if box_only else fields)
    if len(values) == 4:
        x, y, width, height = values
        corners = [(x - width / 2, y - height / 2), (x - width / 2 + width, y - height / 2 + height)]
    elif len(values) >= 6 and len(values) % 2 == 0:
        corners = list(zip(values[::2], values[1::2]))
    else:
        raise ValueError(f"{len(values)} numbers are neither a box nor a polygon")
    xs, ys = zip(*corners)
    return [min(ys), min(xs), max(ys), max(xs)]


def _fractions(fields: Sequence[str]) -> list[float]:
    values = list(map(finite_number, fields))
    if not all(LEAST <= value <= MOST for value in values):
        raise ValueError(f"not fractions of the image: {values}")
    return values


def has_label_lines(path: Path, if_empty: bool = False) -> bool:
    """Whether every line of a text is one of a label file, also with keypoints; empty lines do not count.

    Args:
        if_empty: the answer for a text without lines.
    """
    try:
        objects = list(filter(None, map(str.split, read_text(path, MOST_LABELS).splitlines())))
        is_so = all(_is_class(number) and len(_fractions(fields)) >= 4 for number, *fields in objects)
    except (OSError, ValueError):
        return False
    return is_so if objects else if_empty
