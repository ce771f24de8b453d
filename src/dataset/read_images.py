"""Reads the images of records in threads; each is decoded once, as a test."""
import io
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from src.dataset.annotations import (
    CLOSED_IMAGE,
    LARGE_IMAGE,
    MISSING_IMAGE,
    OTHER_SIZE,
    ROTATED_IMAGE,
    TURNED_SIZE,
    TURNED_UPRIGHT,
    TURNED_WITH_BOXES,
    UNREADABLE_IMAGE,
    ImageRecord,
    Report,
    clean_boxes,
)
from src.dataset.exif import UPRIGHT, turn_boxes
from src.dataset.images import ImageHeader, TooManyPixelsError, decoded_size, read_header
from src.utils.progress import progress
from src.utils.safe_io import MEGABYTE, read_file

IMAGES_AHEAD = 32  # that are read, or wait, while others are written
MOST_RECORD_BYTES = 128 * MEGABYTE  # of the file of an image: half of the largest page of MindRecord


class Usage(NamedTuple):
    """How an image is used.

    Attributes:
        record: its annotation, with boxes in pixels of the image as it is used; not cleaned.
        size: (height, width) in pixels, upright or as it is stored.
        reason: of the report, why the boxes may be beside the objects; None if they are not.
        turned: of the report, how the EXIF data were followed; None where they ask for nothing.
    """

    record: ImageRecord
    size: tuple[int, int]
    reason: str | None
    turned: str | None


def read_images(records: Sequence[ImageRecord], num_classes: int, report: Report, label: str,
                keep_other_sizes: bool = False, upright: bool = True
                ) -> Iterator[tuple[ImageRecord, bytes, tuple[int, int], np.ndarray]]:
    """Reads images, decodes each once as a test, and cleans its boxes for the size that it really has.

    Args:
        records: images and boxes as annotated.
        num_classes: with the background.
        report: counts what is left out.
        label: of the progress.
        keep_other_sizes: also read images whose size is not the annotated one, so that their boxes may be elsewhere.
        upright: images are used as their EXIF data turn them, not as they are stored.

    Yields:
        Record, content of its file, (height, width), int32 pixel boxes `(N, 5)`; in the order of `records`, whatever
        the number of threads, without images that cannot be used. Size and boxes, also those of the record, are of what
        `decode_image` gives with the same `upright`.
    """
    with progress(label, len(records), "image") as advance:
        for record, image in zip(records, _read_ahead([record.path for record in records])):
            advance(1)
            if isinstance(image, _Problem):
                report.add(image.reason, f"{record.path}: {image.why}" if image.why else record.path)
                continue
            usage = usage_of(image.header, record, upright)
            if usage.reason and usage.record.size:
                (height, width), annotated = image.header.size, usage.record.size
                report.add(usage.reason, f"{record.path}: {width} x {height}, annotated {annotated[1]} x "
                                         f"{annotated[0]}")
                if not keep_other_sizes:
                    continue
            if usage.turned:
                report.add(usage.turned, record.path)
            boxes = clean_boxes(usage.record.pixel_boxes, *usage.size, num_classes, report, record.path)
            yield usage.record, image.data, usage.size, boxes


def usage_of(header: ImageHeader, record: ImageRecord, upright: bool = True) -> Usage:
    """How an image and its boxes are used. Where the annotated size fits the image in one way only, upright or as it is
    stored, the boxes are of that; otherwise as its format has it.

    Args:
        header: of the image.
        record: its annotation.
        upright: see `read_images`.
    """
    record = record.in_pixels(header.upright_size)
    annotated = record.known_size
    sizes = {True: header.upright_size, False: header.size}
    is_turned = header.orientation != UPRIGHT
    if not upright:
        reason = OTHER_SIZE if annotated not in (None, header.size) else None
        if reason and annotated == header.upright_size:
            reason = TURNED_SIZE
        return Usage(record, header.size, reason, ROTATED_IMAGE if is_turned else None)
    fitting = [way for way, size in sizes.items() if annotated in (None, size)]
    boxes_are_upright = fitting[0] if len(fitting) == 1 else record.upright
    if is_turned and not boxes_are_upright:
        record = record._replace(pixel_boxes=turn_boxes(record.pixel_boxes, header.orientation, header.size))
    turned = (TURNED_UPRIGHT if boxes_are_upright else TURNED_WITH_BOXES) if is_turned else None
    return Usage(record, header.upright_size, None if fitting else OTHER_SIZE, turned)


class _Image(NamedTuple):
    """Content of an image file, and its header with the size that it really has."""

    data: bytes
    header: ImageHeader


class _Problem(NamedTuple):
    """A reason of the report, and what to say beside the path."""

    reason: str
    why: object = None


def _read_ahead(paths: Sequence[str]) -> Iterator[_Image | _Problem]:
    """What `_read_image` returns for each path, in their order; threads are up to `IMAGES_AHEAD` images ahead."""
    num_threads = max(2, min(8, os.cpu_count() or 1))
    with ThreadPoolExecutor(num_threads) as pool:
        waiting: deque[Future[_Image | _Problem]] = deque()
        for path in paths:
            waiting.append(pool.submit(_read_image, path))
            if len(waiting) > IMAGES_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _read_image(path: str) -> _Image | _Problem:
    try:
        data = read_file(path, MOST_RECORD_BYTES)
    except FileNotFoundError:
        return _Problem(MISSING_IMAGE)
    except OSError as error:
        return _Problem(CLOSED_IMAGE, error.strerror)
    try:
        header = read_header(io.BytesIO(data))
        return _Image(data, header._replace(size=decoded_size(data, header.size)))
    except TooManyPixelsError as error:
        return _Problem(LARGE_IMAGE, error)
    except ValueError:
        return _Problem(UNREADABLE_IMAGE)
