"""Bad and unusual images, each with what is to come of it."""
import io
import struct
import zlib
from typing import NamedTuple

import numpy as np
from PIL import Image

from src.dataset.annotations import CLOSED_IMAGE, LARGE_IMAGE, MISSING_IMAGE, TURNED_UPRIGHT, UNREADABLE_IMAGE
from tests.hostile.special_files import (
    content,
    folder,
    link_to,
    link_to_itself,
    named_pipe,
    sparse,
)
from tests.support.samples import exif_of

HEIGHT, WIDTH = 48, 64


class ImageCase(NamedTuple):
    """A file and its outcome.

    Attributes:
        name: of the test.
        file_name: of the image.
        make: function that makes it at a path; None for no file at all.
        size: (height, width) of what is read; None where nothing is.
        reason: what the report counts; None for nothing.
    """

    name: str
    file_name: str
    make: object
    size: tuple | None = None
    reason: str | None = None


def gradient(mode="RGB"):
    """Smooth colours: red grows to the right, green downwards."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[..., 0] = np.linspace(0, 250, WIDTH)
    pixels[..., 1] = np.linspace(0, 250, HEIGHT)[:, None]
    image = Image.fromarray(pixels)
    return image if mode == "RGB" else image.convert(mode)


def encoded(image, form, **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


INVERSE = {2: Image.Transpose.FLIP_LEFT_RIGHT, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


def rotated(orientation):
    """The gradient as a camera stores it that was held otherwise."""
    image = gradient()
    image = image.transpose(INVERSE[orientation]) if orientation in INVERSE else image
    return encoded(image, "JPEG", exif=exif_of(orientation))


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, rows=b"", extra=b""):
    """A grey PNG file that says this size, with whatever rows."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", zlib.compress(rows, 9))
            + png_chunk(b"IEND", b""))


def blank_png(width, height):
    """A whole black image: hundreds of times smaller than what is decoded from it."""
    compressor = zlib.compressobj(1)
    row = bytes(width + 1)
    data = b"".join([*(compressor.compress(row) for _ in range(height)), compressor.flush()])
    return (png(width, height)[:33] + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b""))


def with_size(data, position, form, *size):
    """`data` with the numbers of its size, at `position`, replaced."""
    new = struct.pack(form, *size)
    return data[:position] + new + data[position + len(new):]


def jpeg_of_size(width, height):
    data = encoded(gradient(), "JPEG")
    return with_size(data, data.index(b"\xff\xc0") + 5, ">HH", height, width)


JPEG, PNG = encoded(gradient(), "JPEG"), encoded(gradient(), "PNG")
PROGRESSIVE = encoded(gradient(), "JPEG", progressive=True)
FRAMES = {"save_all": True, "append_images": [gradient().transpose(Image.Transpose.FLIP_LEFT_RIGHT)]}
SIXTEEN = encoded(Image.fromarray(np.asarray(gradient("L")).astype(np.uint16) * 257), "PNG")
CLEAR = encoded(gradient("RGBA"), "PNG")
STORED = (HEIGHT, WIDTH)

