"""Annotations in the Pascal VOC format: one xml file an image."""
import functools
import itertools
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml import DTDForbidden, ElementTree

from src.dataset.annotations import (
    BAD_ANNOTATION,
    EVALUATION_NAMES,
    MISSING_ANNOTATION,
    OTHER_NAME,
    TRAINING,
    TRAINING_NAMES,
    AnnotationFormat,
    AnnotationSource,
    FormatKeys,
    ImageRecord,
    Report,
    usual_evaluation_part,
    usual_parts,
)
from src.dataset.file_names import FileNames, files_below, readable_files_below
from src.dataset.images import IMAGE_SUFFIXES
from src.dataset.outlines import named_boxes
from src.dataset.paths import existing_file, path_below, resolve_path
from src.utils.errors import UserError
from src.utils.safe_io import MEGABYTE, read_file, read_text, reason_of_reading, shown, shown_list

SPLITS = Path("ImageSets", "Main")
MAX_IMAGE_ID = 2**31 - 1
_ENCODING = re.compile(rb"<\?xml[^>]*\sencoding=[\"']((?!utf)[\w.-]+)[\"']", re.IGNORECASE)
_COLUMN = re.compile(r"\s+(1|0|-1)$")
MOST_XML = 16 * MEGABYTE
MOST_SPLIT = 256 * MEGABYTE
MOST_LISTS = 20  # that a message shows


class VocLayout(NamedTuple):
    """Where a VOC dataset keeps one of its parts.

    Attributes:
        image_dir: folder of the images.
        annotation_dir: folder of the xml files.
        split_file: list of the names of the part; None when the part is all xml files of the folder.
    """

    image_dir: Path
    annotation_dir: Path
    split_file: Path | None = None

    def annotation_files(self) -> list[Path]:
        """The xml files of this part, sorted; files that the split names need not exist.

        Raises:
            UserError: the split or a folder cannot be read, or the split names files outside the folder.
        """
        try:
            if self.split_file is None:
                return xml_files(self.annotation_dir)
            lines = map(str.strip, read_text(self.split_file, MOST_SPLIT).splitlines())
            return sorted({listed_file(self.annotation_dir, line) for line in lines if line})
        except (OSError, ValueError) as error:
            raise UserError(f"{self.split_file or self.annotation_dir} cannot be used: {shown(error)}") from error


def xml_files(folder: Path) -> list[Path]:
    """The xml files of a folder and its sub-folders, sorted, without those of the parts of a dataset."""
    names = files_below(folder, enter=lambda name: name.lower() not in (*TRAINING_NAMES, *EVALUATION_NAMES))
    return [folder / name for name in names if name.lower().endswith(".xml")]


def listed_file(annotation_dir: Path, line: str) -> Path:
    """The xml file that a line of a list means, which need not exist.

    The name may hold blanks, and have a suffix. A second column may follow it: 1, 0 or -1, as in the lists per class of
    the VOC challenge and in those of VoTT, or anything else.

    Raises:
        ValueError: it is outside the folder, or no file can have this name.
    """
    name = _COLUMN.sub("", line)
    for one in dict.fromkeys((line, name, line.split()[0])):
        stem, suffix = os.path.splitext(one)
        for candidate in (one, stem) if suffix.lower() in (*IMAGE_SUFFIXES, ".xml") else (one,):
            path = Path(path_below(annotation_dir, f"{candidate}.xml"))
            if path.is_file():
                return path
    return Path(path_below(annotation_dir, f"{name}.xml"))


def find_voc(config: Any, is_training: bool) -> AnnotationSource:
    """The images and annotations of training or evaluation below `voc_root`, as `find_layout`."""
    root = resolve_path(config.voc_root, config.data_path, "voc_root")
    layout = find_layout(root, is_training, config.train_data_type if is_training else config.val_data_type)
    return _source(layout, config.classes)


def _source(layout: VocLayout, classes: tuple[str, ...]) -> AnnotationSource:
    files = layout.annotation_files()
    if not files:
        raise UserError(f"{layout.split_file} names no images." if layout.split_file else
                        f"There is no xml file in {layout.annotation_dir}.")
    if layout.split_file is not None:
        files.append(layout.split_file)
    return AnnotationSource("voc", layout.image_dir, files, lambda report: read_voc(layout, classes, report))


