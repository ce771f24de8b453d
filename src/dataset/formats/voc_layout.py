"""Where a dataset in the Pascal VOC format keeps its images, its xml files, and the lists of its parts."""
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from src.dataset.annotations import EVALUATION_NAMES, TRAINING, TRAINING_NAMES
from src.dataset.file_names import readable_files_below
from src.dataset.formats.part_names import purpose_of_image_file
from src.dataset.images import IMAGE_SUFFIXES
from src.dataset.paths import path_below
from src.utils.errors import UserError
from src.utils.safe_io import MEGABYTE, read_text, shown, shown_list

SPLITS = Path("ImageSets", "Main")
ANNOTATIONS = "Annotations"
COLUMN = re.compile(r"\s+(1|0|-1)$")
MOST_SPLIT = 256 * MEGABYTE
MOST_LISTS = 20  # that a message shows


class VocLayout(NamedTuple):
    """Where a VOC dataset keeps one of its parts.

    Attributes:
        image_dir: folder of the images.
        annotation_dir: folder of the xml files.
        split_file: list of the names of the part; None when the part is all xml files of the folder.
        more_lists: other lists of the same part.
        other_lists: lists of other parts, whose names are left out.
        chosen: the xml files of the part, where it has no list and is not all of the folder.
        left_out: xml files of the folder that are left out, because they are of another part.
    """

    image_dir: Path
    annotation_dir: Path
    split_file: Path | None = None
    more_lists: tuple[Path, ...] = ()
    other_lists: tuple[Path, ...] = ()
    chosen: tuple[Path, ...] | None = None
    left_out: tuple[Path, ...] = ()

    @property
    def lists(self) -> tuple[Path, ...]:
        """The lists that say what is in the part."""
        return () if self.split_file is None else (self.split_file, *self.more_lists)

    def annotation_files(self) -> list[Path]:
        """The xml files of this part, sorted; files that a list names need not exist.

        Raises:
            UserError: a list or a folder cannot be read, or a list names files outside the folder.
        """
        if self.split_file is not None:
            return sorted(self._named_by(self.lists) - self._named_by(self.other_lists))
        return list(self.chosen) if self.chosen is not None else xml_files(self.annotation_dir)

    def files_of_another_part(self) -> list[Path]:
        """The xml files that would be in this part if another one had not got them; errors as `annotation_files`."""
        return sorted({*self.left_out, *(self._named_by(self.lists) & self._named_by(self.other_lists))})

    def files_of_all_parts(self) -> list[Path]:
        """The xml files of this part and of others in the same folder; errors as `annotation_files`."""
        if self.split_file is None:
            return xml_files(self.annotation_dir)
        return sorted(self._named_by(sorted(self.split_file.parent.glob("*.txt"))))

    def _named_by(self, lists: Sequence[Path]) -> set[Path]:
        return {path for one in lists for path in listed_files(self.annotation_dir, one)}


def xml_files(folder: Path) -> list[Path]:
    """The xml files of a folder and its sub-folders, sorted; a `UserError` where one cannot be read."""
    return [folder / name for name in readable_files_below(folder) if name.lower().endswith(".xml")]


def listed_files(annotation_dir: Path, list_file: Path) -> set[Path]:
    """The xml files that a list names, which need not exist.

    Raises:
        UserError: the list cannot be read, or names files outside the folder.
    """
    try:
        return {listed_file(annotation_dir, line) for line in list_lines(list_file)}
    except (OSError, ValueError) as error:
        raise UserError(f"{list_file} cannot be used: {shown(error)}") from error


def list_lines(list_file: Path) -> list[str]:
    """The lines of a list that are not empty."""
    return [line for line in map(str.strip, read_text(list_file, MOST_SPLIT).splitlines()) if line]


def listed_file(annotation_dir: Path, line: str) -> Path:
    """The xml file that a line of a list means, which need not exist.

    The name may hold blanks, and have a suffix. A second column may follow it: 1, 0 or -1, as in the lists per class of
    the VOC challenge and in those of VoTT, or anything else.

    Raises:
        ValueError: it is outside the folder, or no file can have this name.
    """
    name = COLUMN.sub("", line)
    for one in dict.fromkeys((line, name, line.split()[0])):
        stem, suffix = os.path.splitext(one)
        for candidate in (one, stem) if suffix.lower() in (*IMAGE_SUFFIXES, ".xml") else (one,):
            path = Path(path_below(annotation_dir, f"{candidate}.xml"))
            if path.is_file():
                return path
    return Path(path_below(annotation_dir, f"{name}.xml"))


