"""The folders and lists of images that a file states for each purpose, found below the folder of the dataset."""
import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from src.dataset.annotations import TEST
from src.dataset.formats.yolo_files import YoloFiles
from src.dataset.paths import MOST_NAMES, ends_of
from src.utils.errors import UserError
from src.utils.safe_io import shown, shown_list


class _Place(NamedTuple):
    """A folder or list of one purpose.

    Attributes:
        key: by which the file states it.
        text: as the file states it.
        whole: the same without `..`; relative to the dataset where it leads there.
        found: what it is below the folder of the dataset.
    """

    key: str
    text: str
    whole: str
    found: str

    def is_wrongly_around(self, other: "_Place") -> bool:
        """Whether only an end of this path is found, and that has the images of the other, which the file keeps
        apart."""
        is_an_end = self.found.count("/") < self.whole.count("/")
        return is_an_end and _is_in(other.found, self.found) and not _is_in(other.whole, self.whole)

    def collides_with(self, other: "_Place") -> bool:
        return self.is_wrongly_around(other) or other.is_wrongly_around(self)


def _is_in(name: str, folder: str) -> bool:
    return folder == "." or name == folder or name.startswith(f"{folder}/")


def find_stated(path: Path, files: YoloFiles, stated: Mapping[str, tuple[str, list[str]]], beside: str = ""
                ) -> dict[str, list[str]]:
    """What a file states, as names in `files`, by purpose; test images that are not there are left out.

    Args:
        path: of the file.
        stated: by purpose, the key and the paths.
        beside: the folder that paths are relative to.

    Raises:
        UserError: something is not there, or images would have two purposes because only ends of their paths are there.
    """
    places: dict[str, list[_Place]] = {}
    for purpose, (key, texts) in stated.items():
        found = {text: name for text in texts if (name := files.find(text, beside))}
        missing = [text for text in texts if text not in found]
        if not missing:
            places[purpose] = [_Place(key, text, _whole(files.folder, text), name) for text, name in found.items()]
        elif purpose != TEST:  # Roboflow states it, whether there are such images or not
            raise UserError(f"{path}: '{key}' is {shown(missing[0])}, and there is no such folder with files, and no "
                            f"such text list, below {files.folder}. Correct it"
                            f"{'' if key == 'train' else f', or delete the line {key!r}'}.")
    others = [place for purpose, those in places.items() if purpose != TEST for place in those]
    if any(one.collides_with(other) for one in places.get(TEST, []) for other in others):
        del places[TEST]
    for one, other in itertools.combinations(others, 2):
        if one.key != other.key and one.collides_with(other):
            raise UserError(f"{path}: '{one.key}' is {shown(one.text)}, '{other.key}' is {shown(other.text)}, and only "
                            f"their ends {shown(one.found)} and {shown(other.found)} are found below {files.folder}, "
                            "so that images would be in both. There are images in "
                            f"{shown_list(files.image_folders(), MOST_NAMES)}. Correct both lines.")
    return {purpose: [place.found for place in those] for purpose, those in places.items()}


def _whole(folder: Path, text: str) -> str:
    inside = os.path.relpath(text, folder) if os.path.isabs(text) else text
    return next(ends_of(text if inside.startswith("..") else inside), ".")
