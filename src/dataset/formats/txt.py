"""Annotations as a text file: one image a line, `path xmin,ymin,xmax,ymax,class ...`."""
import logging
import os
import re
from pathlib import Path
from typing import Any

from src.dataset.annotations import (
    FOREIGN_IMAGE,
    TRAINING,
    AnnotationFormat,
    AnnotationSource,
    FormatKeys,
    ImageRecord,
    Report,
    box_array,
    purpose_of_name,
    usual_evaluation_part,
)
from src.dataset.file_names import visible
from src.dataset.formats.label_names import MOST_TEXT, check_labels
from src.dataset.images import IMAGE_SUFFIXES
from src.dataset.paths import existing_file, existing_folder, file_of_part, is_file_below, path_below, resolve_path
from src.utils.errors import UserError
from src.utils.safe_io import decoded_head, open_file, read_text, reason_of_reading, shown, shown_list

logger = logging.getLogger(__name__)
KIND = "other"
IMAGE_FOLDERS = ("images", "Images", "JPEGImages")
MOST_LOOKED_AT = 1 << 16  # bytes of a file that may be a text list
EXPECTED = ("Expected is 'path xmin,ymin,xmax,ymax,class ...' with integers, blanks between the parts and none inside "
            "a box.")
# A name with blanks reaches to the last suffix of an image; another one is the first part of its line.
_SUFFIX = re.compile(rf"({'|'.join(map(re.escape, IMAGE_SUFFIXES))})(?=\s|$)", re.IGNORECASE)
# What programs put behind a name in place of a blank.
_OTHER_SEPARATORS = re.compile("[,;|]")
# A box, or what the reader says of that it is none.
_NUMBER, _LIKE_BOX = re.compile(r"-?[\d.]+"), re.compile(r"-?[\d.]+(,-?[\d.]+)+")


def find_txt(config: Any, is_training: bool) -> AnnotationSource:
    """The text file and the image folder of training or evaluation; without one of its own, evaluation has those of
    training."""
    image_dir, image_key = config.image_dir, "image_dir"
    anno_path, anno_key = config.anno_path, "anno_path"
    if not is_training and config.val_image_dir:
        image_dir, image_key = config.val_image_dir, "val_image_dir"
    if not is_training and config.val_anno_path:
        anno_path, anno_key = config.val_anno_path, "val_anno_path"
    folder = existing_folder(resolve_path(image_dir, config.data_path, image_key), f"image folder ({image_key})")
    annotation_file = existing_file(resolve_path(anno_path, config.data_path, anno_key), f"text file ({anno_key})")
    return _source(annotation_file, folder, config.classes)


def _source(annotation_file: Path, folder: Path, classes: tuple[str, ...]) -> AnnotationSource:
    def read(report: Report) -> list[ImageRecord]:
        records = read_txt(annotation_file, folder, report)
        check_labels(annotation_file, report.classes, classes)
        return records

    return AnnotationSource(KIND, folder, [annotation_file], read)


def look_for_txt(folder: Path, classes: tuple[str, ...]) -> dict[str, AnnotationSource]:
    """As `AnnotationFormat.look`: lists in the folder itself, whose names say what they are for."""
    lists: dict[str, list[tuple[Path, str]]] = {}
    for path in visible(path for path in folder.iterdir() if path.suffix.lower() == ".txt"):
        name = _first_image(path)
        if name:
            lists.setdefault(purpose_of_name(path.stem), []).append((path, name))
    unnamed = lists.pop("", [])
    if TRAINING not in lists and unnamed:
        lists[TRAINING] = unnamed
    elif unnamed:
        logger.warning("%s is not used: its name tells no part, and %s is for training",
                       shown_list(path for path, _ in unnamed), shown(lists[TRAINING][0][0]))
    sources = {}
    for purpose, found in lists.items():
        if len(found) > 1:
            raise UserError(f"There are {len(found)} text lists for {purpose}: "
                            f"{shown_list(path for path, _ in found)}. Leave one of them there; or give those for "
                            "training, evaluation and test names with train, val and test.")
        (path, name), = found
        folders = (folder, *(folder / sub for sub in (*IMAGE_FOLDERS, path.stem)))
        image_dir = next((one for one in folders if is_file_below(one, name)), folder)
        sources[purpose] = _source(path, image_dir, classes)
    return sources


