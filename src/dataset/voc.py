"""Annotations in the Pascal VOC format: one xml file an image."""
import io
import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

from src.dataset.annotations import (
    BAD_ANNOTATION,
    BAD_BOX,
    MISSING_ANNOTATION,
    OTHER_NAME,
    UNKNOWN_CLASS,
    ImageRecord,
    box_array,
)
from src.dataset.images import IMAGE_SUFFIXES
from src.dataset.paths import path_below
from src.utils.errors import UserError
from src.utils.safe_io import MEGABYTE, read_file, shown

MAX_IMAGE_ID = 2**31 - 1
MOST_XML = 16 * MEGABYTE
MOST_SPLIT = 256 * MEGABYTE


class VocLayout(NamedTuple):
    """Where a VOC dataset keeps one of its parts.

    Attributes:
        image_dir, annotation_dir: folders.
        split_file: list of the names of the part; None when the part is all xml files of the folder.
    """

    image_dir: Path
    annotation_dir: Path
    split_file: Path | None = None

    def annotation_files(self):
        """The xml files of this part, sorted; files that the split names need not exist.

        Raises:
            UserError: the split or the folder cannot be read, or the split names files outside the folder.
        """
        try:
            if self.split_file is None:
                return sorted(path for path in self.annotation_dir.iterdir() if path.suffix.lower() == ".xml")
            # A line may carry a second column (1, 0, -1), as the lists per class of the VOC challenge do.
            lines = read_file(self.split_file, MOST_SPLIT).decode("utf-8-sig").splitlines()
            names = dict.fromkeys(parts[0] for parts in map(str.split, lines) if parts)
            return sorted(Path(path_below(self.annotation_dir, f"{name}.xml")) for name in names)
        except (OSError, ValueError) as error:
            raise UserError(f"{self.split_file or self.annotation_dir} cannot be used: {shown(error)}") from error


def find_layout(voc_root, is_training, data_type):
    """Finds the images and annotations of the training or the evaluation part below `voc_root`.

    1. The folder `train` or `eval`, with `Images` and `Annotations` inside, or all files in it.
    2. The standard layout: `JPEGImages`, `Annotations`, and a split of `ImageSets/Main`: `<data_type>.txt` if there is
       one; else for training `trainval.txt` if there is a `test.txt` to evaluate on, otherwise `train.txt`; for
       evaluation `test.txt`, otherwise `val.txt`.
    3. For training, a folder without parts: the xml files in it or in its `Annotations`, with the images beside them
       or in `JPEGImages` or `Images`.

    Raises:
        UserError: none of them is there.
    """
    root = Path(voc_root)
    part = root / ("train" if is_training else "eval")
    if part.is_dir():
        folders = [part / name if (part / name).is_dir() else part for name in ("Images", "Annotations")]
        return VocLayout(*folders)
    splits = root / "ImageSets" / "Main"
    if is_training:
        names = ["trainval", "train"] if (splits / "test.txt").is_file() else ["train"]
    else:
        names = ["test", "val"]
    for name in dict.fromkeys([data_type, *names]):
        split_file = splits / f"{name}.txt"
        folders = [root / "JPEGImages", root / "Annotations"]
        if name and split_file.is_file() and all(folder.is_dir() for folder in folders):
            return VocLayout(*folders, split_file)
    whole = None if splits.exists() else _whole_folder(root)
    if is_training and whole is not None:
        return whole
    looked_for = ", ".join(f"{name}.txt" for name in dict.fromkeys([data_type, *names]) if name)
    raise UserError(f"{root} is no VOC dataset with {'training' if is_training else 'evaluation'} images: looked for "
                    f"the folder {part} (with Images and Annotations inside, or images and xml files together), and "
                    f"for JPEGImages, Annotations and one of {looked_for} in {splits}.")


def _whole_folder(root):
    """The layout of a folder whose xml files are not divided into parts, or None."""
    annotations = root / "Annotations" if (root / "Annotations").is_dir() else root
    if not annotations.is_dir() or not any(path.suffix.lower() == ".xml" for path in annotations.iterdir()):
        return None
    folders = [root / name for name in ("JPEGImages", "Images", "images") if (root / name).is_dir()]
    return VocLayout(folders[0] if folders else root, annotations)


class _TreeWithoutDoctype(ElementTree.TreeBuilder):
    """Refuses document type declarations, and with them entities: a small file could grow to fill the memory."""

    def doctype(self, name, pubid, system):
        raise UserError("has a document type declaration (<!DOCTYPE ...>), which is refused for safety")