def look_for_voc(folder: Path, classes: tuple[str, ...]) -> dict[str, AnnotationSource]:
    """As `AnnotationFormat.look`: the parts that have usual names, else the whole folder."""
    names = usual_parts(lambda name: (folder / name).is_dir() or (folder / SPLITS / f"{name}.txt").is_file())
    sources = {}
    for purpose, name in {TRAINING: "train", **names}.items():
        try:
            layout = find_layout(folder, purpose == TRAINING, name)
        except UserError:
            if purpose == TRAINING and (folder / SPLITS).is_dir() and _has_voc_files(folder / "Annotations"):
                raise  # which tells the lists that are there
            continue
        if _has_voc_files(layout.annotation_dir):
            sources[purpose] = _source(layout, classes)
    return sources


def _has_voc_files(folder: Path) -> bool:
    """Whether the first xml file of a folder is one of VOC: other formats have such files too."""
    try:
        return any(parse_xml(path).tag == "annotation" for path in xml_files(folder)[:1])
    except (UserError, ParseError, OSError, LookupError, ValueError):
        return False


def voc_json_path(config: Any) -> Path:
    """Where the ground truth of the evaluation part comes as a COCO json."""
    return resolve_path(config.voc_root, config.data_path, "voc_root") / config.voc_json


def find_voc_json(config: Any) -> Path:
    """The COCO json that the Model Zoo's SSD made of the evaluation part."""
    return existing_file(voc_json_path(config), "COCO annotation file (voc_root with voc_json)")


def find_evaluation_part(config: Any) -> str:
    """As `FormatKeys.evaluation_part`: a part is there if its folder or its list is."""
    root = resolve_path(config.voc_root, config.data_path, "voc_root")
    return usual_evaluation_part(config.val_data_type, lambda name: (root / name).is_dir()
                                 or (root / SPLITS / f"{name}.txt").is_file())


KEYS = FormatKeys(find_voc, root=lambda config, is_training: config.voc_root,
                  part_keys=("train_data_type", "val_data_type"), evaluation_part=find_evaluation_part,
                  ground_truth=find_voc_json)
FORMAT = AnnotationFormat("voc", "Pascal VOC", "xml files with <annotation>, beside the images or in Annotations",
                          look_for_voc, keys=KEYS)


def find_layout(voc_root: Path | str, is_training: bool, data_type: str) -> VocLayout:
    """Finds the images and annotations of the training or the evaluation part below `voc_root`.

    1. The folder `<data_type>`, or else `train` or `eval`, with `Images` and `Annotations` inside, or all files in it.
    2. The standard layout: `JPEGImages`, `Annotations`, and a split of `ImageSets/Main`: `<data_type>.txt` if there is
       one; else, where `data_type` is a usual name, for training `trainval.txt` if there is a `test.txt` to evaluate
       on, otherwise `train.txt`, otherwise `default.txt`, as CVAT calls it; for evaluation `test.txt`, otherwise
       `val.txt`.
    3. For training, a folder without parts: the xml files in it or in its `Annotations`, with the images beside them
       or in `JPEGImages` or `Images`.

    Files may lie in sub-folders, where images and annotations have the same ones.

    Raises:
        UserError: none of them is there.
    """
    root = Path(voc_root)
    usual = "train" if is_training else "eval"
    folders = [root / name for name in dict.fromkeys([data_type, usual]) if name]
    for part in filter(Path.is_dir, folders):
        annotations = part / "Annotations"
        return VocLayout(_image_folder(part), annotations if annotations.is_dir() else part)
    splits = root / SPLITS
    if is_training:
        names = [*(["trainval"] if (splits / "test.txt").is_file() else []), "train", "default"]
    else:
        names = ["test", "val"]
    image_dir, annotation_dir = root / "JPEGImages", root / "Annotations"
    if data_type and data_type not in (*TRAINING_NAMES, *EVALUATION_NAMES):
        names = []  # that list and no other
    for name in dict.fromkeys([data_type, *names]):
        split_file = splits / f"{name}.txt"
        if name and split_file.is_file() and image_dir.is_dir() and annotation_dir.is_dir():
            return VocLayout(image_dir, annotation_dir, split_file)
    whole = None if splits.exists() else _whole_folder(root)
    if is_training and whole is not None:
        return whole
    looked_for = ", ".join(f"{name}.txt" for name in dict.fromkeys([data_type, *names]) if name)
    lists = shown_list(sorted(path.name for path in splits.glob("*.txt")), MOST_LISTS) or "no list"
    raise UserError(f"{root} is no VOC dataset with {'training' if is_training else 'evaluation'} images: looked for "
                    f"the folder {' or '.join(map(str, folders))} (with Images and Annotations inside, or images and "
                    f"xml files together), and for JPEGImages, Annotations and one of {looked_for} in {splits}, where "
                    f"there is {lists}. A list of another name is chosen by "
                    f"--{'train' if is_training else 'val'}_data_type=NAME.")


