"""Reading of image files of the usual formats, of any colour mode, as uint8 RGB."""
import contextlib
import io
import math
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import cv2
import numpy as np
from PIL import Image

from src.dataset.exif import UPRIGHT, may_have_orientation, orientation_of, turn_upright, upright_size
from src.dataset.file_names import visible
from src.dataset.transforms import IMAGENET, InputFormat, normalise, resize
from src.utils.errors import UserError
from src.utils.safe_io import open_file, read_file, reason_of_reading, shown

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff")
# Pixels as they are stored; OpenCV's own way to turn them knows other formats in each version. Grey, palette, CMYK,
# 16-bit, and images with alpha become 8-bit RGB.
DECODE_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
SMALL_DECODE_FLAGS = cv2.IMREAD_REDUCED_COLOR_8 | cv2.IMREAD_IGNORE_ORIENTATION
JPEG_SIGNATURE = b"\xff\xd8\xff"
# Formats by content, whatever the name of the file: those of Pillow that OpenCV decodes too.
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000")
# 11585 x 11585, or 400 MB once it is decoded: more than any camera takes at once. A file of a few bytes can claim more.
MOST_PIXELS = 1 << 27
MOST_BYTES = 4 * MOST_PIXELS  # as without compression
LONGEST_SIDE = 65_500  # of a JPEG file, and pictures of detections are such files
_WARNINGS_LOCK = threading.Lock()


class ImageHeader(NamedTuple):
    """What the first bytes of an image file say.

    Attributes:
        size: (height, width) as it is stored.
        orientation: of the EXIF data, 1 to 8; all but 1 ask programs to turn or mirror it when they show it.
    """

    size: tuple[int, int]
    orientation: int = UPRIGHT

    @property
    def upright_size(self) -> tuple[int, int]:
        """(height, width) of the image when it is turned as the EXIF data ask."""
        return upright_size(self.size, self.orientation)


class TooManyPixelsError(ValueError):
    """The image is larger than `MOST_PIXELS`, or longer than `LONGEST_SIDE`."""


