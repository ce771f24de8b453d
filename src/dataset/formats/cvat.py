"""Annotations of CVAT, "CVAT for images 1.1": one xml file for many images.

Facts: https://docs.cvat.ai/docs/other/xml_format/ and `cvat/apps/dataset_manager/formats/cvat.py` of
https://github.com/cvat-ai/cvat (what is written for each shape; images of a project lie in `images/SUBSET`). A box and
an ellipse are turned clockwise about their centre. CVAT shows photographs upright, as their EXIF data ask
(https://github.com/cvat-ai/cvat/pull/4529), and `width` and `height` are of what it shows.
"""
import functools
import html
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from src.dataset.annotations import (
    NO_OUTLINE,
    TRAINING,
    AnnotationFormat,
    AnnotationSource,
    Report,
    purpose_of_name,
)
from src.dataset.file_names import slashed
from src.dataset.formats.annotated_images import AnnotatedImage, Export, export_files, export_sources, head
from src.dataset.formats.outlines import (
    Point,
    ellipse_extremes,
    enclosing_box,
    finite_number,
    named_boxes,
    rectangle,
    turned,
)
from src.dataset.formats.part_names import purpose_of_export
from src.dataset.formats.xml_files import parse_xml
from src.utils.errors import UserError
from src.utils.safe_io import MEGABYTE, read_file, reason_of_reading, shown

MOST_XML = 512 * MEGABYTE
EXPORT = "In CVAT, choose Export task dataset and the format 'CVAT for images 1.1'."
_BEGINS = re.compile(rb"<annotations[\s>]")
_IMAGE = re.compile(rb"<image\s[^<>]*")
_SUBSET = re.compile(rb'\ssubset="([^"]*)"')


def _is_cvat(path: Path) -> bool:
    return _BEGINS.search(head(path)) is not None


def look_for_cvat(folder: Path, classes: tuple[str, ...]) -> dict[str, AnnotationSource]:
    """As `AnnotationFormat.look`: parts are told by the names of files and folders, or else by subsets of a project."""
    names = [name for name in export_files(folder, ".xml", _is_cvat) if _is_cvat(folder / name)]
    purposes = {name: purpose_of_export(name) for name in names}
    are_divided = not {TRAINING, ""}.issuperset(purposes.values())
    exports: list[Export] = []
    subsets: dict[str, set[str]] = {}
    for name, purpose in purposes.items():
        of_part: dict[str, list[str]] = {}
        for subset in [] if are_divided and purpose else _subsets(folder / name):
            of_part.setdefault(purpose_of_name(subset) or purpose, []).append(subset)
            subsets.setdefault(purpose_of_name(subset) or purpose or TRAINING, set()).add(subset)
        if len(of_part) > 1:
            exports += [Export(name, one, functools.partial(_read_file, folder / name, classes, tuple(chosen)))
                        for one, chosen in of_part.items()]
        else:
            whole = next(iter(of_part), purpose)
            exports.append(Export(name, whole, functools.partial(_read_file, folder / name, classes, None)))
    sources = export_sources("cvat", folder, exports)
    if len(subsets) > 1:
        return {purpose: source._replace(subsets=tuple(sorted(subsets.get(purpose, ()))))
                for purpose, source in sources.items()}
    return sources


def _read_file(path: Path, classes: tuple[str, ...], subsets: tuple[str, ...] | None, report: Report
               ) -> list[AnnotatedImage]:
    return read_cvat(path, classes, report, subsets)


def _subsets(path: Path) -> list[str]:
    """The names of all subsets, from the bytes of a file: to parse it is for the reader. Images without a subset have
    an empty one."""
    try:
        tags = _IMAGE.findall(read_file(path, MOST_XML))
    except OSError:  # the reader will say so
        return []
    found = {subset[1] if (subset := _SUBSET.search(tag)) else b"" for tag in tags}
    return sorted(html.unescape(name.decode(errors="replace")) for name in found)


FORMAT = AnnotationFormat("cvat", "CVAT for images", "an xml file with <annotations>", look_for_cvat)


