"""Where a folder that some program exported keeps COCO annotation files, and the images of each."""
import itertools
import json
import logging
import mmap
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from src.dataset.annotations import TRAINING, purpose_of_name
from src.dataset.file_names import files_below, folders_of
from src.dataset.mindrecord.voc_json import BEGINS_AS_COPY
from src.dataset.paths import is_file_below, path_below, path_by_end
from src.utils.errors import UserError
from src.utils.safe_io import MOST_JSON, open_file, shown, shown_list

logger = logging.getLogger(__name__)
LISTS = (b'"images"', b'"annotations"', b'"categories"')
_FILE_NAME = re.compile(rb'"file_name"\s*:\s*("(?:[^"\\]|\\.)*")')
# Images of a file that are looked for to find their folder, and names that a message shows.
SAMPLE, MOST_NAMES = 20, 5


class CocoPart(NamedTuple):
    """An annotation file and the folder of its images.

    Attributes:
        annotation_file: COCO json.
        image_dir: folder of the images, or above them.
        place: (image_dir, name in the file) -> path of an image.
        is_named: a name says what the file is for.
    """

    annotation_file: Path
    image_dir: Path
    place: Callable[[Path | str, str], str] = path_below
    is_named: bool = True


def find_coco_parts(folder: Path) -> dict[str, CocoPart]:
    """The COCO files in a folder and its sub-folders, by purpose; empty where there is none.

    What a file is for is told by the name of it, or of its folder; a single file without such a name is for training.
    Where another is for training, it is left out, since it often has all images together; the log tells.

    Raises:
        UserError: several files are for the same purpose.
    """
    files: dict[str, list[Path]] = {}
    for name in (name for name in files_below(folder) if name.lower().endswith(".json")):
        if _is_coco(folder / name):
            files.setdefault(_purpose(Path(name).with_suffix("")), []).append(folder / name)
    unnamed = files.pop("", [])
    if unnamed and TRAINING not in files:
        files[TRAINING] = unnamed
    chosen = {purpose: _the_one(paths, purpose) for purpose, paths in files.items()}
    if unnamed and chosen[TRAINING] not in unnamed:
        logger.warning("%s left out: a name says neither train, val nor test, and %s is for training",
                       shown_list(unnamed, MOST_NAMES), shown(chosen[TRAINING]))
    return {purpose: _with_images(folder, purpose, chosen)._replace(is_named=chosen[purpose] not in unnamed)
            for purpose in chosen}


def _purpose(path: Path) -> str:
    """What the last name of a path that says it is for; empty where none does."""
    return next(filter(None, map(purpose_of_name, reversed(path.parts))), "")


def _is_coco(path: Path) -> bool:
    """Whether the three lists of an instances file occur in a file; it is not parsed, since it may be large.

    A copy of the ground truth that this program made of other annotations (`voc_json`) is none.
    """
    try:
        with open_file(path, MOST_JSON) as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return not BEGINS_AS_COPY.match(content) and all(content.find(name) >= 0 for name in LISTS)
    except (OSError, ValueError):  # ValueError: it is empty
        return False


def _the_one(paths: list[Path], purpose: str) -> Path:
    """The instances file, which COCO has beside captions and keypoints."""
    chosen = [path for path in paths if path.name.startswith("instances")] or paths
    if len(chosen) > 1:
        raise UserError(f"There are {len(chosen)} COCO files for {purpose}: {shown_list(chosen, MOST_NAMES)}. Leave "
                        "one of them there; or give those for training, evaluation and test names with train, val "
                        "and test.")
    return chosen[0]


def _with_images(folder: Path, purpose: str, files: dict[str, Path]) -> CocoPart:
    """The file of a purpose and the folder where most of its first images are, else the ends of their names.

    Images of several parts may have the same names. So folders whose path says the same purpose come first, as long as
    half of the images are there; in those that say another, the images of its file do not count.

    Args:
        folder: of the dataset.
        purpose: of the file.
        files: the annotation files by purpose.
    """
    file = files[purpose]
    names = set(itertools.islice(_file_names(file), SAMPLE))
    purposes = {one: _purpose(one.relative_to(folder)) for one in _folders(folder, file)}
    for place in (path_below, path_by_end):
        counts = {}
        for one in purposes:
            found = {name for name in names if is_file_below(one, name, place)}
            other = files.get(purposes[one], file)
            counts[one] = len(found.difference(_file_names(other)) if found and other != file else found)
        own = [one for one in purposes if purposes[one] == purpose and 2 * counts[one] >= max(counts.values())]
        best = max(own or purposes, key=lambda one: counts[one])  # the first of those with the same number
        if counts[best]:
            return CocoPart(file, best, place)
    return CocoPart(file, file.parent)


def _folders(folder: Path, annotation_file: Path) -> Iterable[Path]:
    """The folder of the file, then all others."""
    yield annotation_file.parent
    yield from (folder / path for path in sorted(map(Path, folders_of(files_below(folder)))))


def _file_names(annotation_file: Path) -> Iterator[str]:
    with open_file(annotation_file, MOST_JSON) as stream, mmap.mmap(
            stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for found in _FILE_NAME.finditer(content):
            try:
                yield json.loads(found[1])
            except ValueError:
                continue
