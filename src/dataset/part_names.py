"""Which part of a dataset a file belongs to, going by the names of its folders."""
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from src.dataset.annotations import PART_NAMES, TRAINING, purpose_of_name

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
    folders = [folder for folder in reversed(PurePosixPath(name).parents) if folder.name.lower() in _PURPOSE_OF]
    return [PartFolder(_PURPOSE_OF[folder.name.lower()], str(folder)) for folder in folders]


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


def copies_of_parts(names: Iterable[str]) -> set[str]:
    """The annotation files without the name of a part that are called like one of a part.

    Scripts that divide a dataset copy its files into the folders of parts, and leave the first ones where they are.
    """
    names = list(names)
    unnamed = {name for name in names if not purpose_of_image_file(name)}
    in_parts = {PurePosixPath(name).name for name in names if name not in unnamed} if unnamed else set()
    return {name for name in unnamed if PurePosixPath(name).name in in_parts}
