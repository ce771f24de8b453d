"""Writes a dataset of any format in another one: `python -m src.dataset.convert --data=DIR --to=coco --output=OUT`.

Images are copied as they are; boxes are those that training would use: integers, clipped to the image. Parts stay
apart, in folders `train`, `val` and `test`.
"""
import argparse
import dataclasses
import itertools
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from src.dataset.annotations import EVALUATION, TEST, TRAINING, AnnotationSource, ImageRecord, Report
from src.dataset.class_names import BACKGROUND
from src.dataset.formats.writers import WRITERS, Image, Writer, check_names, finish_dataset
from src.dataset.found_data import with_found_data
from src.dataset.paths import existing_folder
from src.dataset.read_images import read_images
from src.dataset.reading_once import annotations_read_once
from src.dataset.sources import AUTO, FORMATS, find_parts, require_parts_are_used
from src.runtime.cli import entry_point
from src.utils.arguments import path_argument
from src.utils.errors import UserError
from src.utils.files import whole_folder

logger = logging.getLogger("convert")
PARTS = {TRAINING: "train", EVALUATION: "val", TEST: "test"}
MOST_EXAMPLES = 3


@dataclasses.dataclass(frozen=True)
class FolderConfig:
    """The keys of the configuration by which a folder is looked at."""

    data: str
    dataset: str = AUTO
    data_path: str = ""
    mindrecord_dir: str = ""
    classes: tuple[str, ...] = (BACKGROUND,)
    num_classes: int = 1
    val_share: float = 0.0

    def is_auto(self, key: str) -> bool:
        return key == "classes" and len(self.classes) == 1


@annotations_read_once()
def convert(config: FolderConfig, kind: str, output: Path, keep_other_sizes: bool = False) -> None:
    """Writes the folder `config.data` as the folder `output`, whole or not at all.

    Args:
        config: what is read.
        kind: key of `WRITERS`.
        output: must not exist, or be empty.
        keep_other_sizes: also write images whose size is not the annotated one.

    Raises:
        UserError: nothing can be read, or the output exists, or lies among the data.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"--output={output} is there already. Give a folder that is empty, or not there.")
    data = existing_folder(config.data, "folder (--data)")
    if output.resolve().is_relative_to(data.resolve()):
        raise UserError(f"--output={output} lies in {config.data}, so that it would be read as a part of it the next "
                        "time. Give a folder elsewhere.")
    config = with_found_data(config, class_names_of=tuple(PARTS))
    check_names(config.classes)
    sources = find_parts(config)[1]
    parts = {PARTS[purpose]: _read(source) for purpose, source in sources.items()}
    for name, part in list(parts.items()):
        if not part.records and not part.report.counts:
            if name != PARTS[TEST]:
                raise UserError(f"{config.data} has annotations for {name}, and they name no image: delete them, or "
                                "export them again.")
            del parts[name]
    require_parts_are_used(config, sources, itertools.chain.from_iterable(part.records for part in parts.values()))
    with whole_folder(output) as folder:
        written = [name for name, part in parts.items()
                   if _convert_part(part, config.classes, name, WRITERS[kind], folder, keep_other_sizes)]
        if not written:
            raise UserError(f"{config.data} has no image.")
        finish_dataset(kind, folder, written, config.classes)
    logger.info("%s: written as %s", output, kind)


class _Part(NamedTuple):
    """The images of one part, and what reading them has left out."""

    image_dir: Path
    records: list[ImageRecord]
    report: Report


def _read(source: AnnotationSource) -> _Part:
    report = Report()
    return _Part(source.image_dir, _merged(source.read(report)), report)


def _convert_part(source: _Part, classes: Sequence[str], part: str, write: Writer, folder: Path, keep_other_sizes: bool
                  ) -> int:
    """Number of images that are written."""
    records, report = source.records, source.report
    num_images = num_boxes = 0

    def images() -> Iterator[Image]:
        nonlocal num_images, num_boxes
        names = _free_names(records, source.image_dir)
        for record, data, size, boxes in read_images(records, len(classes), report, part, keep_other_sizes):
            num_images, num_boxes = num_images + 1, num_boxes + len(boxes)
            yield Image(names[record.path], data, size, boxes)

    write(folder, part, images(), classes)
    logger.info("%s: %d images with %d boxes", part, num_images, num_boxes)
    if report.counts:
        logger.warning("%s, left out or changed: %s", part, report.summary(MOST_EXAMPLES))
    if not num_images and report.counts:
        raise UserError(f"No image for {part} can be used: the lines above say why. Correct them, or delete this part.")
    return num_images


def _merged(records: Sequence[ImageRecord]) -> list[ImageRecord]:
    """One record for each file; what several say of it is taken together, and equal boxes once."""
    merged: dict[str, ImageRecord] = {}
    for record in records:
        first = merged.get(record.path)
        if first is not None:
            boxes = np.concatenate([first.pixel_boxes, record.pixel_boxes])
            record = first._replace(pixel_boxes=np.array(list(dict.fromkeys(map(tuple, boxes.tolist()))), np.int32))
        merged[record.path] = record
    return list(merged.values())


def _free_names(records: Sequence[ImageRecord], image_dir: Path) -> dict[str, str]:
    """Name of each image in the output, by its path: the old one, unless another has it but for suffix and case."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for record in records:
        path = Path(record.path)
        old = path.relative_to(image_dir).as_posix() if path.is_relative_to(image_dir) else path.name
        old = "".join(letter if letter.isprintable() else "_" for letter in old)
        name, number = PurePosixPath(old), 0
        while str(name.with_suffix("")).lower() in taken:
            number += 1
            name = PurePosixPath(old).with_stem(f"{PurePosixPath(old).stem}-{number}")
        taken.add(str(name.with_suffix("")).lower())
        names[record.path] = str(name)
    return names


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m src.dataset.convert", description=__doc__)
    parser.add_argument("--data", required=True, type=path_argument, help="folder with images and annotations")
    parser.add_argument("--dataset", choices=(AUTO, *FORMATS), default=AUTO, help="its format; auto: found by looking")
    parser.add_argument("--to", required=True, choices=WRITERS, help="format to write")
    parser.add_argument("--output", required=True, type=path_argument,
                        help="folder to write, which must not exist or be empty")
    parser.add_argument("--keep_other_sizes", action="store_true",
                        help="also write images whose size is not the annotated one")
    flags = parser.parse_args(argv)
    convert(FolderConfig(flags.data, flags.dataset), flags.to, Path(flags.output), flags.keep_other_sizes)


if __name__ == "__main__":
    main()
