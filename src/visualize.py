"""Pictures of detections."""
import colorsys
from pathlib import Path

import cv2
import numpy as np

from src.model_utils.errors import UserError
from src.model_utils.files import whole_file

_FONT = cv2.FONT_HERSHEY_SIMPLEX
# Hues one golden-ratio turn apart never come close to each other for neighbouring labels.
_GOLDEN_RATIO = 0.618033988749895


def class_colour(label):
    """The colour of a label, always the same: red, green, blue, 0 to 255.

    Brightness and saturation change as well, so that dozens of classes can be told from each other.
    """
    hue = label * _GOLDEN_RATIO % 1.0
    saturation = (0.95, 0.6, 0.8)[label % 3]
    value = (1.0, 0.8)[label // 3 % 2]
    return tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, saturation, value))


def draw_detections(image, boxes, labels, scores=None, classes=None):
    """Draws boxes with their class names.

    Boxes with low scores are drawn first, so that the others lie over them. Lines and text grow with the picture; in
    a picture that is too small for a text there are boxes only.

    Args:
        image: (H, W, 3) uint8, RGB.
        boxes: (D, 4) ymin, xmin, ymax, xmax, pixels; parts outside the picture are cut off.
        labels: (D,) integers.
        scores: (D,) in [0, 1]; None where there are none, as for the truth.
        classes: class names, index = label; None to show the numbers.

    Returns:
        A new (H, W, 3) uint8 array.
    """
    canvas = np.array(image, np.uint8, order="C")
    if canvas.ndim != 3 or canvas.shape[2] != 3:
        raise ValueError(f"image of the shape {canvas.shape}, expected (H, W, 3)")
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    labels = np.asarray(labels, np.int64).reshape(-1)
    order = range(len(boxes)) if scores is None else np.argsort(np.reshape(scores, -1), kind="stable")
    for index in order:
        _draw_box(canvas, boxes[index], class_colour(int(labels[index])))
    # All names after all boxes, so that no line runs through a text.
    for index in order:
        label = int(labels[index])
        text = str(label) if classes is None else str(classes[label])
        if scores is not None:
            text += f" {100 * float(np.reshape(scores, -1)[index]):.0f}%"
        _draw_label(canvas, text, boxes[index], class_colour(label))
    return canvas


def _draw_box(canvas, box, colour):
    height, width = canvas.shape[:2]
    # The last pixel of the picture is at height - 1, width - 1.
    ymin, ymax = (round(float(np.clip(y, 0, height - 1))) for y in (box[0], box[2]))
    xmin, xmax = (round(float(np.clip(x, 0, width - 1))) for x in (box[1], box[3]))
    line = max(1, round(min(height, width) / 250))
    # The line lies inside the box, so that it is whole at the border of the picture too.
    inset = line // 2
    cv2.rectangle(canvas, (min(xmin + inset, xmax), min(ymin + inset, ymax)),
                  (max(xmax - inset, xmin), max(ymax - inset, ymin)), colour, line)


def _draw_label(canvas, text, box, colour):
    """A line of text on a filled ground, above the box if there is room, inside the picture anyway."""
    height, width = canvas.shape[:2]
    top, left = round(float(np.clip(box[0], 0, height - 1))), round(float(np.clip(box[1], 0, width - 1)))
    scale = max(0.4, min(height, width) / 900)
    thickness = max(1, round(1.6 * scale))
    (text_width, text_height), below = cv2.getTextSize(text, _FONT, scale, thickness)
    margin = max(2, round(4 * scale))
    label_width, label_height = text_width + 2 * margin, text_height + below + margin
    if label_width > width or label_height > height:
        return  # a picture so small that text could only hide it
    left = min(left, width - label_width)
    top = min(top - label_height if top >= label_height else top, height - label_height)
    canvas[top : top + label_height, left : left + label_width] = colour
    cv2.putText(canvas, text, (left + margin, top + margin + text_height), _FONT, scale,
                _text_colour(colour), thickness, cv2.LINE_AA)


def _text_colour(ground):
    """Black or white, whichever contrasts more with `ground` (luminance and contrast as in WCAG 2.1)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
              for part in (value / 255 for value in ground)]
    luminance = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    black_contrast, white_contrast = (luminance + 0.05) / 0.05, 1.05 / (luminance + 0.05)
    return (0, 0, 0) if black_contrast >= white_contrast else (255, 255, 255)


def grid(images, columns, gap=4):
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


def save_image(path, rgb):
    """Writes (H, W, 3) uint8 RGB as the format that the ending of `path` says, whole or not at all."""
    path = Path(path)
    try:
        # Through memory: cv2.imwrite fails on some paths with letters beyond ASCII, and only by its return value.
        done, content = cv2.imencode(path.suffix, cv2.cvtColor(np.asarray(rgb, np.uint8), cv2.COLOR_RGB2BGR))
    except cv2.error as error:
        raise UserError(f"{path}: no picture format belongs to the ending {path.suffix!r}, use .jpg or .png") from error
    if not done:
        raise UserError(f"{path}: the picture could not be encoded")
    with whole_file(path) as part:
        part.write_bytes(content.tobytes())