def _whole_folder(root: Path) -> VocLayout | None:
    """The layout of a folder whose xml files are not divided into parts, or None."""
    for annotations in (root / "Annotations", root):
        if annotations.is_dir() and xml_files(annotations):
            return VocLayout(_image_folder(root), annotations)
    return None


def _image_folder(folder: Path) -> Path:
    """The sub-folder of the images, or the folder itself."""
    folders = (folder / name for name in ("JPEGImages", "Images", "images"))
    return next(filter(Path.is_dir, folders), folder)


def parse_xml(path: Path, most: int = MOST_XML) -> Element:
    """Root element of an xml file of at most `most` bytes.

    Document type declarations are refused, and with them entities: a small file could grow to fill the memory.

    Raises:
        UserError: the file has a document type declaration.
        ParseError, OSError, LookupError, ValueError: it cannot be read.
    """
    data = read_file(path, most)
    declared = _ENCODING.match(data)
    # The xml library knows no encoding with several bytes a letter, such as GB2312; Python does.
    text = data.decode(declared[1].decode()) if declared else data
    try:
        return ElementTree.fromstring(text, forbid_dtd=True)
    except DTDForbidden as error:
        raise UserError(f"{path} has a document type declaration (<!DOCTYPE ...>), which is refused for safety. Remove "
                        "the declaration.") from error


def voc_box(element: Element | None) -> list[int]:
    """`<bndbox>` -> `[ymin, xmin, ymax, xmax]`: coordinates cut to integers, minus 1 (VOC counts pixels from 1).

    Raises:
        ValueError: a coordinate is missing or not a finite number.
    """
    corners = []
    for name in ("ymin", "xmin", "ymax", "xmax"):
        text = element.findtext(name) if element is not None else None
        value = float(text) if text is not None else math.nan
        if not math.isfinite(value):
            raise ValueError(f"{name} is {text!r}")
        corners.append(int(value) - 1)
    return corners


def read_boxes(root: Element, classes: Sequence[str], report: Report, where: str) -> np.ndarray:
    """Boxes of the `<object>` elements: int32 `(N, 5)`; objects marked difficult are taken like all others."""
    objects = (((element.findtext("name") or "").strip(), functools.partial(voc_box, element.find("bndbox")))
               for element in root.iter("object"))
    return named_boxes(objects, classes, report, where)


def find_image(file_name: str | None, xml_stem: str, images: FileNames) -> str | None:
    """Name of the image of an annotation file, out of `images`, or None.

    The name that the xml states counts when it agrees with the name of the xml file. Otherwise an image called like
    the xml file is preferred: files are renamed more often than their content is changed. It lies in the sub-folder of
    the xml file, in the one that the xml states, or in none.

    Args:
        file_name: text of `<filename>`, which may be missing or a whole path of any system.
        xml_stem: name of the xml file relative to its folder, without the suffix.
        images: names of all images, relative to their folder.
    """
    (folder, _, stem), (stated_folder, _, stated) = xml_stem.rpartition("/"), slashed(file_name).rpartition("/")
    candidates = [stated] if Path(stated).stem == stem else []
    candidates += with_suffixes(stem)
    candidates += [stated, *with_suffixes(stated), *with_suffixes(Path(stated).stem)]
    for place in dict.fromkeys((folder, stated_folder, "")):
        for candidate in candidates:
            name = images.find(f"{place}/{candidate}" if place else candidate)
            if name is not None:
                return name
    return None