def find_layout(voc_root: Path | str, is_training: bool, data_type: str) -> VocLayout:
    """Finds the images and annotations of the training or the evaluation part below `voc_root`.

    1. The folder `<data_type>`, or else `train` or `eval`, with `Images` and `Annotations` inside, or all files in it.
    2. The standard layout: `JPEGImages`, `Annotations`, and a split of `ImageSets/Main`: `<data_type>.txt` if there is
       one; else, where `data_type` is a usual name, for training `trainval.txt` if there is a `test.txt` to evaluate
       on, otherwise `train.txt`, otherwise `default.txt`, as CVAT calls it; for evaluation `test.txt`, otherwise
       `val.txt`.
    3. For training, a folder without parts: the xml files in it or in its `Annotations`, with the images beside them
       or in `JPEGImages` or `Images`.

    Files may lie in sub-folders, where images and annotations have the same ones; those of a folder without parts are
    not for training where they are called as an evaluation part.

    Raises:
        UserError: none of them is there.
    """
    root, splits = Path(voc_root), Path(voc_root) / SPLITS
    usual = "train" if is_training else "eval"
    folders = [root / name for name in dict.fromkeys([data_type, usual]) if name]
    for part in filter(Path.is_dir, folders):
        annotations = part / ANNOTATIONS
        return VocLayout(image_folder(part), annotations if annotations.is_dir() else part)
    listed = find_list(root, is_training, data_type)
    if listed is not None:
        return listed
    whole = _whole_folder(root) if is_training and not splits.exists() else None
    if whole is not None:
        return whole
    looked_for = ", ".join(f"{name}.txt" for name in _list_names(splits, is_training, data_type))
    lists = shown_list(sorted(path.name for path in splits.glob("*.txt")), MOST_LISTS) or "no list"
    raise UserError(f"{root} is no VOC dataset with {'training' if is_training else 'evaluation'} images: looked for "
                    f"the folder {' or '.join(map(str, folders))} (with Images and Annotations inside, or images and "
                    f"xml files together), and for JPEGImages, Annotations and one of {looked_for} in {splits}, where "
                    f"there is {lists}. A list of another name is chosen by "
                    f"--{'train' if is_training else 'val'}_data_type=NAME.")


def find_list(root: Path, is_training: bool, data_type: str) -> VocLayout | None:
    """The second layout of `find_layout`, or None."""
    image_dir, annotation_dir = root / "JPEGImages", root / ANNOTATIONS
    if image_dir.is_dir() and annotation_dir.is_dir():
        for name in _list_names(root / SPLITS, is_training, data_type):
            split_file = root / SPLITS / f"{name}.txt"
            if split_file.is_file():
                return VocLayout(image_dir, annotation_dir, split_file)
    return None


def _list_names(splits: Path, is_training: bool, data_type: str) -> list[str]:
    """What the list of a part may be called, the likeliest name first."""
    if is_training:
        names = [*(["trainval"] if (splits / "test.txt").is_file() else []), "train", "default"]
    else:
        names = ["test", "val"]
    if data_type and data_type not in (*TRAINING_NAMES, *EVALUATION_NAMES):
        names = []  # that list and no other
    return [name for name in dict.fromkeys([data_type, *names]) if name]


def _whole_folder(root: Path) -> VocLayout | None:
    """The layout of a folder whose xml files are not divided into parts, or None."""
    for annotations in (root / ANNOTATIONS, root):
        files = xml_files(annotations) if annotations.is_dir() else []
        purposes = {path: purpose_of_image_file(path.relative_to(annotations).as_posix()) or TRAINING for path in files}
        chosen, left_out = ([path for path in files if (purposes[path] == TRAINING) is one] for one in (True, False))
        if chosen:
            return VocLayout(image_folder(root), annotations, chosen=tuple(chosen), left_out=tuple(left_out))
    return None


def image_folder(folder: Path) -> Path:
    """The sub-folder of the images, or the folder itself."""
    folders = (folder / name for name in ("JPEGImages", "Images", "images"))
    return next(filter(Path.is_dir, folders), folder)
