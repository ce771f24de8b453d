"""Pictures of the worst errors of a detector."""
import math

import numpy as np

from src.evaluation import error_analysis
from src.evaluation.error_analysis import CORRECT, DOUBLE, FALSE_ALARM, MISSED, POOR_PLACE, WRONG_CLASS
from src.visualization.draw import draw_boxes, resize_to_view

ERROR_KINDS = (MISSED, WRONG_CLASS, POOR_PLACE, FALSE_ALARM, DOUBLE)
# Pixels of a picture in the report, and of its letters.
SMALLEST_SIDE, LARGEST_SIDE, TEXT_SIZE = 360, 640, 15
OUTCOME_COLOURS = {
    error_analysis.CORRECT: "#3f90da",
    error_analysis.WRONG_CLASS: "#832db6",
    error_analysis.POOR_PLACE: "#e07800",
    error_analysis.MISSED: "#bd1f01",
    error_analysis.DOUBLE: "#00897b",
    error_analysis.FALSE_ALARM: "#e8b800",
}


def worst_first(analyses, kind):
    """The images with errors of a kind, the worst first; at equal numbers the surer detections count more."""
    def badness(image):
        return image.count(kind), sum(score for score, found in zip(image.scores, image.kinds) if found == kind)

    return sorted((image for image in analyses if image.count(kind)), key=badness, reverse=True)


def error_picture(image, analysis, kind, classes):
    """Draws the errors of one kind with their names, and what is right in thin boxes without.

    Args:
        image: (H, W, 3) uint8 RGB, the image as annotated.
        analysis: its `ImageAnalysis`.
        classes: names, index = label.

    Returns:
        (h, w, 3) uint8, of a size fit for the report.
    """
    boxes, colours, texts = [], [], []

    def add(box, colour, *text):
        boxes.append([box[1], box[0], box[1] + box[3], box[0] + box[2]])
        colours.append(colour)
        texts.append(text)

    for row, box in enumerate(analysis.boxes):
        if analysis.kinds[row] == CORRECT:
            add(box, outcome_rgb(CORRECT))
    # The surest last, so that they lie on top.
    for row in reversed(range(len(analysis.boxes))):
        if analysis.kinds[row] != kind:
            continue
        name = classes[analysis.labels[row]]
        text = f"{name} {100 * analysis.scores[row]:.0f}%"
        partner = analysis.objects[row]
        if kind == WRONG_CLASS:
            add(analysis.boxes[row], outcome_rgb(kind), f"{text}, is {classes[analysis.object_labels[partner]]}", text)
            continue
        if kind == POOR_PLACE:
            add(analysis.object_boxes[partner], outcome_rgb(MISSED))
            text = f"{text}, IoU {math.floor(100 * analysis.ious[row]) / 100:.2f}"
        add(analysis.boxes[row], outcome_rgb(kind), text, name)
    if kind == MISSED:
        for box, label, found in zip(analysis.object_boxes, analysis.object_labels, analysis.object_kinds):
            if found == MISSED:
                add(box, outcome_rgb(MISSED), classes[label])
    picture, boxes = resize_to_view(image, np.array(boxes).reshape(-1, 4), SMALLEST_SIDE, LARGEST_SIDE)
    return draw_boxes(picture, boxes, colours, texts, TEXT_SIZE)


def outcome_rgb(kind):
    """Red, green, blue, 0 to 255."""
    return tuple(bytes.fromhex(OUTCOME_COLOURS[kind][1:]))