IMAGES = [
    ImageCase("no file", "a.jpg", None, None, MISSING_IMAGE),
    ImageCase("an empty file", "a.jpg", content(b""), None, UNREADABLE_IMAGE),
    ImageCase("a folder", "a.jpg", folder, None, CLOSED_IMAGE),
    ImageCase("a named pipe", "a.jpg", named_pipe, None, CLOSED_IMAGE),
    ImageCase("a device without end", "a.jpg", link_to("/dev/zero"), None, CLOSED_IMAGE),
    ImageCase("a link to nothing", "a.jpg", link_to("nowhere.jpg"), None, MISSING_IMAGE),
    ImageCase("a link to itself", "a.jpg", link_to_itself, None, CLOSED_IMAGE),
    ImageCase("5 GB", "a.jpg", sparse(5 << 30), None, CLOSED_IMAGE),
    ImageCase("text", "a.jpg", content(b"<html>not found</html>"), None, UNREADABLE_IMAGE),
    ImageCase("null characters", "a.jpg", content(bytes(10_000)), None, UNREADABLE_IMAGE),
    ImageCase("a JPEG, cut off", "a.jpg", content(JPEG[: len(JPEG) * 9 // 10]), None, UNREADABLE_IMAGE),
    ImageCase("a progressive JPEG, cut off", "a.jpg", content(PROGRESSIVE[: len(PROGRESSIVE) // 2]), None,
              UNREADABLE_IMAGE),
    ImageCase("the header of a JPEG", "a.jpg", content(JPEG[:300]), None, UNREADABLE_IMAGE),
    ImageCase("a JPEG with something behind", "a.jpg", content(JPEG + b"PK\3\4 something else"), STORED),
    ImageCase("a PNG, cut off", "a.png", content(PNG[:-20]), None, UNREADABLE_IMAGE),
    ImageCase("a PNG with a wrong checksum", "a.png", content(PNG[:60] + bytes([PNG[60] ^ 255]) + PNG[61:]), None,
              UNREADABLE_IMAGE),
    ImageCase("a WebP, cut off", "a.webp", content(encoded(gradient(), "WEBP")[:-50]), None, UNREADABLE_IMAGE),
    ImageCase("a TIFF, cut off", "a.tif", content(encoded(gradient(), "TIFF")[:200]), None, UNREADABLE_IMAGE),
    ImageCase("a BMP, cut off", "a.bmp", content(encoded(gradient(), "BMP")[:-500]), None, UNREADABLE_IMAGE),
    ImageCase("a PNG called .jpg", "a.jpg", content(PNG), STORED),
    ImageCase("a JPEG called .png", "a.png", content(JPEG), STORED),
    ImageCase("a JPEG called .txt", "a.txt", content(JPEG), STORED),
    ImageCase("a PNG that says 20000 x 20000", "a.png", content(png(20_000, 20_000)), None, LARGE_IMAGE),
    ImageCase("a blank PNG of 20000 x 20000", "a.png", lambda path: path.write_bytes(blank_png(20_000, 20_000)), None,
              LARGE_IMAGE),
    ImageCase("a JPEG that says 65500 x 65500", "a.jpg", content(jpeg_of_size(65_500, 65_500)), None, LARGE_IMAGE),
    ImageCase("a JPEG that says 12000 x 12000", "a.jpg", content(jpeg_of_size(12_000, 12_000)), None, LARGE_IMAGE),
    ImageCase("a BMP that says 60000 x 60000", "a.bmp",
              content(with_size(encoded(gradient(), "BMP"), 18, "<ii", 60_000, 60_000)), None, LARGE_IMAGE),
    ImageCase("a BMP of negative width", "a.bmp", content(with_size(encoded(gradient(), "BMP"), 18, "<ii", -64, 48)),
              None, LARGE_IMAGE),
    ImageCase("a PNG without pixels", "a.png", content(png(0, 0)), None, UNREADABLE_IMAGE),
    ImageCase("a PNG with 20 MB of comment", "a.png",
              content(png(1, 1, b"\0\0", png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(20_000_000), 1)))), None,
              UNREADABLE_IMAGE),
    ImageCase("one pixel", "a.png", content(png(1, 1, b"\0\0")), (1, 1)),
    ImageCase("one line", "a.png", content(blank_png(60_000, 1)), (1, 60_000)),
    ImageCase("one line that is too long", "a.png", content(blank_png(70_000, 1)), None, LARGE_IMAGE),
    ImageCase("grey, 16 bits", "a.png", content(SIXTEEN), STORED),
    ImageCase("a palette", "a.png", content(encoded(gradient("P"), "PNG")), STORED),
    ImageCase("black and white", "a.png", content(encoded(gradient("1"), "PNG")), STORED),
    ImageCase("with transparency", "a.png", content(CLEAR), STORED),
    ImageCase("CMYK", "a.jpg", content(encoded(gradient("CMYK"), "JPEG")), STORED),
    ImageCase("YCbCr TIFF", "a.tif", content(encoded(gradient("YCbCr"), "TIFF", compression="jpeg")), STORED),
    ImageCase("an animated GIF", "a.gif", content(encoded(gradient("P"), "GIF", **FRAMES)), None, UNREADABLE_IMAGE),
    ImageCase("an animated WebP: its first frame", "a.webp", content(encoded(gradient(), "WEBP", **FRAMES)), STORED),
    ImageCase("an animated PNG: its first frame", "a.png", content(encoded(gradient(), "PNG", **FRAMES)), STORED),
    ImageCase("a TIFF of two pages: the first", "a.tif", content(encoded(gradient(), "TIFF", **FRAMES)), STORED),
    ImageCase("EXIF: turn by 90 degrees", "a.jpg", content(rotated(6)), STORED, TURNED_UPRIGHT),
    ImageCase("EXIF: mirror", "a.jpg", content(rotated(2)), STORED, TURNED_UPRIGHT),
    ImageCase("EXIF: turn by 270 degrees", "a.jpg", content(rotated(8)), STORED, TURNED_UPRIGHT),
    ImageCase("EXIF: upright", "a.jpg", content(rotated(1)), STORED),
    ImageCase("EXIF: no orientation of the standard", "a.jpg", content(rotated(9)), STORED),
    ImageCase("EXIF that is damaged", "a.jpg", content(rotated(6).replace(b"MM\0*", b"XXXX", 1)), (WIDTH, HEIGHT)),
    ImageCase("a Photoshop file", "a.psd", content(b"8BPS\0\1" + bytes(100)), None, UNREADABLE_IMAGE),
    ImageCase("PostScript", "a.eps", content(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"), None,
              UNREADABLE_IMAGE),
]
