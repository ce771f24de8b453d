"""Pictures of detections."""
import colorsys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from src.utils.errors import UserError
from src.utils.files import whole_file
from src.utils.safe_io import shown
from src.visualization.fonts import picture_font

Colour = tuple[int, ...]  # red, green, blue, 0 to 255
Place = tuple[int, int, int, int]  # ymin, xmin, ymax, xmax, pixels
# Hues one golden-ratio turn apart never come close to each other for neighbouring labels.
_GOLDEN_RATIO = 0.618033988749895
# Below that, letters cannot be read.
_SMALLEST_TEXT = 10


def class_colour(label: int) -> Colour:
    """The colour of a label, always the same: red, green, blue, 0 to 255.

    Brightness and saturation change as well, so that dozens of classes can be told from each other.
    """
    hue = label * _GOLDEN_RATIO % 1.0
    saturation = (0.95, 0.6, 0.8)[label % 3]
    value = (1.0, 0.8)[label // 3 % 2]
    return tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, saturation, value))


def draw_detections(image: np.ndarray, boxes: ArrayLike, labels: ArrayLike, scores: ArrayLike | None = None,
                    classes: Sequence[str] | None = None) -> np.ndarray:
    """Draws boxes in the colours of their classes, with class names and scores.

    Args:
        image: (H, W, 3) uint8, RGB.
        boxes: (D, 4) ymin, xmin, ymax, xmax, pixels; parts outside the picture are cut off.
        labels: (D,) integers.
        scores: (D,) in [0, 1]; None where there are none, as for the ground truth. The best lie on top.
        classes: class names, index = label; None to show the numbers.

    Returns:
        A new (H, W, 3) uint8 array.
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    labels = np.asarray(labels, np.int64).reshape(-1)
    names = [str(label) if classes is None else str(classes[label]) for label in labels]
    colours = [class_colour(int(label)) for label in labels]
    if scores is None:
        return draw_boxes(image, boxes, colours, [(name,) for name in names])
    scores = np.asarray(scores, np.float64).reshape(-1)
    texts = [(f"{name} {100 * score:.0f}%", name) for name, score in zip(names, scores)]
    order = np.argsort(scores, kind="stable")
    return draw_boxes(image, boxes[order], [colours[index] for index in order], [texts[index] for index in order])


def draw_boxes(image: np.ndarray, boxes: ArrayLike, colours: Sequence[Colour], texts: Sequence[Sequence[str]],
               text_size: int | None = None) -> np.ndarray:
    """Draws boxes with texts; later ones lie on top and choose the places of their texts first.

    Lines and letters grow with the picture. A text stands above its box or else where it covers no other one, always
    inside the picture; where there is no such place it is left out.

    Args:
        image: (H, W, 3) uint8, RGB.
        boxes: (D, 4) ymin, xmin, ymax, xmax, pixels; parts outside the picture are cut off.
        colours: D times red, green, blue.
        texts: D tuples: the first text of each for which there is a place is written; an empty tuple for none.
        text_size: pixels; by default it follows the size of the picture.

    Returns:
        A new (H, W, 3) uint8 array.
    """
    canvas = np.array(image, np.uint8, order="C")
    if canvas.ndim != 3 or canvas.shape[2] != 3:
        raise ValueError(f"image of the shape {canvas.shape}, expected (H, W, 3)")
    corners = [_inside(box, canvas.shape) for box in np.asarray(boxes, np.float64).reshape(-1, 4)]
    for box, colour in zip(corners, colours):
        _draw_box(canvas, box, colour)
    # All texts after all boxes, so that no line runs through a text.
    taken: list[Place] = []
    size = text_size or _text_size(canvas, 42)
    for box, colour, variants in reversed(list(zip(corners, colours, texts))):
        _draw_label(canvas, box, colour, variants, size, taken)
    return canvas


def _inside(box: np.ndarray, shape: Sequence[int]) -> list[int]:
    """ymin, xmin, ymax, xmax as pixels of the picture, of which the last is at height - 1, width - 1."""
    limits = (shape[0] - 1, shape[1] - 1) * 2
    return [round(float(np.clip(value, 0, limit))) for value, limit in zip(box, limits)]


def _draw_box(canvas: np.ndarray, box: Sequence[int], colour: Colour) -> None:
    ymin, xmin, ymax, xmax = box
    line = max(1, round(min(canvas.shape[:2]) / 250))
    # The line lies inside the box, so that it is whole at the border of the picture too.
    inset = line // 2
    cv2.rectangle(canvas, (min(xmin + inset, xmax), min(ymin + inset, ymax)),
                  (max(xmax - inset, xmin), max(ymax - inset, ymin)), colour, line)


def _text_size(image: np.ndarray, part: int) -> int:
    """Pixels: the shorter side divided by `part`, or more where that could not be read."""
    return max(_SMALLEST_TEXT + 2, round(min(image.shape[:2]) / part))


def _draw_label(canvas: np.ndarray, box: Sequence[int], colour: Colour, variants: Sequence[str], size: int,
                taken: list[Place]) -> None:
    """Writes the first of the texts that finds a place, smaller if need be, and adds the place to `taken`."""
    smaller = max(_SMALLEST_TEXT, round(0.7 * size))
    for text, pixels in [(text, size) for text in variants] + [(text, smaller) for text in variants]:
        patch = _label_patch(text, pixels, colour)
        height, width = patch.shape[:2]
        for top, left in _places(box, height, width, canvas.shape):
            place = top, left, top + height, left + width
            if not any(_overlap(place, other) for other in taken):
                canvas[top : top + height, left : left + width] = patch
                taken.append(place)
                return


def _places(box: Sequence[int], height: int, width: int, shape: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where a text of that size may stand, best first: `(top, left)` above the box, inside it, below it."""
    ymin, xmin, ymax, xmax = box
    if height > shape[0] or width > shape[1]:
        return  # a picture so small that the text could only hide it
    lefts = [min(max(left, 0), shape[1] - width) for left in (xmin, xmax - width + 1)]
    for top in (ymin - height, ymin, ymax + 1, ymax - height + 1):
        if 0 <= top <= shape[0] - height:
            yield from ((top, left) for left in lefts)


