"""Augmentations that a configuration can ask for beside those of `batches.augment`: numpy and OpenCV, no MindSpore.

Images are uint8 `(H, W, 3)` RGB. `boxes` are in [0, 1] of their image, float32 `(N, 5)`: ymin, xmin, ymax, xmax, label.
Random functions take their `numpy.random.RandomState`.
"""
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np

from src.boxes.box_ops import box_area

Sample = tuple[np.ndarray, np.ndarray]  # image, boxes
Window = tuple[float, float, float, float]  # top, left, height, width
# A box stays while a window shows at least this part of its area.
MIN_VISIBLE = 0.3
# Windows over the four images of a mosaic: side in units of the side of one image, and where in it the images meet.
MOSAIC_SIDES = (1.0, 2.0)
MOSAIC_MEETING = (0.3, 0.7)


def window_boxes(boxes: np.ndarray, window: Window, min_visible: float = MIN_VISIBLE) -> np.ndarray:
    """Boxes `(N, 5)` seen through a window -> boxes `(M, 5)` in [0, 1] of the window, clipped to it.

    Args:
        boxes: in [0, 1] of the image.
        window: in the coordinates of the boxes; it may reach beyond the image.
        min_visible: a box is left out if a smaller part of its area is inside, or if it has no area.
    """
    top, left, height, width = window
    offset = np.array((top, left, top, left), np.float32)
    moved = (boxes[:, :4] - offset) / np.array((height, width, height, width), np.float32)
    clipped = moved.clip(0, 1)
    visible = box_area(clipped)
    kept = (visible > 0) & (visible >= min_visible * box_area(moved))
    return np.concatenate([clipped[kept], boxes[kept, 4:]], axis=1).astype(np.float32)


def scale_jitter(image: np.ndarray, boxes: np.ndarray, rng: np.random.RandomState, low: float, high: float,
                 fill: Sequence[float]) -> Sample:
    """Large scale jitter (https://arxiv.org/abs/2012.07177, section 3): zooms in or out by a random factor.

    Above 1 a window of the image is cut out, below 1 the image is put into a larger one, both at a random place. The
    aspect ratio is kept.

    Args:
        low, high: range of the factor.
        fill: red, green and blue around an image that is made smaller, 0 .. 255.
    """
    factor = rng.uniform(low, high)
    if factor < 1:
        return put_into_larger(image, boxes, rng, 1 / factor, fill)
    height, width = (max(1, round(side / factor)) for side in image.shape[:2])
    top, left = rng.randint(image.shape[0] - height + 1), rng.randint(image.shape[1] - width + 1)
    return cut(image, boxes, (top, left, height, width))


def put_into_larger(image: np.ndarray, boxes: np.ndarray, rng: np.random.RandomState, ratio: float,
                    fill: Sequence[float]) -> Sample:
    """The image at a random place of one with sides `ratio` times as long, filled with a colour; its boxes."""
    height, width = image.shape[:2]
    rows, columns = round(height * ratio), round(width * ratio)
    top, left = rng.randint(rows - height + 1), rng.randint(columns - width + 1)
    bottom, right = rows - height - top, columns - width - left
    colour = [round(value) for value in fill]
    larger = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=colour)
    return larger, window_boxes(boxes, (-top / height, -left / width, rows / height, columns / width))


def cut(image: np.ndarray, boxes: np.ndarray, pixel_window: tuple[int, int, int, int]) -> Sample:
    """A window (top, left, height, width) in pixels of the image: a view of it, and its boxes."""
    top, left, height, width = pixel_window
    whole = image.shape
    part = (top / whole[0], left / whole[1], height / whole[0], width / whole[1])
    return image[top : top + height, left : left + width], window_boxes(boxes, part)


def mosaic(images: Sequence[np.ndarray], boxes: Sequence[np.ndarray], rng: np.random.RandomState) -> Sample:
    """Four images as one, two by two, seen through a random window in which all four meet (YOLOv4,
    https://arxiv.org/abs/2004.10934, section 3.3).

    Args:
        images: four of the same shape `(H, W, 3)`.
        boxes: their boxes, four arrays.

    Returns:
        Image with sides of 1 to 2 times those of one image, and its boxes `(M, 5)`.
    """
    height, width = images[0].shape[:2]
    whole = cv2.vconcat([cv2.hconcat(images[:2]), cv2.hconcat(images[2:])])
    moved = []
    for number, of_image in enumerate(boxes):
        row, column = divmod(number, 2)
        shifted = of_image.copy()
        shifted[:, :4] = (shifted[:, :4] + np.array((row, column, row, column), np.float32)) / 2
        moved.append(shifted)
    side = rng.uniform(*MOSAIC_SIDES)
    window = []
    for length in (height, width):
        part = round(side * length)
        start = length - round(rng.uniform(*MOSAIC_MEETING) * part)
        window.append((min(max(start, 0), 2 * length - part), part))
    (top, part_height), (left, part_width) = window
    return cut(whole, np.concatenate(moved), (top, left, part_height, part_width))


class Augmentation(NamedTuple):
    """How training images are augmented, beside flip and colours.

    Attributes:
        zoom: (image, boxes, rng) -> (image, boxes), in place of the random crop of the SSD paper; None for the crop.
        mosaic: probability that an image becomes a mosaic of itself and three others of its batch, without zoom or
            crop.
        mosaic_epochs: mosaics end after so many epochs of the run.
    """

    zoom: Callable[[np.ndarray, np.ndarray, np.random.RandomState], Sample] | None = None
    mosaic: float = 0.0
    mosaic_epochs: int = 0


PLAIN = Augmentation()


def build_augmentation(config: Any) -> Augmentation:
    """The `Augmentation` of the configuration."""
    zoom = None
    if config.scale_jitter:
        low, high = config.scale_jitter
        fill = tuple(255 * value for value in config.image_mean)
        zoom = functools.partial(scale_jitter, low=low, high=high, fill=fill)
    return Augmentation(
        zoom=zoom,
        mosaic=config.mosaic,
        mosaic_epochs=config.epoch_size - config.mosaic_close_epochs if config.mosaic else 0,
    )
