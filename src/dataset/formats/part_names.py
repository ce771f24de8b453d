"""Which part of a dataset a file belongs to, going by the names of its folders."""
import posixpath
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from src.dataset.annotations import PART_NAMES, TRAINING, purpose_of_name
from src.utils.safe_io import MOST_JSON, read_file

_PURPOSE_OF = {name: purpose for purpose, names in PART_NAMES.items() for name in names}


class PartFolder(NamedTuple):
    """A folder that is called as a part.

    Attributes:
        purpose: of the part.
        path: of the folder, with `/`.
    """

    purpose: str
    path: str


def part_folders(name: str) -> list[PartFolder]:
    """The folders above a file that are called as parts, in small or capital letters; the outermost comes first."""
    folders = name.split("/")[:-1]
    return [PartFolder(_PURPOSE_OF[folder.lower()], "/".join(folders[:depth]))
            for depth, folder in enumerate(folders, 1) if folder.lower() in _PURPOSE_OF]


def purpose_of_image_file(name: str) -> str:
    """What the annotation file of one image is for, or empty.

    A folder that is called as a part, inside another such folder, is a sub-folder of that part like any other.
    """
    return next((folder.purpose for folder in part_folders(name)), "")


def purpose_of_export(name: str) -> str:
    """What an annotation file with many images is for, or empty: its own name tells, or else the nearest folder."""
    path = PurePosixPath(name)
    nearest = next((folder.purpose for folder in reversed(part_folders(name))), "")
    return purpose_of_name(path.stem) or purpose_of_name(path.parent.name) or nearest


def files_by_part(names: Iterable[str]) -> dict[str, list[str]]:
    """Annotation files of one image each, by purpose; without the name of a part, they are for training."""
    files: dict[str, list[str]] = {}
    for name in names:
        files.setdefault(purpose_of_image_file(name) or TRAINING, []).append(name)
    return files


def copies_of_parts(folder: Path, names: Iterable[str]) -> set[str]:
    """The annotation files without the name of a part of which a part has a copy, with the same name and content.

    Scripts that divide a dataset copy its files into the folders of parts, and leave the first ones where they are.
    """
    unnamed, in_parts = [], dict[str, list[str]]()
    for name in names:
        if purpose_of_image_file(name):
            in_parts.setdefault(posixpath.basename(name), []).append(name)
        else:
            unnamed.append(name)
    return {name for name in unnamed if any(
        _same_content(folder / name, folder / other) for other in in_parts.get(posixpath.basename(name), ()))}


def _same_content(one: Path, other: Path) -> bool:
    try:
        return one.stat().st_size == other.stat().st_size and read_file(one, MOST_JSON) == read_file(other, MOST_JSON)
    except OSError:  # the reader will say so
        return False
