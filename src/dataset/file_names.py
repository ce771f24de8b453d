"""Names of files in annotations: programs and systems spell one name in several ways.

Letters with accents are one character or two (Unicode NFC or NFD), folders are separated by `/` or a backslash, and the
suffix is written in capital letters or small ones.
"""
import logging
import os
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from src.dataset.reading_once import once
from src.utils.errors import UserError
from src.utils.safe_io import shown

logger = logging.getLogger(__name__)
# What this program writes: a folder with detections or the results of an evaluation has pictures of any name; beside
# MindRecord files, the checkpoints of a run, and the report of a check lie a few files that look like data.
_RESULTS = frozenset({"detections.json", "detections.csv", "eval_results.json"})
_RECORDS = frozenset(f"{prefix}.mindrecord{end}" for prefix in ("ssd", "ssd_eval") for end in (".json", "0"))
_OF_MACOS = "._"
_CHECKPOINTS, _CHECK = "ckpt_0", {"report.txt", "samples.jpg"}
_LIKE_DATA = frozenset({"instances_eval.json", "instances_held_out.json", "voc_instances_val.json", "first_batch.jpg",
                        "first_batch_matches.jpg", "results.png", "samples.jpg", "classes.png", "box_sizes.png"})


def spellings(name: str) -> Iterator[str]:
    """The name as it stands, and then the other ways to write it."""
    slashed = name.replace("\\", "/") if os.sep != "\\" else name
    for one in dict.fromkeys((name, slashed)):
        yield one
        for form in dict.fromkeys((one, *(unicodedata.normalize(form, one) for form in ("NFC", "NFD")))):
            stem, suffix = os.path.splitext(form)
            yield from (stem + other for other in dict.fromkeys((suffix, suffix.lower(), suffix.upper())))


def slashed(file_name: str | None) -> str:
    """A name that an annotation file states, with `/` between its folders."""
    return (file_name or "").strip().replace("\\", "/")


def files_below(folder: Path | str) -> list[str]:
    """Names of the files in a folder and its sub-folders, relative to it with `/`, sorted.

    Folders whose names begin with a dot are left out, since programs keep copies there, and so are files `._*`, which
    macOS writes beside others. So is what this program wrote; the log tells of folders with results. Folders that are
    links are entered.

    Raises:
        OSError: a folder cannot be read.
    """
    return once(("files below", os.path.abspath(folder)), lambda: _files_below(folder))


def _files_below(folder: Path | str) -> list[str]:
    names: list[str] = []
    for path, folders, files in os.walk(folder, onerror=_raise, followlinks=True):
        place = Path(path).relative_to(folder)
        if place.parts and not _RESULTS.isdisjoint(files):
            logger.info("%s is left out: it holds results of this program", shown(path))
            folders.clear()
            continue
        if _CHECKPOINTS in folders or not _RECORDS.isdisjoint(files) or _CHECK.issubset(files):
            files = [name for name in files if name not in _LIKE_DATA]
        folders[:] = [name for name in folders
                      if not name.startswith(".") and not _leads_back(Path(path, name), len(place.parts))]
        prefix = "".join(f"{part}/" for part in place.parts)
        names += [prefix + name for name in files if not name.startswith(_OF_MACOS)]
    return sorted(names)


def visible(paths: Iterable[Path]) -> list[Path]:
    """Paths, sorted, without the files `._*` that macOS writes beside others."""
    return sorted(path for path in paths if not path.name.startswith(_OF_MACOS))


def folders_of(names: Iterable[str]) -> set[str]:
    """The folders of files, and those above them, all relative to the same folder with `/`, which is `.` itself."""
    places = {os.path.dirname(name) for name in names}
    return {one.as_posix() for place in places for one in (Path(place), *Path(place).parents)}


def readable_files_below(folder: Path | str) -> list[str]:
    """As `files_below`; raises a `UserError` that names the folder that cannot be read."""
    try:
        return files_below(folder)
    except OSError as error:
        raise UserError(f"The folder {error.filename} cannot be read: {error.strerror}.") from error


def _leads_back(path: Path, depth: int) -> bool:
    """Whether a link leads to a folder above it, or above one that the way to it went through; `depth` of them."""
    if not path.is_symlink():
        return False
    real = path.resolve()
    return any(parent.resolve().is_relative_to(real) for parent in list(path.parents)[:depth + 1])


def _raise(error: OSError) -> None:
    raise error


class FileNames:
    """A set of names that finds a name whatever its spelling; the exact one comes first."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)
        self._by_key = {name_key(name): name for name in sorted(self._names, reverse=True)}

    def find(self, name: str) -> str | None:
        """The name as it is in the set, or None."""
        return name if name in self._names else self._by_key.get(name_key(name))


def name_key(name: str) -> str:
    """The same text for all spellings of a name, but for the mark between its folders."""
    stem, suffix = os.path.splitext(unicodedata.normalize("NFC", name))
    return stem + suffix.lower()
