"""Annotations in the Pascal VOC format: one xml file an image."""
import functools
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np

from src.dataset.annotations import (
    BAD_ANNOTATION,
    IN_OTHER_PART,
    MISSING_ANNOTATION,
    OTHER_NAME,
    TRAINING,
    AnnotationFormat,
    AnnotationSource,
    FormatKeys,
    ImageRecord,
    Report,
    usual_evaluation_part,
)
from src.dataset.file_names import slashed
from src.dataset.formats.image_ids import assign_ids, unique_names
from src.dataset.formats.outlines import named_boxes
from src.dataset.formats.voc_images import VocImages, stem_below
from src.dataset.formats.voc_layout import ANNOTATIONS, SPLITS, VocLayout, find_layout, xml_files
from src.dataset.formats.voc_parts import find_voc_parts
from src.dataset.formats.xml_files import parse_xml
from src.dataset.images import IMAGE_SUFFIXES
from src.dataset.paths import existing_file, resolve_path
from src.utils.errors import UserError
from src.utils.safe_io import reason_of_reading, shown, shown_list

MOST_FILES = 10  # that are looked at to tell the format


def find_voc(config: Any, is_training: bool) -> AnnotationSource:
    """The images and annotations of training or evaluation below `voc_root`, as `find_layout`."""
    root = resolve_path(config.voc_root, config.data_path, "voc_root")
    layout = find_layout(root, is_training, config.train_data_type if is_training else config.val_data_type)
    return _source(layout, config.classes)


def _source(layout: VocLayout, classes: tuple[str, ...]) -> AnnotationSource:
    _require_files(layout)
    return _source_of_all(layout.image_dir, [layout], classes)


def _require_files(layout: VocLayout) -> None:
    if not layout.annotation_files():
        besides = f" besides those of {shown_list(layout.other_lists, MOST_FILES)}" if layout.other_lists else ""
        raise UserError(f"{layout.split_file} names no images{besides}." if layout.split_file else
                        f"There is no xml file in {layout.annotation_dir}.")


def _source_of_all(image_dir: Path, layouts: Sequence[VocLayout], classes: tuple[str, ...]) -> AnnotationSource:
    files = [file for layout in layouts
             for file in (*layout.annotation_files(), *layout.lists, *layout.other_lists)]
    return AnnotationSource("voc", image_dir, files, lambda report: read_layouts(layouts, image_dir, classes, report))


def look_for_voc(folder: Path, classes: tuple[str, ...]) -> dict[str, AnnotationSource]:
    """As `AnnotationFormat.look`: the parts that have usual names, else the whole folder."""
    found = {purpose: list(filter(_is_voc, layouts)) for purpose, layouts in find_voc_parts(folder).items()}
    has_both = (folder / SPLITS).is_dir() and (folder / ANNOTATIONS).is_dir()
    if not found.get(TRAINING) and has_both and _has_voc_files(xml_files(folder / ANNOTATIONS)):
        find_layout(folder, True, "train")  # tells the lists that are there
    return {purpose: _source_of_all(layouts[0].image_dir if len(layouts) == 1 else folder, layouts, classes)
            for purpose, layouts in found.items() if layouts}


def _is_voc(layout: VocLayout) -> bool:
    """Whether a layout has xml files of VOC; a `UserError` where it has, and its list names nothing."""
    if layout.split_file is None:
        return _has_voc_files(layout.annotation_files())
    if not _has_voc_files(xml_files(layout.annotation_dir)):
        return False
    _require_files(layout)
    return True


def _has_voc_files(files: Sequence[Path]) -> bool:
    """Whether one of the first xml files is one of VOC: other formats have such files too."""
    return any(_root_or_error(path)[0] == "annotation" for path in files[:MOST_FILES])


def _root_or_error(path: Path) -> tuple[str, str]:
    """The outermost element of an xml file; and the reason where it cannot be read."""
    try:
        return parse_xml(path).tag, ""
    except UserError as error:
        return "", str(error)
    except (ParseError, OSError, LookupError, ValueError) as error:
        return "", f"{path} cannot be read as xml: {shown(reason_of_reading(error))}."


def why_not_voc(folder: Path) -> str:
    """As `AnnotationFormat.why_not`."""
    found = list(map(_root_or_error, xml_files(folder)[:MOST_FILES]))
    return found[0][1] if found and all(error for _, error in found) else ""


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
                          look_for_voc, keys=KEYS, why_not=why_not_voc)


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
    return read_layouts([layout], layout.image_dir, classes, report)


def read_layouts(layouts: Sequence[VocLayout], image_dir: Path, classes: Sequence[str], report: Report
                 ) -> list[ImageRecord]:
    """As `read_voc`, of several layouts with images in or below one folder."""
    entries = []
    for layout in layouts:
        prefix = os.path.relpath(layout.image_dir, image_dir).replace(os.sep, "/")
        for name, boxes, size in _read_layout(layout, classes, report):
            entries.append((name if prefix == "." else f"{prefix}/{name}", boxes, size))
    # Two annotation files of one image are two records with ids of their own.
    keys = unique_names([name for name, _, _ in entries])
    return [ImageRecord(image_id, str(image_dir / name), boxes, size)
            for image_id, (name, boxes, size) in zip(assign_ids(keys), entries)]


def _read_layout(layout: VocLayout, classes: Sequence[str], report: Report
                 ) -> list[tuple[str, np.ndarray, tuple[int, int] | None]]:
    """Name of the image, boxes and annotated size, for each annotation file."""
    for path in layout.files_of_another_part():
        report.add(IN_OTHER_PART, path)
    images = VocImages(layout)
    files = []
    for xml_path in layout.annotation_files():
        try:
            root = parse_xml(xml_path)
        except FileNotFoundError:
            report.add(MISSING_ANNOTATION, f"{xml_path}, listed in {layout.split_file}")
            continue
        except (ParseError, OSError, LookupError, ValueError) as error:
            report.add(BAD_ANNOTATION, f"{xml_path}: {reason_of_reading(error)}")
            continue
        stated = slashed(root.findtext("filename"))
        images.add(xml_path, stated)
        files.append((xml_path, stated, read_boxes(root, classes, report, xml_path.name), _annotated_size(root)))
    entries = []
    for (xml_path, stated, boxes, size), name in zip(files, images.found()):
        if name is None:
            name = _missing_name(stated, stem_below(layout.annotation_dir, xml_path))
        elif Path(stated).name not in ("", Path(name).name, Path(name).stem):
            report.add(OTHER_NAME, f"{xml_path}: {stated} instead of {name}")
        entries.append((name, boxes, size))
    return entries


def _missing_name(stated: str, xml_stem: str) -> str:
    """What the image of an annotation file would be called that is not there."""
    folder, name = Path(xml_stem).parent, Path(stated).name
    is_image = Path(name).suffix.lower() in IMAGE_SUFFIXES
    return (folder / name).as_posix() if is_image else xml_stem + IMAGE_SUFFIXES[0]
