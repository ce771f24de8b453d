"""Rules for lists of class names, wherever they come from; the position of a name is its label."""
from collections.abc import Sequence

from src.utils.errors import UserError
from src.utils.safe_io import shown, shown_list

# Names of a list that a message shows.
FIRST_NAMES = 5


def is_background(name: str) -> bool:
    """Whether a name means the background, in any of the spellings that programs use, such as `__background__`."""
    return name.strip("_ ").casefold() == "background"


def first_names(classes: Sequence[str]) -> str:
    """The beginning of a list of names for a message, each with its label: `1 cat, 2 dog`."""
    names = [f"{label} {name}" for label, name in enumerate(classes) if label]
    return shown_list(names, FIRST_NAMES)


def check_same_labels(classes: Sequence[str], source: str, others: Sequence[str], other_source: str) -> None:
    """Checks that a name which two lists have in common has the same label in both.

    Args:
        classes, others: names, the background first.
        source, other_source: where they come from, for the message.

    Raises:
        UserError: it has another one, so that boxes would get the names of other classes.
    """
    labels = {name: label for label, name in enumerate(classes)}
    for label, name in enumerate(others):
        if labels.get(name, label) != label:
            raise UserError(f"The class {shown(name)} has the number {labels[name]} in {source} ({first_names(classes)}"
                            f"), and {label} in {other_source} ({first_names(others)}): boxes would get the names of "
                            "other classes. Use one order for both.")
