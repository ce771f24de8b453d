"""Reads the images of records in threads; each is decoded once, as a test."""
import io
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from src.dataset.annotations import (
    CLOSED_IMAGE,
    LARGE_IMAGE,
    MISSING_IMAGE,
    OTHER_SIZE,
    ROTATED_IMAGE,
    TURNED_SIZE,
    UNREADABLE_IMAGE,
    ImageRecord,
    Report,
    clean_boxes,
)
from src.dataset.images import MOST_BYTES, UPRIGHT, ImageHeader, TooManyPixelsError, decode_image, read_header
from src.utils.progress import progress
from src.utils.safe_io import read_file

CHUNK_IMAGES = 64  # images held in memory at once


def read_images(records: Sequence[ImageRecord], num_classes: int, report: Report, label: str,
                keep_other_sizes: bool = False) -> Iterator[tuple[ImageRecord, bytes, tuple[int, int], np.ndarray]]:
    """Reads images, decodes each once as a test, and cleans its boxes for the size that it really has.

    Args:
        records: images and boxes as annotated.
        num_classes: with the background.
        report: counts what is left out.
        label: of the progress.
        keep_other_sizes: also read images whose size is not the annotated one, so that their boxes may be elsewhere.

    Yields:
        Record, content of its file, (height, width), int32 pixel boxes `(N, 5)`; in the order of `records`, whatever
        the number of threads, without images that cannot be used.
    """
    num_threads = max(2, min(8, os.cpu_count() or 1))
    with ThreadPoolExecutor(num_threads) as pool, progress(label, len(records), "image") as advance:
        for start in range(0, len(records), CHUNK_IMAGES):
            chunk = records[start : start + CHUNK_IMAGES]
            for record, image in zip(chunk, pool.map(_read_image, [record.path for record in chunk])):
                if isinstance(image, _Problem):
                    report.add(image.reason, f"{record.path}: {image.why}" if image.why else record.path)
                    continue
                height, width = image.header.size
                reason = other_size(image.header, record.size)
                if reason and record.size:
                    report.add(reason, f"{record.path}: {width} x {height}, annotated {record.size[1]} x "
                                       f"{record.size[0]}")
                    if not keep_other_sizes:
                        continue
                if image.header.orientation != UPRIGHT:
                    report.add(ROTATED_IMAGE, record.path)
                pixel_boxes = clean_boxes(record.pixel_boxes, height, width, num_classes, report, record.path)
                yield record, image.data, image.header.size, pixel_boxes
            advance(len(chunk))


def other_size(header: ImageHeader, annotated: tuple[int, int] | None) -> str | None:
    """The reason of the report why boxes that were annotated for an image of another size may not fit; None if they do.

    Args:
        header: of the image.
        annotated: (height, width), or None; many programs write 0 for a size that they do not know.
    """
    if annotated is None or min(annotated) <= 0 or annotated == header.size:
        return None
    return TURNED_SIZE if annotated == header.upright_size else OTHER_SIZE


class _Image(NamedTuple):
    """Content of an image file, and its header with the size that it really has."""

    data: bytes
    header: ImageHeader


class _Problem(NamedTuple):
    """A reason of the report, and what to say beside the path."""

    reason: str
    why: object = None


def _read_image(path: str) -> _Image | _Problem:
    try:
        data = read_file(path, MOST_BYTES)
    except FileNotFoundError:
        return _Problem(MISSING_IMAGE)
    except OSError as error:
        return _Problem(CLOSED_IMAGE, error.strerror)
    try:
        header = read_header(io.BytesIO(data))
        height, width = decode_image(data).shape[:2]
        return _Image(data, header._replace(size=(height, width)))
    except TooManyPixelsError as error:
        return _Problem(LARGE_IMAGE, error)
    except ValueError:
        return _Problem(UNREADABLE_IMAGE)