def _overlap(place: Place, other: Place) -> bool:
    return place[0] < other[2] and other[0] < place[2] and place[1] < other[3] and other[1] < place[3]


def _label_patch(text: str, size: int, colour: Colour) -> np.ndarray:
    """(h, w, 3) uint8: the text on a ground of that colour."""
    text = shown(text)
    font = picture_font(text, size)
    ascent, descent = font.getmetrics()
    margin = max(2, size // 5)
    patch = Image.new("RGB", (int(np.ceil(font.getlength(text))) + 2 * margin, ascent + descent), tuple(colour))
    ImageDraw.Draw(patch).text((margin, ascent), text, font=font, fill=_text_colour(colour), anchor="ls")
    return np.asarray(patch)


def _text_colour(ground: Colour) -> Colour:
    """Black or white, whichever contrasts more with `ground` (luminance and contrast as in WCAG 2.1)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
              for part in (value / 255 for value in ground)]
    luminance = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    black_contrast, white_contrast = (luminance + 0.05) / 0.05, 1.05 / (luminance + 0.05)
    return (0, 0, 0) if black_contrast >= white_contrast else (255, 255, 255)


def resize_to_view(image: np.ndarray, boxes: ArrayLike, smallest: int = 0, largest: int | None = None
                   ) -> tuple[np.ndarray, np.ndarray]:
    """Changes the size of a picture so that it can be looked at, with the names of its boxes.

    Args:
        image: (H, W, 3) uint8.
        boxes: (D, 4) ymin, xmin, ymax, xmax, pixels.
        smallest: a picture whose shorter side has fewer pixels is enlarged to that.
        largest: one whose longer side has more is reduced to that, above all; None for no limit.

    Returns:
        Image and boxes, the same ones where nothing is to be done.
    """
    height, width = image.shape[:2]
    scale = max(1.0, smallest / min(height, width))
    if largest is not None:
        scale = min(scale, largest / max(height, width))
    if scale == 1.0:
        return image, np.asarray(boxes)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    resized = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
    return resized, np.asarray(boxes, np.float64).reshape(-1, 4) * scale


def with_title(image: np.ndarray, title: str) -> np.ndarray:
    """(H + h, W, 3): the picture below a white strip with the title, which is left out where it is too wide."""
    patch = _label_patch(title, _text_size(image, 36), (255, 255, 255))
    strip = np.full((patch.shape[0], image.shape[1], 3), 255, np.uint8)
    if patch.shape[1] <= image.shape[1]:
        strip[:, : patch.shape[1]] = patch
    return np.concatenate([strip, image])


def crop(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The inside of a box, whole pixels: a part of the (H, W, 3) image, without pixels where the box has none.

    Args:
        box: (4,) ymin, xmin, ymax, xmax, pixels, within the image.
    """
    (top, left), (bottom, right) = np.floor(box[:2]).astype(int), np.ceil(box[2:]).astype(int)
    return image[top:bottom, left:right]


def grid(images: Iterable[np.ndarray], columns: int, gap: int = 4) -> np.ndarray:
    """Puts pictures side by side on one white sheet.

    Args:
        images: (H, W, 3) uint8 arrays, sizes may differ; each stands in the middle of its cell.
        columns: pictures in a row.
        gap: pixels between them.

    Returns:
        (H, W, 3) uint8.
    """
    images = list(images)
    if not images or columns < 1:
        raise ValueError(f"{len(images)} images in {columns} columns, expected at least one of both")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    cell_height = max(image.shape[0] for image in images)
    cell_width = max(image.shape[1] for image in images)
    sheet = np.full(
        (rows * cell_height + (rows - 1) * gap, columns * cell_width + (columns - 1) * gap, 3), 255, np.uint8
    )
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top = row * (cell_height + gap) + (cell_height - image.shape[0]) // 2
        left = column * (cell_width + gap) + (cell_width - image.shape[1]) // 2
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
    return sheet


def encode_image(rgb: np.ndarray, suffix: str) -> bytes:
    """(H, W, 3) uint8 RGB as the bytes of an image file; a `ValueError` for a suffix that names no format."""
    try:
        done, content = cv2.imencode(suffix, cv2.cvtColor(np.asarray(rgb, np.uint8), cv2.COLOR_RGB2BGR))
    except cv2.error as error:
        raise ValueError(f"no image format belongs to the ending {suffix!r}, use .jpg or .png") from error
    if not done:
        raise ValueError("the picture could not be encoded")
    return content.tobytes()


def save_image(path: Path | str, rgb: np.ndarray) -> None:
    """Writes (H, W, 3) uint8 RGB as the format that the ending of `path` says, whole or not at all."""
    path = Path(path)
    try:
        # Through memory: cv2.imwrite fails on some paths with letters beyond ASCII, and only by its return value.
        content = encode_image(rgb, path.suffix)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    with whole_file(path) as part:
        part.write_bytes(content)
