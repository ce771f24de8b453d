"""Where a folder that was made for a YOLO program keeps names, images and label files.

- Ultralytics, Roboflow, CVAT: `data.yaml` has the names, and folders or lists of images for training, evaluation, test.
- darknet, CVAT's YOLO 1.1: `obj.names` has the names, `obj.data` the lists; without it, they are `train.txt` and so on.
- Roboflow's YOLO Darknet: `_darknet.labels` beside the images of each part has the names.
- LabelImg, Label Studio: `classes.txt` has the names; images lie beside their label files, or in `images`.
"""
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from src.dataset.annotations import EVALUATION, TEST, TRAINING, usual_parts
from src.dataset.file_names import FileNames, files_below, folders_of
from src.dataset.images import IMAGE_SUFFIXES
from src.dataset.label_names import CLASSES_FILE, MOST_TEXT
from src.dataset.paths import ends_of, path_below
from src.utils.errors import UserError
from src.utils.safe_io import MEGABYTE, read_text, reason_of_reading, shown
from src.utils.untrusted_yaml import read_yaml_texts

MOST_YAML = MEGABYTE
# How the files that describe a dataset call the images of each purpose.
KEYS = {TRAINING: ("train",), EVALUATION: ("val", "valid", "validation"), TEST: ("test",)}
ROBOFLOW_NAMES = "_darknet.labels"
IMAGES, LABELS = "images", "labels"
# The last folder of such a name, as Ultralytics takes it.
_IMAGES = re.compile(r"\A(.*/|)(?:images|jpegimages)(?=/)", re.IGNORECASE | re.DOTALL)
EXPECTED = ("Expected are 'names', a list or a dictionary with the numbers from 0, and 'train', 'val' and 'test', "
            "folders or text lists of images.")


class YoloFiles:
    """The files of a dataset; all names are relative to its folder, with `/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = files_below(folder)
        self._images = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES)]
        self._texts = [name for name in names if name.lower().endswith(".txt")]
        self._names = FileNames(names)
        self._folders = folders_of(names)
        self._label_files: dict[str, str] = {}

    def find(self, stated: str, beside: str = "") -> str | None:
        """The file or folder that a file in the folder `beside` states; None where it is not there.

        Programs state paths of the machine that they ran on, or below another folder: of the path below `beside`, and
        of all its ends below the folder of the dataset, the first counts that is there.
        """
        ends = list(ends_of(stated))
        if not ends:
            return beside or "."
        for name in (os.path.join(beside, ends[0]), *ends):
            found = name if name in self._folders else self._names.find(name)
            if found is not None:
                return found
        return None

    def label_file(self, image: str) -> str:
        """The label file of an image, which need not exist: in `labels` for one in `images`, or else beside it."""
        if image not in self._label_files:
            stem = os.path.splitext(image)[0]
            candidates = [f"{one}.txt" for one in (_IMAGES.sub(rf"\1{LABELS}", stem), stem)]
            self._label_files[image] = next(filter(None, map(self._names.find, candidates)), candidates[0])
        return self._label_files[image]

    def images_below(self, folder: str) -> list[str]:
        """The images in a folder and its sub-folders, and behind them what label files there have no image."""
        start = "" if folder == "." else f"{folder}/"
        images = [name for name in self._images if name.startswith(start)]
        labels = _IMAGES.sub(rf"\1{LABELS}", start)
        if labels == start:
            return images
        used = {self.label_file(image) for image in images}
        return images + [os.path.splitext(start + name.removeprefix(labels))[0] + IMAGE_SUFFIXES[0]
                         for name in self._texts if name.startswith(labels) and name not in used
                         and not name.endswith(CLASSES_FILE)]


class YoloPart(NamedTuple):
    """The images of one purpose.

    Attributes:
        files: of the dataset.
        images: their names; some need not exist.
        names: of the classes, by the number in label files.
        sources: names of the files that say all that.
        has_keypoints: the first four numbers of an object are its box, whatever follows.
    """

    files: YoloFiles
    images: list[str]
    names: dict[int, str]
    sources: list[str]
    has_keypoints: bool = False

    @property
    def label_files(self) -> list[str]:
        """Those of the images, one each; some need not exist."""
        return [self.files.label_file(image) for image in self.images]


def find_yolo_parts(folder: Path) -> dict[str, YoloPart]:
    """The parts of a YOLO dataset, by purpose; empty where the folder is none.

    Raises:
        UserError: it is one without doubt, and cannot be used.
    """
    path, content = _data_yaml(folder)
    if path is not None:
        return _parts_of_yaml(path, content)
    path = _names_file(folder)
    if path is None:
        return {}
    names = dict(enumerate(_lines(path)))
    files = YoloFiles(folder)
    described = _parts_of_darknet(folder, files, names, path.relative_to(folder).as_posix())
    has_labels = any(part.files.folder.joinpath(name).is_file() for part in described.values()
                     for name in part.label_files)
    return described if has_labels else {}


def _data_yaml(folder: Path) -> tuple[Path | None, dict[str, Any]]:
    """The file that describes a dataset, and its content; `data.yaml` before others."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".yaml", ".yml"))
    for path in sorted(paths, key=lambda path: path.stem.lower() != "data"):
        try:
            content = read_yaml_texts(path, MOST_YAML)
        except (OSError, ValueError) as error:
            if path.stem.lower() == "data":
                raise UserError(f"{path} cannot be read: {shown(reason_of_reading(error))}. {EXPECTED}") from error
            continue
        if isinstance(content, dict) and "names" in content and content.keys() & {"train", "val"}:
            return path, content
    return None, {}