def parse_xml(path):
    """Root element of an xml file.

    Raises:
        UserError: the file has a document type declaration.
        ElementTree.ParseError, OSError, LookupError, ValueError: it cannot be read.
    """
    parser = ElementTree.XMLParser(target=_TreeWithoutDoctype())
    try:
        return ElementTree.parse(io.BytesIO(read_file(path, MOST_XML)), parser).getroot()
    except UserError as error:
        raise UserError(f"{path} {error}. Remove the declaration.") from error


def voc_box(element):
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


def read_boxes(root, classes, report, where):
    """Boxes of the `<object>` elements: int32 `(N, 5)`; objects marked difficult are taken like all others."""
    label_of_name = {name: label for label, name in enumerate(classes) if label > 0}
    rows = []
    for element in root.iter("object"):
        name = (element.findtext("name") or "").strip()
        report.classes[name] += 1
        if name not in label_of_name:
            report.add(UNKNOWN_CLASS, f"{where}: {name}")
            continue
        try:
            rows.append([*voc_box(element.find("bndbox")), label_of_name[name]])
        except ValueError as error:
            report.add(BAD_BOX, f"{where}: {error}")
    return box_array(rows)


def find_image(file_name, xml_stem, images):
    """Name of the image of an annotation file, out of `images` (set of names), or None.

    The name that the xml states counts when it agrees with the name of the xml file. Otherwise an image called like
    the xml file is preferred: files are renamed more often than their content is.
    """
    stated = stated_name(file_name)
    candidates = [stated] if Path(stated).stem == xml_stem else []
    candidates += _with_suffixes(xml_stem)
    candidates += [stated, *_with_suffixes(stated), *_with_suffixes(Path(stated).stem)]
    return next((name for name in candidates if name in images), None)


def stated_name(file_name):
    """Last part of the `<filename>` text, which may be missing or a whole path of any system."""
    return (file_name or "").strip().replace("\\", "/").rpartition("/")[2]


def _with_suffixes(stem):
    return [stem + suffix for lower in IMAGE_SUFFIXES for suffix in (lower, lower.upper())]


def assign_ids(names):
    """Image ids of file names (the same order): a unique integer each, whatever the order.

    A stem that is a number keeps it; every other name, and a number that is taken already, gets in sorted order the
    smallest number from 1 that nobody uses.
    """
    ids, others = {}, []
    taken = set()
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


def _annotated_size(root):
    try:
        return int(root.findtext("size/height")), int(root.findtext("size/width"))
    except (TypeError, ValueError):
        return None


def read_voc(layout, classes, report):
    """Records of all annotation files of a layout, sorted by file name, also of images that do not exist.

    Raises:
        UserError: an xml file has a document type declaration, or a folder cannot be read.
    """
    try:
        images = {path.name for path in layout.image_dir.iterdir() if path.suffix.lower() != ".xml"}
    except OSError as error:
        raise UserError(f"The folder {layout.image_dir} cannot be read: {error.strerror}.") from error
    entries = []
    for xml_path in layout.annotation_files():
        try:
            root = parse_xml(xml_path)
        except FileNotFoundError:
            report.add(MISSING_ANNOTATION, xml_path)
            continue
        except UserError:
            raise
        except (ElementTree.ParseError, OSError, LookupError, ValueError) as error:
            report.add(BAD_ANNOTATION, f"{xml_path}: {error}")
            continue
        stated = stated_name(root.findtext("filename"))
        name = find_image(stated, xml_path.stem, images)
        if name is None:
            name = stated if Path(stated).suffix.lower() in IMAGE_SUFFIXES else xml_path.stem + IMAGE_SUFFIXES[0]
        elif stated not in ("", name, Path(name).stem):
            report.add(OTHER_NAME, f"{xml_path}: {stated} instead of {name}")
        entries.append((name, read_boxes(root, classes, report, xml_path.name), _annotated_size(root)))
    # Two annotation files of one image are two records with ids of their own.
    keys = _unique([name for name, _, _ in entries])
    return [ImageRecord(image_id, str(layout.image_dir / name), boxes, size)
            for image_id, (name, boxes, size) in zip(assign_ids(keys), entries)]


def _unique(names):
    """The names, repeated ones with a mark that keeps them apart (and keeps them from being numbers)."""
    seen = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, -1) + 1
        result.append(name if seen[name] == 0 else f"{Path(name).stem}#{seen[name]}{Path(name).suffix}")
    return result