def _first_image(path: Path) -> str:
    """Name of the first image with boxes of a text list; empty where the file is none."""
    try:
        with open_file(path, MOST_TEXT) as stream:
            lines = decoded_head(stream.read(MOST_LOOKED_AT)).splitlines()
    except OSError:
        return ""
    for line in map(str.strip, lines):
        if line and not line.startswith("#"):
            name, tokens = split_line(line)
            if tokens:
                return name if all(map(_LIKE_BOX.fullmatch, tokens)) else ""
            image, *others = _OTHER_SEPARATORS.split(name)
            if others:
                return image if all(map(_NUMBER.fullmatch, others)) else ""
    return ""


def find_evaluation_part(config: Any) -> str:
    """As `FormatKeys.evaluation_part`: the list that `val_anno_path` names, or one beside that of training."""
    if config.val_anno_path:
        return str(config.val_anno_path)
    if config.val_image_dir:
        raise UserError(f"val_image_dir = {config.val_image_dir} names evaluation images, but val_anno_path, their "
                        "list, is empty: set it, or leave val_image_dir out.")
    training = resolve_path(config.anno_path, config.data_path, "anno_path")
    name = usual_evaluation_part("", lambda name: file_of_part(training, name).is_file()
                                 and file_of_part(training, name) != training)
    return str(file_of_part(training, name)) if name else ""


def _annotation_path(config: Any, is_training: bool) -> str:
    return config.anno_path if is_training else config.val_anno_path or config.anno_path


KEYS = FormatKeys(find_txt, _annotation_path, part_keys=("anno_path", "val_anno_path"),
                  evaluation_part=find_evaluation_part)
FORMAT = AnnotationFormat(KIND, "text", "a text file with lines 'path xmin,ymin,xmax,ymax,class ...'", look_for_txt,
                          names_classes=False, keys=KEYS)


def split_line(line: str) -> tuple[str, list[str]]:
    """The name of the image and the boxes behind it, which are not looked at."""
    ends = [found.end() for found in _SUFFIX.finditer(line)] or [len(line.split(maxsplit=1)[0])]
    return line[:ends[-1]], line[ends[-1]:].split()


def parse_box(token: str) -> list[int]:
    """`"xmin,ymin,xmax,ymax,class"` -> `[ymin, xmin, ymax, xmax, class]`, all integers.

    Raises:
        ValueError: not five fields, or a field that is not an integer.
    """
    fields = token.split(",")
    if len(fields) != 5:
        raise ValueError(f"{len(fields)} fields instead of 5")
    xmin, ymin, xmax, ymax, label = (int(field) for field in fields)
    return [ymin, xmin, ymax, xmax, label]


def read_txt(annotation_file: Path | str, image_dir: Path, report: Report) -> list[ImageRecord]:
    """Records of all lines, also of images that do not exist, without those outside `image_dir`.

    The parts of a line are separated by blanks or tabs; empty lines and lines that begin with `#` are skipped. The
    name may hold blanks if it ends with a usual suffix. The image id is the number of the line, counted from 0 and over
    all lines. The class is the label: an index into the list of classes, where 0 is the background.

    Raises:
        UserError: the file cannot be read, or a part of a line is not five integers.
    """
    try:
        lines = read_text(annotation_file, MOST_TEXT).splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"{annotation_file} cannot be read: {reason_of_reading(error)}") from error
    records = []
    for index, line in enumerate(lines):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        where = f"{annotation_file}, line {index + 1}"
        name, tokens = split_line(line)
        rows = []
        for token in tokens:
            try:
                rows.append(parse_box(token))
            except ValueError as error:
                raise UserError(f"{where}: '{shown(token)}' is not a box ({shown(error)}). {EXPECTED}") from error
            report.classes[rows[-1][4]] += 1
        try:
            path = path_below(image_dir, name)
        except ValueError as error:
            report.add(FOREIGN_IMAGE, f"line {index + 1}: {error}")
            continue
        image, *others = _OTHER_SEPARATORS.split(name)
        if others and Path(image).suffix.lower() in IMAGE_SUFFIXES and not os.path.lexists(path):
            raise UserError(f"{where}: '{shown(name)}' has no blank behind the name of the image. {EXPECTED}")
        records.append(ImageRecord(index, path, box_array(rows), upright=False))
    return records
