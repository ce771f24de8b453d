"""Reads the images of records in threads: each is decoded once, as a proof."""
import contextlib
import io
import logging
import os
import sys
import time
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
from src.utils.safe_io import read_file

logger = logging.getLogger(__name__)
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
