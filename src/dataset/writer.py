"""Writing of MindRecord files."""
import contextlib
import io
import logging
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from src.dataset.annotations import (
    CLOSED_IMAGE,
    LARGE_IMAGE,
    MISSING_IMAGE,
    NO_BOXES,
    OTHER_SIZE,
    ROTATED_IMAGE,
    UNREADABLE_IMAGE,
    clean_boxes,
)
from src.dataset.images import MOST_BYTES, TooManyPixelsError, decode_image, read_header
from src.model_utils.errors import UserError
from src.model_utils.untrusted import MEGABYTE, read_file

logger = logging.getLogger(__name__)

SCHEMA = {"img_id": {"type": "int64"},
          "image": {"type": "bytes"},
          "annotation": {"type": "int32", "shape": [-1, 5]}}

MAX_SHARDS = 8
IMAGES_PER_SHARD = 500
CHUNK = 64  # images held in memory at once
LARGE_SET = 256 * MEGABYTE
MAX_PAGE = 2 * MOST_BYTES


def write_records(folder, prefix, records, num_classes, report, leave_out_empty=False, collect_truth=False):
    """Writes the images that can be used, in the order of `records`, whatever the number of threads.

    Every image is decoded once, as a proof, and its boxes are cleaned for the size that it really has.

    Args:
        folder, prefix: the files are `<folder>/<prefix>0` and so on; the folder exists.
        records: list of `ImageRecord`.
        report: `Report` that counts what is left out.
        leave_out_empty: without the images that have no box.
        collect_truth: return the entries of `coco_truth` too.

    Returns:
        number of images, number of boxes, entries of `coco_truth` (an empty list if not wanted).

    Raises:
        UserError: the disk has too little space.
        OSError: it has become full meanwhile.
    """
    if leave_out_empty:
        for record in records:
            if not len(record.boxes):
                report.add(NO_BOXES, record.path)
        records = [record for record in records if len(record.boxes)]
    num_images = num_boxes = 0
    truth_entries, rows = [], []
    writer = _create_writer(folder, prefix, records)
    for record, data, size, boxes in read_images(records, num_classes, report, f"{prefix}: reading images"):
        if leave_out_empty and not len(boxes):
            report.add(NO_BOXES, record.path)
            continue
        rows.append({"img_id": record.image_id, "image": data, "annotation": boxes})
        num_images += 1
        num_boxes += len(boxes)
        if collect_truth:
            truth_entries.append((record.image_id, Path(record.path).name, *size, record.boxes))
        if len(rows) == CHUNK:
            _write(writer, rows)
            rows = []
    if num_images:
        _write(writer, rows, is_last=True)
    return num_images, num_boxes, truth_entries


def _write(writer, rows, is_last=False):
    """Writes rows, and after the last ones the index. MindSpore tells of a full disk as of a fault of its own."""
    try:
        if rows:
            writer.write_raw_data(rows)
        if is_last:
            writer.commit()
    except RuntimeError as error:
        raise OSError("MindSpore's writer failed; the disk is full, or its own lines above say why") from error


def read_images(records, num_classes, report, label):
    """Reads images, decodes each once as a proof, and cleans its boxes for the size that it really has.

    Args:
        records: list of `ImageRecord`.
        report: `Report` that counts what is left out.
        label: what the progress is called.

    Yields:
        Record, content of its file, (height, width), int32 boxes `(N, 5)`; in the order of `records`, whatever the
        number of threads, without images that cannot be used.
    """
    with ThreadPoolExecutor(max(2, min(8, os.cpu_count() or 1))) as pool, _progress(len(records), label) as advance:
        for start in range(0, len(records), CHUNK):
            chunk = records[start:start + CHUNK]
            for record, (data, size, is_rotated, problem, why) in zip(
                    chunk, pool.map(_read_image, [item.path for item in chunk])):
                if problem:
                    report.add(problem, f"{record.path}: {why}" if why else record.path)
                    continue
                if is_rotated:
                    report.add(ROTATED_IMAGE, record.path)
                if record.size and size != tuple(record.size):
                    report.add(OTHER_SIZE, f"{record.path}: {size[1]} x {size[0]}, annotated {record.size[1]} x "
                                           f"{record.size[0]}")
                yield record, data, size, clean_boxes(record.boxes, *size, num_classes, report, record.path)
            advance(len(chunk))


class _ReadImage(NamedTuple):
    """Content and (height, width) of an image file, or a reason of the report and what to say beside the path."""

    data: bytes | None = None
    size: tuple | None = None
    is_rotated: bool = False
    problem: str | None = None
    why: str | None = None


def _read_image(path):
    """The `_ReadImage` of a file, decoded once as a proof."""
    try:
        data = read_file(path, MOST_BYTES)
    except FileNotFoundError:
        return _ReadImage(problem=MISSING_IMAGE)
    except OSError as error:
        return _ReadImage(problem=CLOSED_IMAGE, why=error.strerror)
    try:
        header = read_header(io.BytesIO(data))
        return _ReadImage(data, decode_image(data).shape[:2], header.is_rotated)
    except TooManyPixelsError as error:
        return _ReadImage(problem=LARGE_IMAGE, why=error)
    except ValueError:
        return _ReadImage(problem=UNREADABLE_IMAGE)


def _file_size(path):
    try:
        size = os.stat(path).st_size
    except (OSError, ValueError):  # ValueError: what cannot be a name
        return 0
    return size if size <= MOST_BYTES else 0  # what is larger is left out


def _create_writer(folder, prefix, records):
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


@contextlib.contextmanager
def _progress(total, label):
    """Gives a function that is called with the number of finished images: a bar on a terminal, else ten log lines."""
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(total=total, desc=label, unit="img", file=sys.stderr) as bar:
            yield bar.update
        return
    done, reported, start = 0, 0, time.monotonic()

    def advance(count):
        nonlocal done, reported
        done += count
        if done * 10 // max(total, 1) > reported:
            reported = done * 10 // total
            logger.info("%s: %d of %d (%.0f images/s)", label, done, total,
                        done / max(time.monotonic() - start, 1e-3))

    yield advance
