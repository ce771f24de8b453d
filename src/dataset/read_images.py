"""Reads the images of records in threads: each is decoded once, as a proof."""
import io
import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from src.dataset.annotations import (
    CLOSED_IMAGE,
    LARGE_IMAGE,
    MISSING_IMAGE,
    OTHER_SIZE,
    ROTATED_IMAGE,
    UNREADABLE_IMAGE,
    clean_boxes,
)
from src.dataset.images import MOST_BYTES, TooManyPixelsError, decode_image, read_header
from src.utils.progress import progress
from src.utils.safe_io import read_file

CHUNK = 64  # images held in memory at once


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
    num_threads = max(2, min(8, os.cpu_count() or 1))
    with ThreadPoolExecutor(num_threads) as pool, progress(label, len(records), "image") as advance:
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