@contextlib.contextmanager
def _without_size_warning() -> Iterator[None]:
    """Context manager: no warning of Pillow about its own, smaller limit of pixels.

    Filters of warnings belong to the whole process, so the threads that read images take turns.
    """
    with _WARNINGS_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def read_header(stream: BinaryIO) -> ImageHeader:
    """The `ImageHeader` of an image in a binary stream.

    Raises:
        TooManyPixelsError: to decode it would take too much memory.
        ValueError: not an image, or of an unknown format.
    """
    try:
        with _without_size_warning():
            image = Image.open(stream, formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise TooManyPixelsError(f"has more than {MOST_PIXELS} pixels") from error
    except Exception as error:  # Pillow raises many kinds
        raise ValueError("cannot be decoded (damaged, or no known image format)") from error
    with image:
        size = (image.height, image.width)
        if size[0] * size[1] > MOST_PIXELS or max(size) > LONGEST_SIDE:
            raise TooManyPixelsError(f"has {size[1]} x {size[0]} pixels, more than {MOST_PIXELS} or a side of "
                                     f"{LONGEST_SIDE}")
        return ImageHeader(size, orientation_of(image))


def decode_untrusted(data: bytes, upright: bool = True) -> np.ndarray:
    """As `decode_image`, for a file that was not checked: too large an image is refused before it is decoded."""
    header = read_header(io.BytesIO(data))
    image = decode_image(data, upright=False)
    return turn_upright(image, header.orientation) if upright else image


def decode_image(data: bytes | np.ndarray, upright: bool = True, flags: int = DECODE_FLAGS) -> np.ndarray:
    """Bytes of an image file (bytes, or a uint8 array) -> uint8 `(H, W, 3)` RGB.

    Args:
        data: the content of the file.
        upright: turn the image as its EXIF data ask; otherwise it is as it is stored.
        flags: of OpenCV, as `DECODE_FLAGS`.

    Raises:
        ValueError: not an image, cut off, or of an unknown format.
    """
    buffer = np.frombuffer(data, np.uint8)
    try:
        image = cv2.imdecode(buffer, flags) if buffer.size else None
    except cv2.error as error:
        raise ValueError(f"cannot be decoded: {error.err or error}") from error
    if image is None:
        raise ValueError("is empty" if buffer.size == 0 else "cannot be decoded (damaged, or no known image format)")
    if upright and may_have_orientation(content := bytes(data)):
        image = turn_upright(image, read_header(io.BytesIO(content)).orientation)
    return image


def decoded_size(data: bytes, size: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of what `decode_image` gives without turning. JPEG files are decoded at an eighth of their size:
    that reads all of the file, and finds what is damaged, in half the time.

    Args:
        data: the content of the file.
        size: (height, width) that its header says.

    Raises:
        ValueError: as `decode_image`.
    """
    if data.startswith(JPEG_SIGNATURE):
        small = decode_image(data, upright=False, flags=SMALL_DECODE_FLAGS)
        if small.shape[:2] == tuple(math.ceil(side / 8) for side in size):
            return size
    height, width = decode_image(data, upright=False).shape[:2]
    return height, width


def load_image(path: Path | str, upright: bool = True) -> np.ndarray:
    """Image file -> uint8 `(H, W, 3)` RGB; `upright` as for `decode_image`.

    Raises:
        UserError: the file does not exist or is no image.
    """
    try:
        return decode_untrusted(read_file(path, MOST_BYTES), upright)
    except OSError as error:
        raise UserError(f"The image {shown(path)} cannot be read: {reason_of_reading(error)}.") from error
    except ValueError as error:
        raise UserError(f"The image {shown(path)} {error}.") from error


def read_image_header(path: Path | str) -> ImageHeader:
    """The `ImageHeader` of an image file.

    Raises:
        UserError: the file does not exist or is no image.
    """
    try:
        with open_file(path, MOST_BYTES) as stream:
            return read_header(stream)
    except (OSError, ValueError) as error:
        raise UserError(f"The size of the image {shown(path)} cannot be read: "
                        f"{reason_of_reading(error)}.") from error


def read_image_size(path: Path | str, upright: bool = True) -> tuple[int, int]:
    """Height and width of what `load_image` gives, from the header of the file only; errors as `read_image_header`."""
    header = read_image_header(path)
    return header.upright_size if upright else header.size


def preprocess(image: np.ndarray, image_size: Sequence[int], out: np.ndarray | None = None,
               input_format: InputFormat = IMAGENET) -> np.ndarray:
    """uint8 `(H, W, 3)` RGB -> input of the network, float32 `(3, height, width)`: resized and normalised.

    Args:
        image_size: (height, width) of the network's input.
        out: array to write to; a new one by default.
        input_format: the network's `InputFormat`.
    """
    if input_format.float_resize:
        image = image.astype(np.float32)
    return normalise(resize(image, image_size), out, input_format)


def is_image_file(path: Path | str) -> bool:
    """Whether a file begins as an image of a known format does, whatever its name."""
    try:
        with open_file(path, MOST_BYTES) as stream:
            read_header(stream)
    except TooManyPixelsError:
        return True
    except (OSError, ValueError):
        return False
    return True


def find_images(inputs: Iterable[Path | str]) -> list[Path]:
    """Paths of images: files as given, those of folders sorted by name, without sub-folders.

    Raises:
        UserError: an input is not there, or there is no image at all.
    """
    inputs = list(inputs)
    paths: list[Path] = []
    for path in map(Path, inputs):
        if path.is_dir():
            paths += visible(entry for entry in path.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES)
        elif path.is_file():
            paths.append(path)
        else:
            raise UserError(f"There is no image or folder {path}.")
    if not paths:
        raise UserError(f"There is no image in {', '.join(map(str, inputs))} (looked for {', '.join(IMAGE_SUFFIXES)}).")
    return paths