def _parts_of_yaml(path: Path, content: dict[str, Any]) -> dict[str, YoloPart]:
    names, files, base = _names_of_yaml(path, content), YoloFiles(path.parent), content.get("path")
    inside = files.find(base) if isinstance(base, str) else None
    parts = {}
    for purpose, keys in KEYS.items():
        key = next((key for key in keys if content.get(key)), None)
        if key is None:
            continue
        stated = content[key] if isinstance(content[key], list) else [content[key]]
        if not all(isinstance(one, str) for one in stated):
            raise UserError(f"{path}: '{key}' is no folder or text list of images. {EXPECTED}")
        found = [files.find(one, inside if inside not in (None, ".") else "") for one in stated]
        if None not in found:
            parts[purpose] = _part(files, [one for one in found if one], names, path.name, "kpt_shape" in content)
        elif purpose != TEST:  # Roboflow states it, whether there are such images or not
            missing = stated[found.index(None)]
            raise UserError(f"{path}: '{key}' is {shown(missing)}, and there is no such folder with files, and no such "
                            f"text list, below {path.parent}. Correct it"
                            f"{'' if key == 'train' else f', or delete the line {key!r}'}.")
    return parts


def _names_of_yaml(path: Path, content: dict[str, Any]) -> dict[int, str]:
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


def _names_file(folder: Path) -> Path | None:
    """The file with the names of the classes, a line each."""
    candidates = [*sorted(folder.glob("*.names")), folder / CLASSES_FILE, folder / LABELS / CLASSES_FILE,
                  *sorted(folder.glob(f"*/{ROBOFLOW_NAMES}"))]
    return next(filter(Path.is_file, candidates), None)


def _parts_of_darknet(folder: Path, files: YoloFiles, names: dict[int, str], source: str) -> dict[str, YoloPart]:
    """The parts that a `.data` file states, else those with lists of usual names, else those with such folders."""
    for path in sorted(folder.glob("*.data")):
        entries = (line.partition("=") for line in _lines(path))
        stated = {key.strip(): value.strip() for key, mark, value in entries if mark}
        lists = {purpose: found for purpose, keys in KEYS.items() for key in keys
                 if key in stated and (found := files.find(stated[key]))}
        lacking = [key for purpose, keys in KEYS.items() for key in keys
                   if key in stated and purpose not in lists and purpose != TEST]
        if lists and lacking:
            raise UserError(f"{path}: '{lacking[0]}' is {shown(stated[lacking[0]])}, and there is no such folder or "
                            f"text list below {folder}. Correct it, or delete the line '{lacking[0]}'.")
        if lists:
            return {purpose: _part(files, [found], names, source) for purpose, found in lists.items()}
    parts = usual_parts(lambda name: (folder / f"{name}.txt").is_file())
    if parts:
        return {purpose: _part(files, [f"{name}.txt"], names, source) for purpose, name in parts.items()}
    in_images = usual_parts(lambda name: (folder / IMAGES / name).is_dir())
    if in_images:
        return {purpose: _part(files, [f"{IMAGES}/{name}"], names, source) for purpose, name in in_images.items()}
    parts = usual_parts(lambda name: (folder / name).is_dir())
    if parts:
        return {purpose: _part(files, [name], names, source) for purpose, name in parts.items()}
    return {TRAINING: _part(files, [files.find(IMAGES) or "."], names, source)}


def _part(files: YoloFiles, found: Iterable[str], names: dict[int, str], source: str, has_keypoints: bool = False
          ) -> YoloPart:
    """The images of folders and text lists."""
    images: dict[str, None] = {}
    sources = [source]
    for name in found:
        if (files.folder / name).is_dir():
            images.update(dict.fromkeys(files.images_below(name)))
        else:
            sources.append(name)
            images.update(dict.fromkeys(_listed(files, name)))
    return YoloPart(files, list(images), names, sources, has_keypoints)


def _listed(files: YoloFiles, name: str) -> Iterable[str]:
    """The images that a text list names, also those that are not there."""
    path = files.folder / name
    for line in filter(None, map(str.strip, _lines(path))):
        found = files.find(line, os.path.dirname(name))
        if found is None:
            try:
                found = Path(path_below(files.folder, line)).relative_to(files.folder).as_posix()
            except ValueError as error:
                raise UserError(f"{path} names an image that is not below {files.folder}: {shown(line)}. Put it there, "
                                "or delete the line.") from error
        yield found


def _lines(path: Path) -> list[str]:
    """The lines of a text file, without empty ones at the end."""
    try:
        return [line.strip() for line in read_text(path, MOST_TEXT).rstrip().splitlines()]
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {shown(reason_of_reading(error))}") from error
