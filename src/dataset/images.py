"""Reading of image files: every format that OpenCV knows becomes uint8 RGB."""
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from src.dataset.transforms import IMAGENET, normalise, resize
from src.model_utils.errors import UserError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
# The pixels as they are stored: boxes are annotated on those, and a rotation noted in the EXIF part would leave them
# behind. Grey, palette, CMYK, 16-bit, and images with alpha come out as 8-bit RGB.
DECODE_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION


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
        return decode_image(Path(path).read_bytes())
    except OSError as error:
        raise UserError(f"The image {path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise UserError(f"The image {path} {error}.") from error


def read_image_size(path):
    """Height and width of an image file as it is stored, from its header only.

    Raises:
        UserError: the file does not exist or is no image.
    """
    try:
        with Image.open(path) as image:
            return image.height, image.width
    except OSError as error:
        raise UserError(f"The size of the image {path} cannot be read: {error.strerror or error}.") from error


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
