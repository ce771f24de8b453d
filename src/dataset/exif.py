"""The orientation that the EXIF data of an image state: the photograph of a camera that was held on its side.

Values are those of the tag Orientation (https://www.cipa.jp/std/documents/e/DC-008-2012_E.pdf, section 4.6.4): 1 is
upright, 2 to 4 are mirrored or turned by 180 degrees, 5 to 8 lie on a side. The same rules are in the C++ program,
`ascend310_infer/src/orientation.cc`.
"""
from typing import Any

import cv2
import numpy as np
from PIL import Image

UPRIGHT = 1
_TAG = 0x0112
_SIDES_SWAPPED = (5, 6, 7, 8)
# What to do after rows and columns were exchanged where they have to be: as the argument of cv2.flip.
_LEFT_RIGHT, _BOTH, _TOP_BOTTOM = 1, -1, 0
_FLIPS = {2: _LEFT_RIGHT, 3: _BOTH, 4: _TOP_BOTTOM, 6: _LEFT_RIGHT, 7: _BOTH, 8: _TOP_BOTTOM}


def is_upright(config: Any) -> bool:
    """Whether the configuration uses images as their EXIF data turn them, not as they are stored."""
    return config.exif == "upright"


def orientation_of(image: Image.Image) -> int:
    """Orientation of a JPEG, PNG or WebP image that Pillow has opened; 1 where it states none, or a wrong one.

    What the XMP data say does not count, as in browsers. TIFF files are turned by their decoder.
    """
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        value = exif.get(_TAG)
    except Exception:  # Pillow raises many kinds; the pixels may be fine
        return UPRIGHT
    return value if isinstance(value, int) and 1 <= value <= 8 else UPRIGHT


def may_have_orientation(data: bytes) -> bool:
    """Whether the content of an image file has EXIF data at all: much faster than to open it."""
    return any(mark in data for mark in (b"Exif\0", b"eXIf", b"EXIF"))  # JPEG, PNG, WebP


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """(height, width) of an image of that (height, width) when it is turned."""
    return (size[1], size[0]) if orientation in _SIDES_SWAPPED else size


def turn_upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """Image `(H, W, 3)` as it is stored -> as it is to be shown, `(H, W, 3)` or `(W, H, 3)`."""
    if orientation in _SIDES_SWAPPED:
        image = cv2.transpose(image)
    return cv2.flip(image, _FLIPS[orientation]) if orientation in _FLIPS else image


def turn_boxes(pixel_boxes: np.ndarray, orientation: int, size: tuple[int, int]) -> np.ndarray:
    """Boxes `(N, 4+)` ymin, xmin, ymax, xmax of an image as it is stored -> of the image that `turn_upright` gives.

    Args:
        pixel_boxes: in pixels; further columns stay.
        orientation: of the EXIF data.
        size: (height, width) of the image as it is stored.
    """
    turned = pixel_boxes.copy()
    if orientation in _SIDES_SWAPPED:
        turned[:, :4] = turned[:, [1, 0, 3, 2]]
    height, width = upright_size(size, orientation)
    flip = _FLIPS.get(orientation)
    if flip in (_LEFT_RIGHT, _BOTH):
        turned[:, [1, 3]] = width - turned[:, [3, 1]]
    if flip in (_TOP_BOTTOM, _BOTH):
        turned[:, [0, 2]] = height - turned[:, [2, 0]]
    return turned
