"""The image files that annotations mean, where the paths that they state lead nowhere."""
import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from src.dataset.file_names import FileNames, folders_of, name_key
from src.dataset.formats.part_names import part_folders
from src.dataset.images import IMAGE_SUFFIXES

# Last parts of a path that are compared.
MOST_PARTS = 16
# Folders that hold the images of many others.
SHARED_FOLDERS = ("", "images")


class Claim(NamedTuple):
    """What annotations call an image.

    Attributes:
        names: what its file may be called, relative to the folder of the dataset, with `/`; the likeliest first.
        place: folder of the annotation file, in the same way.
        purpose: of the part that names the image; empty where it is in none.
    """

    names: tuple[str, ...]
    place: str = ""
    purpose: str = ""


def match_files(claims: Sequence[Claim], files: Iterable[str]) -> list[str | None]:
    """The file that is meant, for each claim; None where it is not there or cannot be told.

    A name that is a file as it stands leads to it. Programs also write folders of another machine or addresses, or
    leave folders out. So, of the files that nothing else leads to, the one counts then that has the most last parts of
    its path in common with a name; not if two have as many, or if something else leads to it in the same way. The
    claims must be those of all parts.

    Where the folder that a name states is there and has images, or that of the annotation file, the file lies in it or
    nowhere. It does not lie in a folder of another part, nor in one whose images have annotations of their own there.
    """
    files = list(files)
    found = exact_files(claims, files)
    if None not in found:
        return list(found)
    guesses = _Guesses(claims, found, files)
    closest = {claim: guesses.closest(claim) for claim, file in zip(claims, found) if file is None}
    number_of_claims = Counter(closest.values())
    return [file or (closest[claim] if number_of_claims[closest[claim]] == 1 else None)
            for claim, file in zip(claims, found)]


def exact_files(claims: Sequence[Claim], files: Iterable[str]) -> list[str | None]:
    """As `match_files`, but only files that a name leads to as it stands."""
    names = FileNames(files)
    return [next(filter(None, map(names.find, claim.names)), None) for claim in claims]


class _Guesses:
    """The files that nothing leads to, by the ends of their paths as `name_key` has them."""

    def __init__(self, claims: Sequence[Claim], found: Sequence[str | None], files: Sequence[str]) -> None:
        self._by_end: dict[str, list[tuple[str, str]]] = {}  # the file, also as `name_key` has it
        for file in set(files).difference(found):
            key = name_key(file)
            for end in _last_parts(key):
                self._by_end.setdefault(end, []).append((key, file))
        self._folders_by_end: dict[str, list[str]] = {}
        for folder in folders_of(name_key(file) for file in files if file.lower().endswith(IMAGE_SUFFIXES)) - {"."}:
            for end in _last_parts(folder):
                self._folders_by_end.setdefault(end, []).append(folder)
        self._places: dict[str, set[str]] = {}  # of the annotations that have images in a folder, by the folder
        for claim, exact in zip(claims, found):
            if exact is not None:
                self._places.setdefault(posixpath.dirname(exact), set()).add(claim.place)

    def closest(self, claim: Claim) -> str | None:
        within = self._folder_with_images(claim.place)
        return next(filter(None, (self._by_name(name, within, claim) for name in claim.names)), None)

    def _by_name(self, name: str, within: str, claim: Claim) -> str | None:
        """The only file with the longest end that may be meant; `within` is the folder that it lies in, or empty."""
        start = f"{within}/" if within else ""
        starts: tuple[str, ...] = (start,)
        for end in _last_parts(name_key(name)):
            files = [file for key, file in self._by_end.get(end, ()) if key.startswith(starts)]
            if files:
                meant = [file for file in files if self._may_be(claim, file)]
                return meant[0] if len(meant) == 1 else None
            if starts == (start,):
                stated = (f"{folder}/" for folder in self._folders_by_end.get(posixpath.dirname(end), ()))
                starts = tuple(folder for folder in stated if folder.startswith(start)) or starts
        return None

    def _folder_with_images(self, place: str) -> str:
        """The folder, or else the nearest one above it, that has images; empty for that of the dataset."""
        place = name_key(f"{place}/.")[:-2] if place else ""
        while place and place not in self._folders_by_end.get(place, []):
            place = posixpath.dirname(place)
        return place

    def _may_be(self, claim: Claim, file: str) -> bool:
        folder = posixpath.dirname(file)
        purposes, places = {part.purpose for part in part_folders(file)}, self._places.get(folder, set())
        if claim.purpose and purposes and claim.purpose not in purposes:
            return False
        if claim.place in places:
            return posixpath.basename(folder) in SHARED_FOLDERS or not _states_folder(claim)
        return not any(folder == place or _is_below(folder, place) for place in places)


def _states_folder(claim: Claim) -> bool:
    """Whether a name has more folders than that of the annotation file."""
    stated = {posixpath.dirname(name.removeprefix(f"{claim.place}/")) for name in claim.names}
    return not stated.issubset(SHARED_FOLDERS)


def _is_below(name: str, folder: str) -> bool:
    return bool(folder) and name.startswith(folder + "/")


def _last_parts(name: str) -> Iterator[str]:
    """`b/c/d.png`, `c/d.png`, `d.png`."""
    parts = name.split("/")[-MOST_PARTS:]
    return ("/".join(parts[start:]) for start in range(len(parts)))