def slashed(file_name: str | None) -> str:
    """A name that an annotation file states, with `/` between its folders."""
    return (file_name or "").strip().replace("\\", "/")


def with_suffixes(stem: str) -> list[str]:
    """Names that an image may have."""
    return [stem + suffix for suffix in IMAGE_SUFFIXES]


def assign_ids(names: Sequence[str]) -> list[int]:
    """Image ids of file names (the same order): a unique integer each, whatever the order.

    A stem that is a number keeps it; every other name, and a number that is taken already, gets in sorted order the
    smallest number from 1 that is free.
    """
    ids: dict[str, int] = {}
    others: list[str] = []
    taken: set[int] = set()
    for name in sorted(set(names)):
        stem = Path(name).stem
        number = int(stem) if stem.isascii() and stem.isdigit() and len(stem) <= 10 else -1
        if 0 <= number <= MAX_IMAGE_ID and number not in taken:
            ids[name] = number
            taken.add(number)
        else:
            others.append(name)
    candidate = 1
    for name in others:
        while candidate in taken:
            candidate += 1
        ids[name] = candidate
        taken.add(candidate)
    return [ids[name] for name in names]


def _annotated_size(root: Element) -> tuple[int, int] | None:
    try:
        return int(root.findtext("size/height", "")), int(root.findtext("size/width", ""))
    except ValueError:
        return None


def read_voc(layout: VocLayout, classes: Sequence[str], report: Report) -> list[ImageRecord]:
    """Records of all annotation files of a layout, sorted by file name, also of images that do not exist.

    Raises:
        UserError: an xml file has a document type declaration, or a folder cannot be read.
    """
    images = FileNames(name for name in readable_files_below(layout.image_dir) if not name.lower().endswith(".xml"))
    entries = []
    for xml_path in layout.annotation_files():
        try:
            root = parse_xml(xml_path)
        except FileNotFoundError:
            report.add(MISSING_ANNOTATION, f"{xml_path}, listed in {layout.split_file}")
            continue
        except (ParseError, OSError, LookupError, ValueError) as error:
            report.add(BAD_ANNOTATION, f"{xml_path}: {reason_of_reading(error)}")
            continue
        xml_stem = xml_path.relative_to(layout.annotation_dir).with_suffix("").as_posix()
        stated = slashed(root.findtext("filename"))
        name = find_image(stated, xml_stem, images)
        if name is None:
            name = _missing_name(stated, xml_stem)
        elif Path(stated).name not in ("", Path(name).name, Path(name).stem):
            report.add(OTHER_NAME, f"{xml_path}: {stated} instead of {name}")
        entries.append((name, read_boxes(root, classes, report, xml_path.name), _annotated_size(root)))
    # Two annotation files of one image are two records with ids of their own.
    keys = unique_names([name for name, _, _ in entries])
    return [ImageRecord(image_id, str(layout.image_dir / name), boxes, size)
            for image_id, (name, boxes, size) in zip(assign_ids(keys), entries)]


def _missing_name(stated: str, xml_stem: str) -> str:
    """What the image of an annotation file would be called that is not there."""
    folder, name = Path(xml_stem).parent, Path(stated).name
    is_image = Path(name).suffix.lower() in IMAGE_SUFFIXES
    return (folder / name).as_posix() if is_image else xml_stem + IMAGE_SUFFIXES[0]


def unique_names(names: Sequence[str]) -> list[str]:
    """The names, repeated ones with a mark that keeps them apart (and keeps them from being numbers)."""
    taken, numbers = set(names), {name: itertools.count(1) for name in names}
    result: list[str] = []
    seen: set[str] = set()
    for name in names:
        unique, path = name, Path(name)
        while unique in seen or (unique != name and unique in taken):
            unique = path.with_name(f"{path.stem}#{next(numbers[name])}{path.suffix}").as_posix()
        seen.add(unique)
        result.append(unique)
    return result
