"""Files and folders of the key `data` whose names say that they are for evaluation, and that no format could use."""
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from src.dataset.annotations import EVALUATION, PART_NAMES, TEST, AnnotationSource
from src.utils.errors import UserError
from src.utils.safe_io import shown

# Where annotation programs put the parts of a dataset.
PLACES = ("", "images", "Images", "labels", "annotations", "Annotations", "JPEGImages", "ImageSets/Main")
SUFFIXES = (".json", ".txt", ".xml")
_PREFIX = "instances_"  # of COCO's annotation files


def require_no_unused_part(folder: Path, parts: dict[str, AnnotationSource], images: Iterable[str] = ()) -> None:
    """Checks that no evaluation part lies in a folder without being used.

    Args:
        folder: of the key `data`.
        parts: what was found in it, by purpose.
        images: paths of images that are used, whatever their folders are called.

    Raises:
        UserError: there is one; training images would be evaluated in its place.
    """
    purposes = [purpose for purpose in (EVALUATION, TEST) if purpose not in parts]
    found = list(_called(folder, [name for purpose in purposes for name in PART_NAMES[purpose]]))
    if not found:
        return
    files = [str(file) for part in parts.values() for file in part.annotation_files]
    used = list(map(os.path.abspath, (*images, *files)))
    for path in found:
        place = os.path.abspath(path)
        if not any(one == place or one.startswith(place + os.sep) for one in used):
            kind = next(iter(parts.values())).kind
            raise UserError(f"{shown(path)} has the name of an evaluation part, but no annotations that can be used "
                            f"are found for it (dataset: {kind}). Correct them; or rename or delete it, and val_share "
                            "holds out training images instead.")


def _called(folder: Path, names: Collection[str]) -> Iterator[Path]:
    """The files and folders with such names, in small or capital letters."""
    for place in map(folder.joinpath, PLACES):
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            name = path.name.lower()
            if not path.is_dir():
                stem, suffix = os.path.splitext(name)
                name = stem.removeprefix(_PREFIX) if suffix in SUFFIXES else ""
            if name in names:
                yield path
