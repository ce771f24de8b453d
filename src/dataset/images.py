"""Reading of image files of the usual formats, whatever their colours, as uint8 RGB."""
import io
import warnings
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from src.dataset.transforms import IMAGENET, normalise, resize
from src.utils.errors import UserError
from src.utils.safe_io import MEGABYTE, open_file, read_file, shown

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
# The pixels as they are stored: boxes are annotated on those, and a rotation noted in the EXIF part would leave them
# behind. Grey, palette, CMYK, 16-bit, and images with alpha come out as 8-bit RGB.
DECODE_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
# Formats by their content, whatever the name of the file: those of Pillow's that OpenCV decodes too.
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000")
MOST_BYTES = 128 * MEGABYTE
# 11585 x 11585, or 400 MB once it is decoded: more than any camera takes at once. A file of a few bytes can hold more.
MOST_PIXELS = 1 << 27
LONGEST_SIDE = 65_500  # of a JPEG file, which pictures of detections are
_ORIENTATION = 0x0112


class ImageHeader(NamedTuple):
    """What the first bytes of an image file say.

    Attributes:
        size: (height, width) as it is stored.
        is_rotated: the EXIF data ask programs to turn or mirror it when they show it.
    """

    size: tuple
    is_rotated: bool


class TooManyPixelsError(ValueError):
    """The image is larger than `MOST_PIXELS`, or longer than `LONGEST_SIDE`."""


def read_header(stream):
    """The `ImageHeader` of an image in a binary stream; nothing is decoded.

    Raises:
        TooManyPixelsError: to decode it would take too much memory.
        ValueError: not an image, or of an unknown format.
    """
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # of Pillow's smaller limit
    try:
        with Image.open(stream, formats=FORMATS) as image:
            size, orientation = (image.height, image.width), _orientation(image)
    except Image.DecompressionBombError as error:
        raise TooManyPixelsError(f"has more than {MOST_PIXELS} pixels") from error
    except Exception as error:  # of Pillow, which lets many kinds through
        raise ValueError("cannot be decoded (damaged, or no known image format)") from error
    if size[0] * size[1] > MOST_PIXELS or max(size) > LONGEST_SIDE:
        raise TooManyPixelsError(f"has {size[1]} x {size[0]} pixels, more than {MOST_PIXELS} or a side of "
                                 f"{LONGEST_SIDE}")
    return ImageHeader(size, orientation not in (None, 1))


def _orientation(image):
    try:
        return image.getexif().get(_ORIENTATION)
    except Exception:  # as above; the pixels may be fine
        return None


def decode_untrusted(data):
    """As `decode_image`, for a file that nobody has looked at: too large an image is refused before it is decoded."""
    read_header(io.BytesIO(data))
    return decode_image(data)


def decode_image(data):
    """Bytes of an image file (bytes, or a uint8 array) -> uint8 `(H, W, 3)` RGB.

    Raises:
        ValueError: not an image, cut off, or of an unknown format.
    """
    buffer = np.frombuffer(data, np.uint8)
    try:
        image = cv2.imdecode(buffer, DECODE_FLAGS) if buffer.size else None
    except cv2.error as error:
        raise ValueError(f"cannot be decoded: {error.err or error}") from error
    if image is None:
        raise ValueError("is empty" if buffer.size == 0 else "cannot be decoded (damaged, or no known image format)")
    return image


def load_image(path):
    """Image file -> uint8 `(H, W, 3)` RGB.

    Raises:
        UserError: the file does not exist or is no image.
    """
    try:
        return decode_untrusted(read_file(path, MOST_BYTES))
    except OSError as error:
        raise UserError(f"The image {shown(path)} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise UserError(f"The image {shown(path)} {error}.") from error


def read_image_size(path):
    """Height and width of an image file as it is stored, from its header only.

    Raises:
        UserError: the file does not exist or is no image.
    """
    try:
        with open_file(path, MOST_BYTES) as stream:
            return read_header(stream).size
    except (OSError, ValueError) as error:
        raise UserError(f"The size of the image {shown(path)} cannot be read: "
                        f"{getattr(error, 'strerror', None) or error}.") from error


def preprocess(image, image_size, out=None, input_format=IMAGENET):
    """uint8 `(H, W, 3)` RGB -> input of the network, float32 `(3, height, width)`: resized and normalised.

    Args:
        image_size: (height, width) of the network's input.
        out: array to write to; a new one by default.
        input_format: the network's `InputFormat`.
    """
    if input_format.float_resize:
        image = image.astype(np.float32)
    return normalise(resize(image, image_size), out, input_format)


def find_images(inputs):
    """Paths of the images that `inputs`, files or folders, name: folders sorted by file name, without sub-folders.

    Raises:
        UserError: an input is not there, or there is no image at all.
    """
    paths = []
    for path in map(Path, inputs):
        if path.is_dir():
            paths += sorted(entry for entry in path.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES)
        elif path.is_file():
            paths.append(path)
        else:
            raise UserError(f"There is no image or folder {path}.")
    if not paths:
        raise UserError(f"There is no image in {', '.join(map(str, inputs))} (looked for {', '.join(IMAGE_SUFFIXES)}).")
    return paths
