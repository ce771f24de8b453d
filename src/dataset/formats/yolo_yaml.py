"""YOLO datasets that a YAML file describes, as Ultralytics and Roboflow write it."""
from pathlib import Path
from typing import Any

from src.dataset.file_names import visible
from src.dataset.formats.yolo_files import KEYS, YoloFiles, YoloPart, part_of
from src.dataset.formats.yolo_lines import has_label_lines
from src.dataset.formats.yolo_stated import find_stated
from src.utils.errors import UserError
from src.utils.safe_io import MEGABYTE, reason_of_reading, shown, shown_list
from src.utils.untrusted_yaml import read_yaml_texts

MOST_YAML = MEGABYTE
PART_KEYS = {key for keys in KEYS.values() for key in keys} - {"test"}
EXPECTED = ("Expected are 'names', a list or a dictionary with the numbers from 0, and 'train', 'val' and 'test', "
            "folders or text lists of images.")


def find_yaml_parts(folder: Path) -> dict[str, YoloPart]:
    """The parts that `data.yaml` describes, or else another YAML file; empty where none does.

    Raises:
        UserError: the file cannot be used, or several files describe different datasets.
    """
    named, others = _contents(folder)
    for contents in (named, others):
        described = {path: content for path, content in contents.items()
                     if "names" in content and content.keys() & PART_KEYS}
        if described:
            return _the_only(folder, described)
    return {}


def _contents(folder: Path) -> tuple[dict[Path, dict[str, Any]], dict[Path, dict[str, Any]]]:
    """Content of the YAML files: `data.yaml`, and others."""
    named: dict[Path, dict[str, Any]] = {}
    others: dict[Path, dict[str, Any]] = {}
    for path in visible(path for path in folder.iterdir() if path.suffix.lower() in (".yaml", ".yml")):
        is_named = path.stem.lower() == "data"
        try:
            content = read_yaml_texts(path, MOST_YAML)
        except (OSError, ValueError) as error:
            if is_named:
                raise UserError(f"{path} cannot be read: {shown(reason_of_reading(error))}. {EXPECTED}") from error
            continue
        if isinstance(content, dict):  # CVAT calls parts as its subsets, such as Train
            (named if is_named else others)[path] = {str(key).lower(): value for key, value in content.items()}
    return named, others


def _the_only(folder: Path, described: dict[Path, dict[str, Any]]) -> dict[str, YoloPart]:
    """The parts of the one file that can be used, or of several that say the same."""
    usable, errors = {}, []
    files = YoloFiles(folder)
    for path, content in described.items():
        try:
            usable[path] = _parts(path, files, content)
        except UserError as error:
            errors.append(error)
    if not usable:
        raise errors[0]
    first, *others = usable.values()
    if any(_said(first) != _said(other) for other in others):
        raise UserError(f"{shown_list(path.name for path in usable)} in {folder} describe different datasets. Call the "
                        "one that counts data.yaml, or move the others to another folder.")
    return first


def _said(parts: dict[str, YoloPart]) -> dict[str, YoloPart]:
    """Parts without the name of the file that describes them."""
    return {purpose: part._replace(sources=[]) for purpose, part in parts.items()}


def _parts(path: Path, files: YoloFiles, content: dict[str, Any]) -> dict[str, YoloPart]:
    names, base = _names(path, content), content.get("path")
    inside = files.find(base) if isinstance(base, str) else None
    stated = {}
    for purpose, keys in KEYS.items():
        key = next((key for key in keys if content.get(key)), None)
        if key is None:
            continue
        paths = content[key] if isinstance(content[key], list) else [content[key]]
        if not all(isinstance(one, str) for one in paths):
            raise UserError(f"{path}: '{key}' is no folder or text list of images. {EXPECTED}")
        stated[purpose] = key, paths
    found = find_stated(path, files, stated, inside if inside not in (None, ".") else "")
    return {purpose: part_of(files, one, names, [path.name], "kpt_shape" in content) for purpose, one in found.items()}


def _names(path: Path, content: dict[str, Any]) -> dict[int, str]:
    names = content["names"]
    try:
        numbered = {int(number): name for number, name in
                    (names.items() if isinstance(names, dict) else enumerate(names if isinstance(names, list) else []))}
    except ValueError as error:
        raise UserError(f"{path}: the names of the classes have something else than a number "
                        f"({shown(error)}). {EXPECTED}") from error
    if not numbered or not all(isinstance(name, str) for name in numbered.values()):
        raise UserError(f"{path}: 'names' does not name the classes. {EXPECTED}")
    return {number: name.strip() for number, name in numbered.items()}


def require_whole_yaml(folder: Path) -> None:
    """For a folder where nothing else has been found: raises a `UserError` where `data.yaml` leaves out what is
    needed, and there are images with label files."""
    for path, content in _contents(folder)[0].items():
        lacks = "names" if "names" not in content else "train"
        images = part_of(YoloFiles(folder), ["."], {}, [])
        if content.keys() & {"names", *PART_KEYS} and any(has_label_lines(folder / name)
                                                              for name in images.label_files):
            raise UserError(f"{path} has no '{lacks}'. {EXPECTED}")
