"""Annotations of Label Studio: one json file for many images, as its exports "JSON" and "JSON-MIN" write it.

Facts: https://labelstud.io/guide/task_format, https://labelstud.io/tags/rectanglelabels (and the other tags), and
`convert_annotation_to_yolo_obb` of https://github.com/HumanSignal/label-studio-sdk. Coordinates are per cent of
`original_width` and `original_height`. A rectangle is turned clockwise about its top left corner, in pixels; an ellipse
about its centre, which x and y are of. Browsers show photographs upright, as their EXIF data ask, and the sizes are of
what they show.
"""
import functools
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from src.dataset.annotations import (
    NO_ANNOTATION,
    NO_OUTLINE,
    SEVERAL_ANNOTATIONS,
    TURNED_IMAGE,
    UNCLEAR_IMAGE,
    AnnotationFormat,
    AnnotationSource,
    Report,
)
from src.dataset.file_names import slashed
from src.dataset.formats.annotated_images import AnnotatedImage, export_files, file_sources, head
from src.dataset.formats.outlines import (
    ellipse_extremes,
    enclosing_box,
    finite_number,
    named_boxes,
    number_pairs,
    rectangle,
    turned,
)
from src.dataset.images import IMAGE_SUFFIXES
from src.utils.errors import UserError
from src.utils.safe_io import read_json, reason_of_reading, shown

EXPORT = "In Label Studio, choose Export and the format JSON."
# Keys of a region that hold the names of its classes, by its tag. With the tag Labels, the shape is of another tag.
OUTLINE_LABELS = ("rectanglelabels", "polygonlabels", "ellipselabels")
LABELS = (*OUTLINE_LABELS, "labels")
# An uploaded file has eight such letters in front of its own name.
_UPLOAD_MARK = re.compile(r"^[0-9a-f]{8}-")
_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]+://[^/]*/", re.IGNORECASE)
_BEGINS = re.compile(rb'\s*\[\s*\{.*"(annotations|completions|annotation_id|original_width)"\s*:', re.DOTALL)
# CreateML has lists of annotations too.
_HAS_TASKS = re.compile(rb'"(data|result|completions|annotation_id|original_width)"\s*:')


def _is_label_studio(path: Path) -> bool:
    begin = head(path)
    return _BEGINS.match(begin) is not None and _HAS_TASKS.search(begin) is not None


def look_for_label_studio(folder: Path, classes: tuple[str, ...]) -> dict[str, AnnotationSource]:
    """As `AnnotationFormat.look`: names of files and folders tell the parts."""
    names = [name for name in export_files(folder, ".json", _is_label_studio) if _is_label_studio(folder / name)]
    return file_sources("label_studio", folder, names, lambda path, report: read_label_studio(path, classes, report))


FORMAT = AnnotationFormat("label_studio", "Label Studio", "a json file that is a list of tasks with annotations",
                          look_for_label_studio)


def read_label_studio(annotation_file: Path, classes: Sequence[str], report: Report) -> list[AnnotatedImage]:
    """The images of an annotation file, in its order, also those without boxes.

    A rectangle, polygon or ellipse becomes the upright box around it, one with several labels a box of each.
    Coordinates are rounded half to even. Of several annotations of an image, the one counts that is marked as ground
    truth, or else the newest; predictions do not count. Images that nobody annotated are left out, and tasks with
    several images whose names do not tell which one was annotated.

    Args:
        classes: names, index = label; the background first.
        report: counts what is left out.

    Raises:
        UserError: the file cannot be read, or is none of Label Studio.
    """
    images = []
    for number, task in enumerate(_newest(_read_tasks(annotation_file), report, annotation_file.name)):
        where = f"{annotation_file.name}, task {_text(task.get('id')) or number}"
        results = _results(task, report, where)
        files = _image_names(task)
        if results is None or not files:
            report.add(NO_ANNOTATION, where)
            continue
        of_images = _by_image(results, files)
        if not of_images:
            report.add(UNCLEAR_IMAGE, where)
        for names, regions in of_images:
            if any(region.get("image_rotation") not in (None, 0) for region in regions):
                report.add(TURNED_IMAGE, where)
            else:
                boxes = named_boxes(_objects(regions, report, where), classes, report, where)
                images.append(AnnotatedImage(names, boxes, _size(regions)))
    return images


def _read_tasks(annotation_file: Path) -> list[dict[str, Any]]:
    try:
        tasks = read_json(annotation_file)
    except (OSError, ValueError) as error:
        raise UserError(f"{annotation_file} cannot be read as json of Label Studio: "
                        f"{shown(reason_of_reading(error))}. {EXPORT}") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise UserError(f"{annotation_file} is no export of Label Studio, which is a list of objects. {EXPORT}")
    return tasks


def _newest(tasks: Sequence[dict[str, Any]], report: Report, file_name: str) -> list[dict[str, Any]]:
    """The tasks; of the rows of JSON-MIN, where each is one annotation, the newest of each task."""
    chosen: dict[object, dict[str, Any]] = {}
    for number, task in enumerate(tasks):
        key = _text(task.get("id")) if "data" not in task else ""
        before = chosen.setdefault(key or number, task)
        if before is not task:
            report.add(SEVERAL_ANNOTATIONS, f"{file_name}, task {key}")
            chosen[key] = max(before, task, key=lambda row: _text(row.get("updated_at")))
    return list(chosen.values())


