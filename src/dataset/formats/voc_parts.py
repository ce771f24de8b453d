"""The parts of a folder with annotations in the Pascal VOC format, wherever in it they are."""
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from src.dataset.annotations import TRAINING, purpose_of_name, usual_parts
from src.dataset.file_names import folders_of, readable_files_below
from src.dataset.formats.part_names import copies_of_parts, part_folders, purpose_of_image_file
from src.dataset.formats.voc_layout import (
    ANNOTATIONS,
    COLUMN,
    SPLITS,
    VocLayout,
    find_list,
    image_folder,
    list_lines,
    listed_files,
)
from src.dataset.images import IMAGE_SUFFIXES

BOTH = "trainval"  # the list of training and evaluation together


def find_voc_parts(folder: Path) -> dict[str, list[VocLayout]]:
    """Where the parts are, by purpose: lists of the standard layout, else folders; what names no part is for training.

    Raises:
        UserError: a folder or a list cannot be read.
    """
    names = readable_files_below(folder)
    roots = _roots(folder, names)
    parts: dict[str, list[VocLayout]] = {}
    for root in roots:
        for purpose, layout in _listed_parts(folder / root).items():
            parts.setdefault(purpose, []).append(layout)
    for purpose, layouts in _parts_in_folders(folder, names, roots).items():
        parts[purpose] = layouts if "" in roots else [*parts.get(purpose, []), *layouts]
    return parts


def _roots(folder: Path, names: Iterable[str]) -> list[str]:
    """The folders with lists, relative to that of the dataset; empty for that itself. Those of a part are not divided
    once more."""
    lists = (PurePosixPath(name) for name in names if name.lower().endswith(".txt"))
    roots = {"/".join(path.parts[:-3]) for path in lists if path.parts[-3:-1] == SPLITS.parts}
    roots = {root for root in roots if not purpose_of_image_file(f"{root}/{ANNOTATIONS}")}
    return sorted({*roots, *([""] if (folder / SPLITS).is_dir() else [])})


def _listed_parts(root: Path) -> dict[str, VocLayout]:
    names = {TRAINING: "train", **usual_parts(lambda name: (root / SPLITS / f"{name}.txt").is_file())}
    found = {purpose: find_list(root, purpose == TRAINING, name) for purpose, name in names.items()}
    parts = {purpose: layout for purpose, layout in found.items() if layout is not None}
    training = parts.get(TRAINING)
    if training is not None and training.split_file is not None:
        others = [layout.split_file for purpose, layout in parts.items()
                  if purpose != TRAINING and layout.split_file is not None]
        is_whole = training.split_file.stem.lower() == BOTH
        parts[TRAINING] = training._replace(more_lists=_unnamed_lists(training),
                                            other_lists=tuple(others) if is_whole else ())
    return parts


def _unnamed_lists(training: VocLayout) -> tuple[Path, ...]:
    """The lists whose names tell no part, with files of their own: subsets of a project, not those of one class."""
    lists = [path for path in sorted((training.image_dir.parent / SPLITS).glob("*.txt"))
             if path != training.split_file]
    named = [path for path in lists if purpose_of_name(path.stem)]
    taken = {file for path in (*training.lists, *named) for file in listed_files(training.annotation_dir, path)}
    chosen = []
    for path in lists:
        files = listed_files(training.annotation_dir, path) if path not in named else set()
        if files and taken.isdisjoint(files) and not all(map(COLUMN.search, list_lines(path))):
            chosen.append(path)
    return tuple(chosen)


def _parts_in_folders(folder: Path, names: list[str], roots: list[str]) -> dict[str, list[VocLayout]]:
    """Where the xml files are that no list is for."""
    below_lists = tuple(f"{root}/{ANNOTATIONS}/".lstrip("/") for root in roots)
    files = [name for name in names if name.lower().endswith(".xml") and not name.startswith(below_lists)]
    if "" in roots:
        files = [name for name in files if purpose_of_image_file(name)]
    if not files:
        return {}
    with_images = folders_of(name for name in names if name.lower().endswith(IMAGE_SUFFIXES))
    copies = copies_of_parts(folder, files)
    groups: dict[tuple[str, Path, Path], list[str]] = {}
    places: dict[str, tuple[Path, Path]] = {}
    for name in files:
        place = str(PurePosixPath(name).parent)
        if place not in places:
            places[place] = _place(folder, name, with_images)
        groups.setdefault((purpose_of_image_file(name) or TRAINING, *places[place]), []).append(name)
    parts: dict[str, list[VocLayout]] = {}
    for (purpose, annotation_dir, image_dir), group in groups.items():
        chosen, left_out = ([folder / name for name in group if (name in copies) is one] for one in (False, True))
        parts.setdefault(purpose, []).append(
            VocLayout(image_dir, annotation_dir, chosen=tuple(chosen), left_out=tuple(left_out)))
    return parts


def _place(folder: Path, name: str, with_images: set[str]) -> tuple[Path, Path]:
    """The folder of the xml files and that of the images, for an xml file: the first ones where there are images."""
    folders, part = PurePosixPath(name).parent, next(iter(part_folders(name)), None)
    pairs = []  # of the xml files, and above the images
    if ANNOTATIONS in folders.parts:
        depth = folders.parts.index(ANNOTATIONS)
        pairs.append((PurePosixPath(*folders.parts[:depth + 1]), PurePosixPath(*folders.parts[:depth])))
    if part is not None:
        own = PurePosixPath(part.path)
        pairs += [(own, own), (own.parent, own.parent.parent)]
    pairs.append((PurePosixPath(), PurePosixPath()))
    places = [(folder / annotations, image_folder(folder / above)) for annotations, above in pairs]
    return next((place for place in places if place[1].relative_to(folder).as_posix() in with_images), places[0])
