"""Text lists have labels: which names belong to them, and whether they can."""
import logging
from collections.abc import Collection, Sequence
from pathlib import Path

from src.utils.class_names import check_same_labels, first_names, is_background
from src.utils.errors import UserError
from src.utils.safe_io import MEGABYTE, read_text, reason_of_reading, shown, shown_list

logger = logging.getLogger(__name__)
CLASSES_FILE = "classes.txt"
# Without names, more classes than the first are taken if at least this share of them has boxes; below half of them, the
# log says so.
FEW_CLASSES, LEAST_SHARE = 100, 0.1
MOST_TEXT = 1024 * MEGABYTE
# Lines of a list that a message shows, and letters of each.
FIRST_LINES, LINE_LENGTH = 3, 60


def read_names(annotation_file: Path) -> list[str]:
    """The names in `classes.txt` beside a text list, a line each; none without the file."""
    path = annotation_file.with_name(CLASSES_FILE)
    if not path.is_file():
        return []
    try:
        return [line.strip() for line in read_text(path, MOST_TEXT).splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {reason_of_reading(error)}") from error


def names_of_labels(annotation_file: Path, labels: Collection[int]) -> list[str]:
    """Names of the labels 1, 2 and so on: those in `classes.txt` beside the list, or else `class_1` and so on.

    Args:
        annotation_file: the text list.
        labels: those of its boxes.

    Raises:
        UserError: the names cannot be those of the labels.
    """
    path, names = annotation_file.with_name(CLASSES_FILE), read_names(annotation_file)
    highest = max(labels, default=0)
    if not path.is_file():
        different = len({label for label in labels if label > 0})
        if highest > FEW_CLASSES and different < LEAST_SHARE * highest:
            raise UserError(f"{annotation_file} has a box with the label {shown(highest)}, but boxes of {different} "
                            f"classes only. Correct the label; or name all classes in {path}, a line each.")
        if different < highest / 2:
            logger.warning("%s has boxes of %d classes, the last of which has the label %d: %d classes without boxes "
                           "are trained too. Is that right?", annotation_file, different, highest, highest - different)
        return [f"class_{number}" for number in range(1, highest + 1)]
    if any(map(is_background, names)):
        raise UserError(f"{path} names the background. The classes of {annotation_file} count from 1, and the first "
                        f"line of {CLASSES_FILE} is class 1: delete the line of the background."
                        f"{_first_lines(annotation_file, names)}")
    if len(names) < highest or len(set(names)) < len(names):
        raise UserError(f"{path} has {len(names)} names, {len(set(names))} of them different; expected is one for each "
                        f"of the classes 1 to {highest} of {annotation_file}.{_first_lines(annotation_file, names)}")
    without_boxes = [name for label, name in enumerate(names, 1) if label not in labels]
    if without_boxes:
        logger.warning("%s has no box of these classes of %s: %s. Is that right, or are its classes not the lines of "
                       "that file, counted from 1?%s", annotation_file, path, shown_list(without_boxes),
                       _first_lines(annotation_file, names))
    return names


def check_labels(annotation_file: Path, labels: Collection[int], classes: Sequence[str]) -> None:
    """Checks that boxes with these labels can belong to the classes.

    Args:
        annotation_file: the text list.
        labels: those of its boxes.
        classes: names, the background first; only that one where the others are still to be found.

    Raises:
        UserError: a box is labelled as background, or `classes.txt` beside the list has the classes in another order.
    """
    names = read_names(annotation_file)
    lowest = min(labels, default=1)
    if lowest < 1:
        raise UserError(f"{annotation_file} has boxes of class {lowest}. Classes count from 1; 0 is the background, "
                        "where there is no object. If the list counts from 0, add 1 to each of its classes."
                        f"{_first_lines(annotation_file, list(classes[1:]) or names)}")
    if names and len(classes) > 1:
        names = names if is_background(names[0]) else [classes[0], *names]
        check_same_labels(classes, "the configuration (key classes)", names,
                          str(annotation_file.with_name(CLASSES_FILE)))


def _first_lines(annotation_file: Path, names: Sequence[str]) -> str:
    """The end of a message: how the list and the names begin."""
    lines = [shown(line.strip(), LINE_LENGTH) for line in read_text(annotation_file, MOST_TEXT).splitlines()]
    begins = f" The list begins with {' | '.join(lines[:FIRST_LINES])}"
    return f"{begins}; the names with {first_names(['', *names])}." if names else f"{begins}."