def read_cvat(annotation_file: Path, classes: Sequence[str], report: Report, subsets: Sequence[str] | None = None
              ) -> list[AnnotatedImage]:
    """The images of an annotation file, in its order, also those without boxes.

    A box, polygon, ellipse, mask or cuboid becomes the upright box around it. Coordinates are rounded half to even.

    Args:
        classes: names, index = label; the background first.
        report: counts what is left out.
        subsets: only images of these subsets of a project; None: all.

    Raises:
        UserError: the file cannot be read, or is none of CVAT for images.
    """
    root = _parse(annotation_file)
    images = []
    for image in root.iter("image"):
        name, subset = slashed(image.get("name")), image.get("subset", "")
        if name and (subsets is None or subset in subsets):
            where = f"{annotation_file.name}: {name}"
            boxes = named_boxes(_objects(image, report, where), classes, report, where)
            images.append(AnnotatedImage(_image_names(name, subset), boxes, _size(image)))
    return images


def _image_names(name: str, subset: str) -> tuple[str, ...]:
    """Names that an image may have: as CVAT exports it, and where somebody put the images beside the annotations."""
    own = (f"{subset}/{name}", name) if subset else (name,)
    return (*(f"images/{one}" for one in own), *own)


def _parse(annotation_file: Path) -> Element:
    try:
        root = parse_xml(annotation_file, MOST_XML)
    except (ParseError, OSError, LookupError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{annotation_file} cannot be read as xml of CVAT: "
                        f"{shown(reason_of_reading(error))}. {EXPORT}") from error
    if root.tag != "annotations":
        raise UserError(f"{annotation_file} is no xml of CVAT for images: it begins with <{shown(root.tag)}>, expected "
                        f"is <annotations>. {EXPORT}")
    if root.find("track") is not None:
        raise UserError(f"{annotation_file} is xml of CVAT for video, whose tracks name no images. {EXPORT}")
    return root


def _objects(image: Element, report: Report, where: str) -> Iterator[tuple[str, Callable[[], list[int]]]]:
    for shape in image:
        points = OUTLINES.get(shape.tag)
        if points is not None:
            yield (shape.get("label") or "").strip(), functools.partial(_box, points, shape)
        elif shape.tag != "tag":  # which is of the whole image
            report.add(NO_OUTLINE, f"{where}: {shape.tag}")


def _box(points: Callable[[Element], list[Point]], shape: Element) -> list[int]:
    return enclosing_box(points(shape))


def _number(shape: Element, name: str, default: str | None = None) -> float:
    try:
        return finite_number(shape.get(name, default))
    except ValueError as error:
        raise ValueError(f"{name} of a {shape.tag}: {error}") from error


def _box_points(shape: Element) -> list[Point]:
    left, top, right, bottom = (_number(shape, name) for name in ("xtl", "ytl", "xbr", "ybr"))
    corners = rectangle(left, top, right - left, bottom - top)
    return turned(corners, _number(shape, "rotation", "0"), ((left + right) / 2, (top + bottom) / 2))


def _polygon_points(shape: Element) -> list[Point]:
    pairs = [pair.split(",") for pair in shape.get("points", "").split(";")]
    if not all(len(pair) == 2 for pair in pairs):
        raise ValueError(f"points of a {shape.tag}: {shape.get('points')!r}")
    return [(finite_number(x), finite_number(y)) for x, y in pairs]


def _ellipse_points(shape: Element) -> list[Point]:
    x, y, radius_x, radius_y = (_number(shape, name) for name in ("cx", "cy", "rx", "ry"))
    return ellipse_extremes((x, y), (radius_x, radius_y), _number(shape, "rotation", "0"))


def _mask_points(shape: Element) -> list[Point]:
    return rectangle(*(_number(shape, name) for name in ("left", "top", "width", "height")))


def _cuboid_points(shape: Element) -> list[Point]:
    return [(_number(shape, f"x{corner}{face}"), _number(shape, f"y{corner}{face}"))
            for face in "12" for corner in ("tl", "bl", "tr", "br")]


OUTLINES = {"box": _box_points, "polygon": _polygon_points, "ellipse": _ellipse_points, "mask": _mask_points,
            "cuboid": _cuboid_points}


def _size(image: Element) -> tuple[int, int] | None:
    try:
        return int(image.get("height", "")), int(image.get("width", ""))
    except ValueError:
        return None
