"""Augmentations that a configuration can ask for beside those of `pipeline.augment`: numpy and OpenCV, no MindSpore.

Images are uint8 `(H, W, 3)` RGB; boxes are float32 `(N, 5)`: ymin, xmin, ymax, xmax in [0, 1] of their image, and the
label. Whatever is random takes its `numpy.random.RandomState` as an argument.
"""
import functools
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

# A box stays while a window shows at least this part of its area.
MIN_VISIBLE = 0.3
# Windows over the four images of a mosaic: side in units of the side of one image, and where in it the images meet.
MOSAIC_SIDES = (1.0, 2.0)
MOSAIC_MEETING = (0.3, 0.7)


def window_boxes(boxes, window, min_visible=MIN_VISIBLE):
    """Boxes `(N, 5)` seen through a window -> boxes `(M, 5)` in [0, 1] of the window, clipped to it.

    Args:
        window: (top, left, height, width), in the coordinates of the boxes; it may reach beyond the image.
        min_visible: boxes of which a smaller part of the area is inside are left out, and those without area.
    """
    top, left, height, width = window
    offset = np.array((top, left, top, left), np.float32)
    moved = (boxes[:, :4] - offset) / np.array((height, width, height, width), np.float32)
    clipped = moved.clip(0, 1)
    visible = _area(clipped)
    kept = (visible > 0) & (visible >= min_visible * _area(moved))
    return np.concatenate([clipped[kept], boxes[kept, 4:]], axis=1).astype(np.float32)


def _area(boxes):
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def scale_jitter(image, boxes, rng, low, high, fill):
    """Large scale jitter (https://arxiv.org/abs/2012.07177, section 3): zooms in or out by a random factor.

    Above 1 a window of the image is cut out, below 1 the image is put into a larger one, both at a random place. Sides
    keep their ratio.

    Args:
        low, high: range of the factor.
        fill: red, green and blue around an image that is made smaller, 0 .. 255.
    """
    factor = rng.uniform(low, high)
    if factor < 1:
        return put_into_larger(image, boxes, rng, 1 / factor, fill)
    sides = [max(1, round(side / factor)) for side in image.shape[:2]]
    top, left = (rng.randint(whole - part + 1) for whole, part in zip(image.shape, sides))
    return cut(image, boxes, (top, left, *sides))


def put_into_larger(image, boxes, rng, ratio, fill):
    """The image at a random place of one with sides `ratio` times as long, filled with a colour; its boxes."""
    height, width = image.shape[:2]
    rows, columns = round(height * ratio), round(width * ratio)
    top, left = rng.randint(rows - height + 1), rng.randint(columns - width + 1)
    bottom, right = rows - height - top, columns - width - left
    colour = [round(value) for value in fill]
    larger = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=colour)
    return larger, window_boxes(boxes, (-top / height, -left / width, rows / height, columns / width))


def cut(image, boxes, window):
    """A window (top, left, height, width) in whole pixels of the image: a view of it, and its boxes."""
    top, left, height, width = window
    whole = image.shape
    part = (top / whole[0], left / whole[1], height / whole[0], width / whole[1])
    return image[top : top + height, left : left + width], window_boxes(boxes, part)


def mosaic(images, boxes, rng):
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


# Image, boxes `(N, 5)` in [0, 1], generator -> image, boxes.
Zoom = Callable[[np.ndarray, np.ndarray, np.random.RandomState], tuple[np.ndarray, np.ndarray]]


class Augmentation(NamedTuple):
    """What `pipeline.augment` does with a training image.

    Attributes:
        zoom: (image, boxes, rng) -> (image, boxes), in place of the random crop of the SSD paper; None for the crop.
        mosaic: probability that an image becomes a mosaic of itself and three others of its batch, without zoom or
            crop.
        mosaic_epochs: mosaics end after so many epochs of the run.
    """

    zoom: Zoom | None = None
    mosaic: float = 0.0
    mosaic_epochs: int = 0


PLAIN = Augmentation()


def build_augmentation(config):
    """The `Augmentation` of the configuration."""
    zoom = None
    if config.scale_jitter:
        low, high = config.scale_jitter
        fill = tuple(255 * value for value in config.image_mean)
        zoom = functools.partial(scale_jitter, low=low, high=high, fill=fill)
    return Augmentation(
        zoom=zoom,
        mosaic=config.mosaic,
        mosaic_epochs=config.epoch_size - config.mosaic_close_epochs,
    )
