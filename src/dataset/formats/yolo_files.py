"""The files of a YOLO dataset: its images, their label files and text lists, and the paths that a file states."""
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from src.dataset.annotations import EVALUATION, TEST, TRAINING
from src.dataset.file_names import FileNames, files_below, folders_of
from src.dataset.formats.label_names import CLASSES_FILE, MOST_TEXT
from src.dataset.formats.part_names import part_folders
from src.dataset.formats.yolo_lines import has_label_lines
from src.dataset.images import IMAGE_SUFFIXES
from src.dataset.paths import ends_of, path_below
from src.utils.errors import UserError
from src.utils.safe_io import read_text, reason_of_reading, shown

# How the files that describe a dataset call the images of each purpose.
KEYS = {TRAINING: ("train",), EVALUATION: ("val", "valid", "validation"), TEST: ("test",)}
IMAGES, LABELS = "images", "labels"
_IMAGES = re.compile(r"(?<![^/])(?:images|jpegimages)(?=/)", re.IGNORECASE)


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
            candidates = [f"{one}.txt" for one in _with_labels(os.path.splitext(image)[0])]
            self._label_files[image] = next(filter(None, map(self._names.find, candidates)), candidates[0])
        return self._label_files[image]

    def images_below(self, folder: str) -> list[str]:
        """The images in a folder and its sub-folders, and behind them what label files there have no image."""
        start = "" if folder == "." else f"{folder}/"
        images = [name for name in self._images if name.startswith(start)]
        used = {self.label_file(image) for image in images}
        unused = [name for name in self._texts if name not in used]
        labels = next(_with_labels(start))
        lost = [] if labels == start else [start + name.removeprefix(labels) for name in unused
                                           if name.startswith(labels) and not name.endswith(CLASSES_FILE)]
        lost += [name for name in unused if name.startswith(start) and has_label_lines(self.folder / name)]
        return images + [os.path.splitext(name)[0] + IMAGE_SUFFIXES[0] for name in lost]

    def part_folders(self) -> dict[str, list[str]]:
        """The folders of images that are called as a part, by purpose; of those in each other, the outermost."""
        found = {folders[0]: None for name in self._images if (folders := part_folders(name))}
        return {purpose: sorted(one.path for one in found if one.purpose == purpose)
                for purpose in dict.fromkeys(one.purpose for one in found)}

    def labelled_outside_parts(self) -> list[str]:
        """The images in no such folder that have a label file."""
        return [name for name in self._images
                if not part_folders(name) and (self.folder / self.label_file(name)).is_file()]

    def image_folders(self) -> list[str]:
        """The folders that images lie in."""
        return sorted({os.path.dirname(name) or "." for name in self._images})

    def is_list(self, name: str) -> bool:
        """Whether a text is a list of images: it is there, and no label file, which lies beside its image or has lines
        of one."""
        stem = os.path.splitext(name)[0]
        has_image = any(self._names.find(stem + suffix) for suffix in IMAGE_SUFFIXES)
        return (self.folder / name).is_file() and not has_label_lines(self.folder / name, if_empty=has_image)


def _with_labels(name: str) -> Iterator[str]:
    """The name with `labels` for a folder `images`, the last one first, as Ultralytics takes it; then as it is."""
    for found in reversed(list(_IMAGES.finditer(name))):
        yield name[:found.start()] + LABELS + name[found.end():]
    yield name


class YoloPart(NamedTuple):
    """The images of one purpose.

    Attributes:
        files: of the dataset.
        images: their names; some need not exist.
        names: of the classes, by the number in label files.
        sources: names of the files that say all that; first those that name the classes.
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

    @property
    def has_labels(self) -> bool:
        return any(self.files.folder.joinpath(name).is_file() for name in self.label_files)


def part_of(files: YoloFiles, found: Iterable[str], names: dict[int, str], sources: Iterable[str],
            has_keypoints: bool = False) -> YoloPart:
    """The images of folders and text lists, and single ones; `sources` name the classes."""
    images: dict[str, None] = {}
    read = list(sources)
    for name in found:
        if (files.folder / name).is_dir():
            images.update(dict.fromkeys(files.images_below(name)))
        elif name.lower().endswith(IMAGE_SUFFIXES):
            images[name] = None
        else:
            read.append(name)
            images.update(dict.fromkeys(_listed(files, name)))
    return YoloPart(files, list(images), names, read, has_keypoints)


def _listed(files: YoloFiles, name: str) -> Iterable[str]:
    """The images that a text list names, also those that are not there."""
    path = files.folder / name
    for line in filter(None, map(str.strip, lines_of(path))):
        found = files.find(line, os.path.dirname(name))
        if found is None:
            try:
                found = Path(path_below(files.folder, line)).relative_to(files.folder).as_posix()
            except ValueError as error:
                raise UserError(f"{path} names an image that is not below {files.folder}: {shown(line)}. Put it there, "
                                "or delete the line.") from error
        yield found


def lines_of(path: Path) -> list[str]:
    """The lines of a text file, without empty ones at the end."""
    try:
        return [line.strip() for line in read_text(path, MOST_TEXT).rstrip().splitlines()]
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {shown(reason_of_reading(error))}") from error
