"""Image and box transforms of training and evaluation: small functions on numpy arrays, no MindSpore.

Images are uint8 `(H, W, 3)` RGB until `normalise`. `pixel_boxes` are in pixels of their image, `boxes` in [0, 1]; both
are float32 `(N, 5)`: ymin, xmin, ymax, xmax, label. Random functions take their `numpy.random.RandomState`.
"""
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from src.boxes.box_ops import box_area

# Statistics of ImageNet, RGB in 0 .. 1.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
MIN_IOU_CHOICES = (None, 0.1, 0.3, 0.5, 0.7, 0.9)
MAX_CROP_TRIALS = 50
MIN_CROP_FRACTION = 0.3
# The overlap of a crop is accepted when it is at least the chosen minimum, or when none exceeds the minimum by this.
IOU_MARGIN = 0.2


Rect = tuple[int, int, int, int]  # top, left, bottom, right in pixels


def overlaps(pixel_boxes: np.ndarray, rect: Rect) -> np.ndarray:
    """IoU of boxes `(N, 4+)` with one rectangle -> `(N,)`.

    A box without area has an overlap of 0.
    """
    top, left, bottom, right = rect
    heights = np.maximum(np.minimum(pixel_boxes[:, 2], bottom) - np.maximum(pixel_boxes[:, 0], top), 0)
    widths = np.maximum(np.minimum(pixel_boxes[:, 3], right) - np.maximum(pixel_boxes[:, 1], left), 0)
    intersection = heights * widths
    return intersection / (box_area(pixel_boxes) + (bottom - top) * (right - left) - intersection)


def boxes_in_crop(pixel_boxes: np.ndarray, rect: Rect, min_iou: float) -> np.ndarray | None:
    """Boxes that a crop keeps, clipped to it and in its pixels `(M, 5)`; None when the crop is to be rejected.

    A crop keeps the boxes whose centre lies inside. It is rejected when it touches no box, keeps none, or when the
    boxes that it touches overlap too little with it (`min_iou`).
    """
    top, left, bottom, right = rect
    iou = overlaps(pixel_boxes, rect)
    touched = iou > 0
    if not touched.any():
        return None
    if iou[touched].min() < min_iou and iou[touched].max() > min_iou + IOU_MARGIN:
        return None
    centre_y = (pixel_boxes[:, 0] + pixel_boxes[:, 2]) / 2
    centre_x = (pixel_boxes[:, 1] + pixel_boxes[:, 3]) / 2
    kept = touched & (centre_y > top) & (centre_y < bottom) & (centre_x > left) & (centre_x < right)
    if not kept.any():
        return None
    result = pixel_boxes[kept].copy()
    result[:, 0:4:2] = result[:, 0:4:2].clip(top, bottom) - top
    result[:, 1:4:2] = result[:, 1:4:2].clip(left, right) - left
    return result


def random_crop(image: np.ndarray, pixel_boxes: np.ndarray, rng: np.random.RandomState
                ) -> tuple[np.ndarray, np.ndarray]:
    """Random crop that respects the boxes, as in the SSD paper (Liu et al. 2016, section 2.2, data augmentation).

    One draw chooses the least IoU (or no crop at all); then at most 50 rectangles are tried, each of 0.3 to 1 of the
    width and of the height with an aspect ratio (height / width) of 0.5 to 2.

    Returns:
        A view of the crop and its pixel boxes `(M, 5)`, M >= 1; the unchanged input when no rectangle was accepted or
        there is no box.
    """
    height, width = image.shape[:2]
    min_iou = MIN_IOU_CHOICES[rng.randint(len(MIN_IOU_CHOICES))]
    if min_iou is None or len(pixel_boxes) == 0:
        return image, pixel_boxes
    for _ in range(MAX_CROP_TRIALS):
        # Plain arithmetic: a seeded generator has to give the same rectangles in every release.
        crop_width = (MIN_CROP_FRACTION + (1 - MIN_CROP_FRACTION) * rng.rand()) * width
        crop_height = (MIN_CROP_FRACTION + (1 - MIN_CROP_FRACTION) * rng.rand()) * height
        if not 0.5 <= crop_height / crop_width <= 2:
            continue
        left = rng.rand() * (width - crop_width)
        top = rng.rand() * (height - crop_height)
        rect = (int(top), int(left), int(top + crop_height), int(left + crop_width))
        kept = boxes_in_crop(pixel_boxes, rect, min_iou)
        if kept is not None:
            return image[rect[0]:rect[2], rect[1]:rect[3]], kept
    return image, pixel_boxes


