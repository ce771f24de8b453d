"""The loop of `predict.py`: read, detect, write."""
import itertools
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from tqdm import tqdm

from src.dataset.images import load_image
from src.inference.inputs import Input, Video
from src.inference.outputs import Output
from src.inference.tiles import FoundBoxes
from src.utils.errors import UserError
from src.utils.safe_io import shown_list

logger = logging.getLogger(__name__)


class BatchDetector(Protocol):
    """What `predict_inputs` needs of a `Detector`."""

    batch_size: int
    seconds: float

    def warm_up(self) -> None: ...

    def detect(self, images: Sequence[np.ndarray]) -> Sequence[FoundBoxes]: ...


class _Shot(NamedTuple):
    """An image, or a frame with its number and the frames per second of its video."""

    item: Input
    image: np.ndarray
    number: int | None = None
    rate: float | None = None


def find_labels(names: str | None, classes: Sequence[str]) -> np.ndarray:
    """(C,) bool: which labels the comma-separated `names` mean; None stands for all."""
    if names is None:
        return np.ones(len(classes), bool)
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in classes[1:]]
    if unknown or not wanted:
        raise UserError(f"--only: the model has no class {shown_list(unknown) or names!r}; it has: "
                        f"{shown_list(classes[1:])}")
    return np.isin(classes, wanted)


def predict_inputs(
    detector: BatchDetector, inputs: Sequence[Input], output: Output, wanted_labels: np.ndarray,
    max_images: int | None = None, upright: bool = True,
) -> list[Input]:
    """Writes the detections in all inputs to `output`.

    An image that cannot be read is skipped, and so are the rest of the frames of a damaged video. Ctrl-C ends the
    frames of a camera.

    Args:
        detector: a `Detector`, or anything with the same attributes.
        inputs: images, videos and cameras.
        output: where detections are written, entered.
        wanted_labels: (C,) bool, detections of other labels are left out.
        max_images: stop after so many images and frames.
        upright: images are turned as their EXIF data ask, see `load_image`.

    Returns:
        The inputs that could not be read, or not to their end.

    Raises:
        UserError: none of them could.
    """
    failed: list[tuple[Input, UserError]] = []
    counts: dict[Input, int] = {}
    detector.warm_up()
    num_images, start = 0, time.perf_counter()
    shots = itertools.islice(_shots(inputs, failed, upright), max_images)
    is_terminal = sys.stderr.isatty()
    with tqdm(total=_number_of_shots(inputs, max_images), desc="predicting", unit="image", file=sys.stderr,
              disable=not is_terminal) as bar:
        try:
            while batch := list(itertools.islice(shots, detector.batch_size)):
                for shot, found in zip(batch, detector.detect([shot.image for shot in batch])):
                    wanted = wanted_labels[found[2]]
                    boxes, scores, labels = (array[wanted] for array in found)
                    if shot.number is None or shot.rate is None:
                        output.add_image(shot.item, shot.image, boxes, scores, labels)
                    else:
                        output.add_frame(shot.item, shot.number, shot.rate, shot.image, boxes, scores, labels)
                    count = int((scores > output.min_score).sum())
                    counts[shot.item] = counts.get(shot.item, 0) + count
                    num_images += 1
                    if shot.item.is_image and not is_terminal:
                        logger.info("%s: %d detections", shot.item.source, count)
                bar.update(len(batch))
        except KeyboardInterrupt:
            if not any(item.is_camera for item in inputs):
                raise
    if failed and not num_images:
        raise failed[0][1]
    for item, count in counts.items():
        if not item.is_image:
            logger.info("%s: %d detections", f"camera {item.source}" if item.is_camera else item.source, count)
    seconds = max(time.perf_counter() - start, 1e-9)
    logger.info("%d detections in %d images, %.1f s, %.1f images per second (network alone %.1f)", sum(counts.values()),
                num_images, seconds, num_images / seconds, num_images / max(detector.seconds, 1e-9))
    return [item for item, _ in failed]


def _shots(inputs: Sequence[Input], failed: list[tuple[Input, UserError]], upright: bool) -> Iterator[_Shot]:
    for item in inputs:
        has_frames = False
        try:
            if item.is_image:
                yield _Shot(item, load_image(str(item.source), upright))
                continue
            with Video(item.source) as video:
                for number, image in enumerate(video):
                    has_frames = True
                    yield _Shot(item, image, number, video.rate)
        except UserError as error:
            if has_frames:
                logger.warning("%s", error)
            elif len(inputs) > 1:
                logger.warning("skipped: %s", error)
            failed.append((item, error))


def _number_of_shots(inputs: Sequence[Input], max_images: int | None) -> int | None:
    """For the progress bar; None where it is not known."""
    total = 0
    for item in inputs:
        if item.is_image:
            total += 1
        elif item.is_camera:
            return max_images
        else:
            try:
                with Video(item.source) as video:
                    if video.num_frames is None:
                        return max_images
                    total += video.num_frames
            except UserError:
                continue  # the loop will say so
    return min(total, max_images or total)