def _by_image(results: Sequence[dict[str, Any]], files: Mapping[str, tuple[str, ...]]
              ) -> list[tuple[tuple[str, ...], list[dict[str, Any]]]]:
    """Names and regions of each annotated image of a task; none where it is not clear which these are.

    Args:
        results: the regions. `to_name` is the name of the tag of their image, usually that of its key in the data.
        files: names by the key in the data.
    """
    if len(set(files.values())) == 1:
        return [(next(iter(files.values())), list(results))]
    of_tag: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        of_tag.setdefault(_text(result.get("to_name")), []).append(result)
    if of_tag and files.keys() >= of_tag.keys():
        return [(files[tag], regions) for tag, regions in of_tag.items()]
    return [(files["image"], list(results))] if len(of_tag) <= 1 and "image" in files else []


def _results(task: dict[str, Any], report: Report, where: str) -> list[dict[str, Any]] | None:
    """The regions of an image, each with its value among its own keys; None where nobody annotated it."""
    if "data" not in task:  # JSON-MIN: a row is one annotation
        return [region for value in task.values() for region in _objects_of(value)]
    annotations = [one for one in _objects_of(task.get("annotations", task.get("completions")))
                   if not one.get("was_cancelled") and isinstance(one.get("result"), list)]
    if not annotations:
        return None
    if len(annotations) > 1:
        report.add(SEVERAL_ANNOTATIONS, where)
    chosen = max(annotations, key=lambda one: (one.get("ground_truth") is True, _text(one.get("updated_at"))))
    regions = _objects_of(chosen["result"])
    return [{**region, **region["value"]} for region in regions if isinstance(region.get("value"), dict)]


def _text(value: object) -> str:
    return str(value) if isinstance(value, (str, int)) else ""


def _objects_of(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _objects(results: Sequence[dict[str, Any]], report: Report, where: str
             ) -> Iterator[tuple[str, Callable[[], list[int]]]]:
    for result in results:
        labels = next((result[key] for key in LABELS if isinstance(result.get(key), list)), None)
        kind = _text(result.get("type")) or next((key for key in result if key.endswith("labels")), "")
        if labels is None and kind not in OUTLINE_LABELS:
            if kind.endswith("labels"):  # of points and brushes; others are answers about the image
                report.add(NO_OUTLINE, f"{where}: {kind}")
        elif not _has_outline(result):
            report.add(NO_OUTLINE, f"{where}: {kind}")
        else:
            for label in labels or [""]:
                yield _text(label).strip(), functools.partial(_box, result)


def _has_outline(result: dict[str, Any]) -> bool:
    return any(key in result for key in ("points", "radiusX", "height"))


def _box(result: dict[str, Any]) -> list[int]:
    width, height = _number(result, "original_width") / 100, _number(result, "original_height") / 100
    if "points" in result:
        return enclosing_box([(x * width, y * height) for x, y in number_pairs(result["points"])])
    x, y, degrees = _number(result, "x") * width, _number(result, "y") * height, _number(result, "rotation", 0)
    if "radiusX" in result:
        radii = _number(result, "radiusX") * width, _number(result, "radiusY") * height
        return enclosing_box(ellipse_extremes((x, y), radii, degrees))
    corners = rectangle(x, y, _number(result, "width") * width, _number(result, "height") * height)
    return enclosing_box(turned(corners, degrees, (x, y)))


def _number(result: dict[str, Any], key: str, default: int | None = None) -> float:
    try:
        return finite_number(result.get(key, default))
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error


def _image_names(task: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Names that each image of a task may have: that of its address, and without the mark of an uploaded file."""
    data = task.get("data", task)
    found = {}
    for key, value in data.items() if isinstance(data, dict) else ():
        if isinstance(value, str) and not value.startswith("data:"):
            name = _file_name(value)
            if name.lower().endswith(IMAGE_SUFFIXES):
                folder, _, last = name.rpartition("/")
                own = _UPLOAD_MARK.sub("", last)
                found[key] = tuple(dict.fromkeys((name, f"{folder}/{own}" if folder else own)))
    return found


def _file_name(address: str) -> str:
    """`/data/upload/1/a.jpg`, `/data/local-files/?d=part/a.jpg`, `s3://bucket/part/a.jpg` and others as a path."""
    path, mark, local = address.partition("?d=")
    if mark:
        path = local
    elif not path.lower().endswith(IMAGE_SUFFIXES):
        path = path.partition("?")[0]
    return slashed(urllib.parse.unquote(_ADDRESS.sub("", path))).lstrip("/")


def _size(results: Sequence[dict[str, Any]]) -> tuple[int, int] | None:
    for result in results:
        height, width = result.get("original_height"), result.get("original_width")
        if type(height) is int and type(width) is int:
            return height, width
    return None