def resize(image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Bilinear resize to `size` = (height, width); the aspect ratio is not kept."""
    height, width = size
    return cv2.resize(image, (int(width), int(height)), interpolation=cv2.INTER_LINEAR)


def normalise_boxes(pixel_boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pixel boxes `(N, 5)` of an image of that size -> boxes `(N, 5)` in [0, 1], float32."""
    return (pixel_boxes / np.array((height, width, height, width, 1), np.float32)).astype(np.float32)


def horizontal_flip(image: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mirrors the image and its boxes `(N, 5)` in [0, 1]."""
    boxes = boxes.copy()
    boxes[:, 1], boxes[:, 3] = 1 - boxes[:, 3], 1 - boxes[:, 1]
    return cv2.flip(image, 1), boxes


def adjust_brightness(image: np.ndarray, factor: float) -> np.ndarray:
    """Scales every value by `factor`; 1 changes nothing."""
    return cv2.convertScaleAbs(image, alpha=factor)


def adjust_contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Blends with the mean grey value of the image: 0 gives plain grey, 1 changes nothing."""
    mean = cv2.mean(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0]
    adjusted = np.arange(256, dtype=np.float32) * factor + mean * (1 - factor)  # of each pixel value
    return cv2.LUT(image, np.rint(adjusted).clip(0, 255).astype(np.uint8))


def adjust_saturation(image: np.ndarray, factor: float) -> np.ndarray:
    """Blends with the grey version of the image: 0 gives a grey image, 1 changes nothing."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(image, factor, grey, 1 - factor, 0)


def colour_jitter(image: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Brightness, contrast, and saturation, in this order; each factor is drawn from 0.6 .. 1.4."""
    brightness, contrast, saturation = rng.uniform(0.6, 1.4, 3)
    return adjust_saturation(adjust_contrast(adjust_brightness(image, brightness), contrast), saturation)


class InputFormat:
    """How a network expects its input: the mean is subtracted, then the values are divided by the standard deviation.

    Args:
        mean, std: of red, green and blue in 0 .. 1.
        float_resize: images of evaluation and prediction keep the fractions that resizing gives, as in torchvision.
    """

    def __init__(self, mean: Sequence[float] | np.ndarray = IMAGENET_MEAN,
                 std: Sequence[float] | np.ndarray = IMAGENET_STD, float_resize: bool = False):
        self.mean = np.array(mean, np.float32) * 255
        self.std = np.array(std, np.float32) * 255
        self.float_resize = float_resize
        # (3, 256): what each pixel value of each channel becomes.
        values = np.arange(256, dtype=np.float32)[None, :]
        self.table = ((values - self.mean[:, None]) / self.std[:, None]).astype(np.float32)


IMAGENET = InputFormat()


def build_input_format(config: Any) -> InputFormat:
    """The `InputFormat` of the configuration."""
    return InputFormat(config.image_mean, config.image_std, config.float_resize)


def normalise(image: np.ndarray, out: np.ndarray | None = None, input_format: InputFormat = IMAGENET) -> np.ndarray:
    """uint8 or float32 `(H, W, 3)` RGB, 0 .. 255 -> float32 `(3, H, W)`.

    Args:
        out: array `(3, H, W)` float32 to write to, such as a row of the batch; a new one by default.
    """
    if out is None:
        out = np.empty((3, *image.shape[:2]), np.float32)
    for channel in range(3):
        values = cv2.extractChannel(image, channel)
        if image.dtype == np.uint8:
            out[channel] = cv2.LUT(values, input_format.table[channel])
        else:
            out[channel] = (values - input_format.mean[channel]) / input_format.std[channel]
    return out
