"""Writing of MindRecord files."""
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src.dataset.annotations import NO_BOXES, ImageRecord, Report
from src.dataset.read_images import MOST_RECORD_BYTES, read_images
from src.utils.errors import UserError
from src.utils.safe_io import MEGABYTE

SCHEMA = {"img_id": {"type": "int64"},
          "image": {"type": "bytes"},
          "annotation": {"type": "int32", "shape": [-1, 5]}}
MAX_SHARDS = 8
IMAGES_PER_SHARD = 500
ROWS_AT_ONCE = 64
LARGE_SET = 256 * MEGABYTE
MAX_PAGE = 2 * MOST_RECORD_BYTES


class WrittenRecords(NamedTuple):
    """What MindRecord files hold.

    Attributes:
        num_images, num_boxes: numbers of them.
        num_empty: images without boxes among them.
        ground_truth: entries of `coco_ground_truth`, with whole paths, if they are collected.
    """

    num_images: int
    num_boxes: int
    num_empty: int
    ground_truth: list[tuple[int, str, int, int, np.ndarray]]


def write_records(folder: Path, prefix: str, records: Sequence[ImageRecord], num_classes: int, report: Report,
                  for_training: bool = False, keep_empty: bool = False, keep_other_sizes: bool = False,
                  upright: bool = True, collect_ground_truth: bool = False) -> WrittenRecords:
    """Writes the images that can be used, in the order of `records`, whatever the number of threads.

    Every image is decoded once, as a test, and its boxes are cleaned for the size that it really has.

    Args:
        folder, prefix: the files are `<folder>/<prefix>0` and so on; the folder exists.
        num_classes: with the background.
        report: counts what is left out.
        for_training: leave out images whose boxes cannot be used, since objects are in them; and those without boxes,
            unless `keep_empty` says otherwise.
        keep_other_sizes, upright: see `read_images`.
        collect_ground_truth: return the entries of `coco_ground_truth` too.

    Raises:
        UserError: the disk has too little space.
        OSError: the disk has become full meanwhile.
    """
    if for_training and not keep_empty:
        for record in records:
            if not len(record.pixel_boxes):
                report.add(NO_BOXES, record.path)
        records = [record for record in records if len(record.pixel_boxes)]
    num_images = num_boxes = num_empty = 0
    ground_truth, rows = [], []
    writer = _create_writer(folder, prefix, records)
    images = read_images(records, num_classes, report, f"{prefix}: reading images", keep_other_sizes, upright)
    for record, data, size, pixel_boxes in images:
        is_empty = not len(pixel_boxes)
        if for_training and is_empty and (not keep_empty or _has_known_labels(record, num_classes)):
            report.add(NO_BOXES, record.path)
            continue
        rows.append({"img_id": record.image_id, "image": data, "annotation": pixel_boxes})
        num_images += 1
        num_boxes += len(pixel_boxes)
        num_empty += is_empty
        if collect_ground_truth:
            ground_truth.append((record.image_id, record.path, *size, record.pixel_boxes))
        if len(rows) == ROWS_AT_ONCE:
            _write(writer, rows)
            rows = []
    if num_images:
        _write(writer, rows, is_last=True)
    return WrittenRecords(num_images, num_boxes, num_empty, ground_truth)


def _has_known_labels(record: ImageRecord, num_classes: int) -> bool:
    labels = record.pixel_boxes[:, 4]
    return bool(((labels > 0) & (labels < num_classes)).any())


def _write(writer: Any, rows: list[dict[str, Any]], is_last: bool = False) -> None:
    """Writes rows, and after the last ones the index. MindSpore reports a full disk like a fault of its own."""
    try:
        if rows:
            writer.write_raw_data(rows)
        if is_last:
            writer.commit()
    except RuntimeError as error:
        raise OSError("MindSpore's writer failed; the disk is full, or its own lines above say why") from error


def _file_size(path: str) -> int:
    try:
        size = os.stat(path).st_size
    except (OSError, ValueError):  # ValueError: what cannot be a name
        return 0
    return size if size <= MOST_RECORD_BYTES else 0  # what is larger is left out


def _create_writer(folder: Path, prefix: str, records: Sequence[ImageRecord]) -> Any:
    from mindspore.mindrecord import FileWriter  # only a conversion needs it

    sizes = [_file_size(record.path) for record in records]
    free = shutil.disk_usage(folder).free
    if free < sum(sizes) * 1.1:
        raise UserError(f"{folder.parent} has {free / MEGABYTE:.0f} MB of space left; the MindRecord files of these "
                        f"images need about {sum(sizes) * 1.1 / MEGABYTE:.0f} MB. Make room, or set --mindrecord_dir.")
    shards = min(MAX_SHARDS, max(1, len(records) // IMAGES_PER_SHARD))
    # FileWriter numbers the files only when there are several.
    writer = FileWriter(str(folder / (prefix if shards > 1 else f"{prefix}0")), shards)
    page = 4 * MEGABYTE if sum(sizes) < LARGE_SET else 32 * MEGABYTE
    while page < min(2 * max(sizes, default=0), MAX_PAGE):
        page *= 2
    writer.set_page_size(page)
    if sum(sizes) < LARGE_SET:
        # The default header of 16 MB makes sense for many pages only.
        writer.set_header_size(MEGABYTE)
    writer.add_schema(SCHEMA, "SSD detection")
    return writer
