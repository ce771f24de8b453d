"""Colours of what became of objects and detections: the same in plots, pictures and tables."""
from src.eval_utils import analysis

OUTCOME_COLOURS = {
    analysis.CORRECT: "#3f90da",
    analysis.WRONG_CLASS: "#832db6",
    analysis.POOR_PLACE: "#e07800",
    analysis.MISSED: "#bd1f01",
    analysis.DOUBLE: "#00897b",
    analysis.FALSE_ALARM: "#e8b800",
}


def outcome_rgb(kind):
    """Red, green, blue, 0 to 255."""
    return tuple(bytes.fromhex(OUTCOME_COLOURS[kind][1:]))
