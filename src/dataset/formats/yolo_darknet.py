"""YOLO datasets whose classes a text names, a line each: darknet's, LabelImg's and Label Studio's."""
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from src.dataset.annotations import TRAINING, usual_parts
from src.dataset.file_names import visible
from src.dataset.formats.label_names import CLASSES_FILE
from src.dataset.formats.yolo_files import IMAGES, KEYS, LABELS, YoloFiles, YoloPart, lines_of, part_of
from src.dataset.formats.yolo_stated import find_stated
from src.utils.errors import UserError
from src.utils.safe_io import MEGABYTE, read_text, reason_of_reading, shown, shown_list

ROBOFLOW_NAMES = "_darknet.labels"
# Where the names may be: the first place counts that has some.
PLACES = (
    ("*.names",),
    (CLASSES_FILE,),
    (f"{LABELS}/{CLASSES_FILE}",),
    (f"*/{ROBOFLOW_NAMES}",),
    (f"*/{CLASSES_FILE}", f"*/*/{CLASSES_FILE}"),
)
MOST_DATA = MEGABYTE


class _Described(NamedTuple):
    """What a `.data` file says: lists of images by purpose, and the file with the names, where it is there."""

    lists: dict[str, list[str]]
    names: str | None


def find_named_parts(folder: Path) -> dict[str, YoloPart]:
    """The parts that a `.data` file states, else those with lists of usual names, else those with such folders; empty
    where no file names classes, or there are no label files.

    Raises:
        UserError: files do not agree, or a file states what is not there.
    """
    paths = next(filter(None, (_files(folder, patterns) for patterns in PLACES)), [])
    stated = {path: _stated(path, bool(paths)) for path in visible(folder.glob("*.data"))}
    if not paths and not any(stated.values()):
        return {}
    files = YoloFiles(folder)
    described = _described(files, stated)
    if described.names:
        paths = [folder / described.names]
    if not paths:
        return _require_no_labels(files, described.lists)
    sources = [path.relative_to(folder).as_posix() for path in paths]
    parts = {purpose: part_of(files, images, {}, sources)
             for purpose, images in (described.lists or _usual(files)).items()}
    if not any(part.has_labels for part in parts.values()):
        return {}
    names = dict(enumerate(_agreed_names(folder, sources)))
    return {purpose: part._replace(names=names) for purpose, part in parts.items()}


def _files(folder: Path, patterns: Iterable[str]) -> list[Path]:
    """The files of such names, not those in hidden folders, where programs keep copies."""
    found = visible(path for pattern in patterns for path in folder.glob(pattern) if path.is_file())
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts[:-1])]


def _require_no_labels(files: YoloFiles, lists: dict[str, list[str]]) -> dict[str, YoloPart]:
    """No parts; raises a `UserError` where there are some but for the names of their classes."""
    if any(part_of(files, found, {}, []).has_labels for found in lists.values()):
        raise UserError(f"A .data file in {files.folder} states lists of images with label files, and no file with the "
                        "names of the classes is there. Write them to obj.names beside it, a line each.")
    return {}


def _agreed_names(folder: Path, sources: list[str]) -> list[str]:
    """The names in files that should be equal. Programs append names, so that a file may have the first ones only."""
    texts = [lines_of(folder / source) for source in sources]
    longest = max(texts, key=len)
    if any(longest[:len(lines)] != lines for lines in texts):
        raise UserError(f"{shown_list(sources)} in {folder} name different classes. Make them equal, or delete those "
                        "that do not belong to the label files.")
    return longest


def _stated(path: Path, is_needed: bool) -> dict[str, str]:
    """What a `.data` file has for the keys of `KEYS` and `names`.

    Args:
        is_needed: where it cannot be read, that is an error; otherwise it may be of another program.
    """
    try:
        entries = (line.partition("=") for line in read_text(path, MOST_DATA).splitlines())
        stated = {key.strip(): value.strip() for key, mark, value in entries if mark}
    except (OSError, ValueError) as error:
        if is_needed:
            raise UserError(f"{path} cannot be read: {shown(reason_of_reading(error))}") from error
        return {}
    return {key: stated[key] for key in ("names", *itertools.chain(*KEYS.values())) if stated.get(key)}


def _described(files: YoloFiles, stated: dict[Path, dict[str, str]]) -> _Described:
    """What the `.data` files say that fit the folder: those whose lists are there, or else those whose names are."""
    described, errors = {}, []
    for path, content in stated.items():
        try:
            described[path] = _described_by(path, files, content)
        except UserError as error:
            errors.append(error)
    fitting = {path: one for path, one in described.items() if one.lists}
    if errors and not fitting:
        raise errors[0]
    fitting = fitting or {path: one for path, one in described.items() if one.names}
    if not fitting:
        return _Described({}, None)
    first, *others = fitting.values()
    if any(_said(files, first) != _said(files, other) for other in others):
        raise UserError(f"{shown_list(path.name for path in fitting)} in {files.folder} describe different datasets. "
                        "Move those that do not belong to it to another folder.")
    return first


def _described_by(path: Path, files: YoloFiles, content: dict[str, str]) -> _Described:
    lists = {purpose: (key, [content[key]]) for purpose, keys in KEYS.items() for key in keys if key in content}
    names = files.find(content["names"]) if "names" in content else None
    is_there = any(files.find(text) for _, (text,) in lists.values())
    return _Described(find_stated(path, files, lists) if is_there else {},
                      names if names and (files.folder / names).is_file() else None)


def _said(files: YoloFiles, described: _Described) -> tuple[dict[str, list[str]], list[str]]:
    return described.lists, lines_of(files.folder / described.names) if described.names else []


def _usual(files: YoloFiles) -> dict[str, list[str]]:
    """Lists of usual names, or else folders of such names, at any depth, by purpose; images with a label file that are
    in none of these are for training. Without lists and folders, all images are."""
    lists = usual_parts(lambda name: files.is_list(f"{name}.txt"))
    if lists:
        return {purpose: [f"{name}.txt"] for purpose, name in lists.items()}
    parts = files.part_folders()
    if not parts:
        return {TRAINING: [files.find(IMAGES) or "."]}
    outside = files.labelled_outside_parts()
    return {**parts, **({TRAINING: [*parts.get(TRAINING, []), *outside]} if outside else {})}
