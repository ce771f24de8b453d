"""What a dataset of one's own need not say: the names of its classes."""
import dataclasses
from pathlib import Path

from src.dataset.annotations import Report
from src.dataset.sources import TXT, create_source, dataset_kind
from src.utils.errors import UserError

CLASSES_FILE = "classes.txt"
BACKGROUND = "background"


def create_named_classes(config):
    """The configuration with the names of the classes that `classes: auto` asks for; as it is where it asks for none.

    They are those that the training annotations name, sorted. The text format has numbers only: their names stand in
    `classes.txt` beside it, a line each and without the background, or they are called `class_1` and so on.

    Raises:
        UserError: the annotations name none.
    """
    if not config.is_auto("classes"):
        return config
    report = Report()
    source = create_source(dataclasses.replace(config, classes=(BACKGROUND,)), is_training=True)
    source.read(report)
    if dataset_kind(config.dataset) == TXT:
        names = _names_of_numbers(source.annotation_files[0], report.classes)
    else:
        names = sorted(name for name in report.classes if name)
    if not names:
        raise UserError(f"classes: auto, but no class is named in the annotations of {source.image_dir}")
    return dataclasses.replace(config, classes=(BACKGROUND, *names), num_classes=len(names) + 1)


def _names_of_numbers(annotation_file, numbers):
    path = Path(annotation_file).with_name(CLASSES_FILE)
    highest = max(numbers, default=0)
    if not path.is_file():
        return [f"class_{number}" for number in range(1, highest + 1)]
    names = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    if len(names) < highest or len(set(names)) < len(names):
        raise UserError(f"{path} has {len(names)} names, {len(set(names))} of them different; expected is one for each "
                        f"of the classes 1 to {highest} of {annotation_file}")
    return names
