"""Pictures of the worst errors of a detector."""
import math
from collections.abc import Iterable, Sequence

import numpy as np

from src.boxes.box_ops import xywh_to_tlbr
from src.evaluation.error_analysis import (
    BACKGROUND,
    CLASSIFICATION,
    CORRECT,
    DUPLICATE,
    LOCALISATION,
    MISSED,
    ImageAnalysis,
)
from src.visualization.draw import draw_boxes, resize_to_view

ERROR_KINDS = (MISSED, CLASSIFICATION, LOCALISATION, BACKGROUND, DUPLICATE)
# Pixels of a picture in the report, and of its letters.
SMALLEST_VIEW_SIDE, LARGEST_VIEW_SIDE, TEXT_SIZE = 360, 640, 15
OUTCOME_COLOURS = {
    CORRECT: "#3f90da",
    CLASSIFICATION: "#832db6",
    LOCALISATION: "#e07800",
    MISSED: "#bd1f01",
    DUPLICATE: "#00897b",
    BACKGROUND: "#e8b800",
}


def worst_first(analyses: Iterable[ImageAnalysis], kind: str) -> list[ImageAnalysis]:
    """The images with errors of a kind, the worst first; at equal numbers the surer detections count more."""
    def badness(image: ImageAnalysis) -> tuple[int, float]:
        return image.count(kind), sum(score for score, found in zip(image.scores, image.kinds) if found == kind)

    return sorted((image for image in analyses if image.count(kind)), key=badness, reverse=True)


def error_picture(image: np.ndarray, analysis: ImageAnalysis, kind: str, classes: Sequence[str]) -> np.ndarray:
    """Draws the errors of one kind with class names, and correct detections without.

    Args:
        image: (H, W, 3) uint8 RGB, the image as annotated.
        analysis: its `ImageAnalysis`.
        classes: names, index = label.

    Returns:
        (h, w, 3) uint8, of a size fit for the report.
    """
    boxes: list[np.ndarray] = []
    colours: list[tuple[int, ...]] = []
    texts: list[tuple[str, ...]] = []

    def add(box: np.ndarray, colour: tuple[int, ...], *text: str) -> None:
        boxes.append(xywh_to_tlbr(box))
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
        if kind == CLASSIFICATION:
            add(analysis.boxes[row], outcome_rgb(kind), f"{text}, is {classes[analysis.object_labels[partner]]}", text)
            continue
        if kind == LOCALISATION:
            add(analysis.object_boxes[partner], outcome_rgb(MISSED))
            text = f"{text}, IoU {math.floor(100 * analysis.ious[row]) / 100:.2f}"
        add(analysis.boxes[row], outcome_rgb(kind), text, name)
    if kind == MISSED:
        for box, label, found in zip(analysis.object_boxes, analysis.object_labels, analysis.object_kinds):
            if found == MISSED:
                add(box, outcome_rgb(MISSED), classes[label])
    picture, view_boxes = resize_to_view(image, np.array(boxes).reshape(-1, 4), SMALLEST_VIEW_SIDE, LARGEST_VIEW_SIDE)
    return draw_boxes(picture, view_boxes, colours, texts, TEXT_SIZE)


def outcome_rgb(kind: str) -> tuple[int, ...]:
    """Red, green, blue, 0 to 255."""
    return tuple(bytes.fromhex(OUTCOME_COLOURS[kind][1:]))
