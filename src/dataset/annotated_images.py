"""Exports of annotation programs: which files of a folder are theirs, and the images that these name."""
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from src.dataset.annotations import (
    FOREIGN_IMAGE,
    SEVERAL_FILES,
    TRAINING,
    AnnotationSource,
    ImageRecord,
    Report,
    purpose_of_name,
)
from src.dataset.file_names import FileNames, name_key, readable_files_below
from src.dataset.paths import path_below
from src.dataset.voc import assign_ids, unique_names
from src.utils.safe_io import decoded_head, open_file

# Files of a folder that are looked at to tell their format, and bytes of each.
MOST_FILES, MOST_BYTES = 10, 1 << 16
MOST_SIZE = 1 << 40
# Last parts of a path that are compared.
MOST_PARTS = 16
NOT_IMAGES = (".json", ".xml", ".txt")


class AnnotatedImage(NamedTuple):
    """An image as its annotations describe it.

    Attributes:
        names: what its file may be called, relative to the image folder, with `/`; the likeliest first.
        pixel_boxes: as in `ImageRecord`.
        size: (height, width) as annotated, or None.
        annotation_file: that it is from, where there are several.
    """

    names: tuple[str, ...]
    pixel_boxes: np.ndarray
    size: tuple[int, int] | None = None
    annotation_file: str = ""


def head(path: Path) -> bytes:
    """The beginning of a file that may be in some format, in UTF-8; empty where it cannot be read."""
    try:
        with open_file(path, MOST_SIZE) as stream:
            return decoded_head(stream.read(MOST_BYTES)).encode()
    except OSError:
        return b""


def export_files(folder: Path, suffix: str, is_one: Callable[[Path], bool]) -> list[str]:
    """Names of the files of a format in a folder and its sub-folders, relative to it.

    Args:
        suffix: of the files.
        is_one: whether a file has the format. Folders without one among their first files are left out; in others, all
            files are taken.

    Raises:
        UserError: a folder cannot be read.
    """
    names = sorted((PurePosixPath(name) for name in readable_files_below(folder) if name.lower().endswith(suffix)),
                   key=lambda name: (name.parent, name))
    found = []
    for _, group in itertools.groupby(names, key=lambda name: name.parent):
        beside = list(group)
        if any(is_one(folder / name) for name in beside[:MOST_FILES]):
            found += [str(name) for name in beside]
    return found


def file_sources(kind: str, folder: Path, names: Sequence[str],
                 read: Callable[[Path, Report], list[AnnotatedImage]]) -> dict[str, AnnotationSource]:
    """The sources of a format with many images in a file, by purpose. Names of files and folders say what they are for;
    without such a name, they are for training.

    Args:
        names: of the annotation files, relative to the folder; of those of one purpose, the newest last.
        read: gives the images of a file.
    """
    files: dict[str, list[str]] = {}
    for name in names:
        path = PurePosixPath(name)
        files.setdefault(purpose_of_name(path.stem) or purpose_of_name(path.parent.name), []).append(name)
    unnamed = files.pop("", [])
    if unnamed and TRAINING not in files:
        files[TRAINING] = unnamed
    return {purpose: _source(kind, folder, of_purpose, read) for purpose, of_purpose in files.items()}


def _source(kind: str, folder: Path, names: Sequence[str], read: Callable[[Path, Report], list[AnnotatedImage]]
            ) -> AnnotationSource:
    def read_all(report: Report) -> list[ImageRecord]:
        images = []
        for name in names:
            place = name.rpartition("/")[0]
            for image in read(folder / name, report):
                beside = [f"{place}/{one}" for one in image.names] if place else []
                images.append(image._replace(names=(*beside, *image.names), annotation_file=name))
        return records_of(images, folder, report)

    return AnnotationSource(kind, folder, [folder / name for name in names], read_all)


def records_of(images: Iterable[AnnotatedImage], image_dir: Path, report: Report) -> list[ImageRecord]:
    """Records, sorted by the name of the file, also of images that do not exist, without those outside `image_dir`.

    Of several annotation files with the same image, such as two exports of one project, the last one counts.

    Raises:
        UserError: a folder cannot be read.
    """
    images = list(images)
    files = [name for name in readable_files_below(image_dir) if not name.lower().endswith(NOT_IMAGES)]
    found = []
    for image, file in zip(images, match_files([image.names for image in images], files)):
        try:
            found.append((image, file or _missing(image_dir, image.names[0])))
        except ValueError as error:
            report.add(FOREIGN_IMAGE, error)
    last_file = {name: image.annotation_file for image, name in found}
    for image, name in found:
        if image.annotation_file != last_file[name]:
            report.add(SEVERAL_FILES, f"{name}: {image.annotation_file}, {last_file[name]}")
    found = [(image, name) for image, name in found if image.annotation_file == last_file[name]]
    found.sort(key=lambda pair: pair[1])
    ids = assign_ids(unique_names([name for _, name in found]))
    return [ImageRecord(image_id, str(image_dir / name), image.pixel_boxes, image.size)
            for image_id, (image, name) in zip(ids, found)]


def _missing(image_dir: Path, name: str) -> str:
    """Where an image would be that is not there; errors as `path_below`."""
    return Path(path_below(image_dir, name)).relative_to(image_dir).as_posix()


def match_files(wanted: Sequence[tuple[str, ...]], files: Iterable[str]) -> list[str | None]:
    """The file that is meant, for each tuple of names; None where it is not there or cannot be told.

    A name that is a file as it stands leads to it. Programs also write folders of another machine or addresses, or
    leave folders out. So, of the files that nothing else leads to, the one counts then that has the most last parts of
    its path in common with a name; not if two have as many, or if something else leads to it in the same way.
    """
    files = list(files)
    names = FileNames(files)
    found = [next(filter(None, map(names.find, candidates)), None) for candidates in wanted]
    by_last_parts: dict[str, str | None] = {}
    for file in set(files).difference(found):
        for last_parts in _last_parts(file):
            by_last_parts[last_parts] = None if last_parts in by_last_parts else file
    guesses = {candidates: next(filter(None, (_closest(name, by_last_parts) for name in candidates)), None)
               for candidates, file in zip(wanted, found) if file is None}
    claims = Counter(guesses.values())
    guesses = {candidates: file if claims[file] == 1 else None for candidates, file in guesses.items()}
    return [file or guesses.get(candidates) for candidates, file in zip(wanted, found)]


def _closest(name: str, by_last_parts: dict[str, str | None]) -> str | None:
    return next((by_last_parts[last_parts] for last_parts in _last_parts(name) if last_parts in by_last_parts), None)


def _last_parts(name: str) -> Iterator[str]:
    """`b/c/d.png`, `c/d.png`, `d.png`."""
    parts = name_key(name).split("/")[-MOST_PARTS:]
    return ("/".join(parts[start:]) for start in range(len(parts)))
