"""The names of the classes that `classes: auto` stands for."""
import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Any

from src.dataset.annotations import Report
from src.dataset.sources import annotation_format, find_source
from src.utils.errors import UserError
from src.utils.safe_io import MEGABYTE, read_text, shown

CLASSES_FILE = "classes.txt"
BACKGROUND = "background"
MOST_CLASSES = 10_000  # of a text file without names
MOST_BYTES = 16 * MEGABYTE


def with_class_names(config: Any) -> Any:
    """The configuration with class names in place of `classes: auto`; without `auto`, the same configuration.

    They are the names in the training annotations, sorted. A format that has labels only takes the names from
    `classes.txt` beside its file, a line each and without the background, or else calls them `class_1` and so on.

    Raises:
        UserError: the annotations name none.
    """
    if not config.is_auto("classes"):
        return config
    report = Report()
    source = find_source(dataclasses.replace(config, classes=(BACKGROUND,), val_share=0.0), is_training=True)
    source.read(report)
    if annotation_format(config.dataset).names_classes:
        names = sorted(name for name in report.classes if name)
    else:
        names = _names_of_labels(source.annotation_files[0], report.classes)
    if not names:
        raise UserError(f"classes: auto, but no class is named in the annotations of {source.image_dir}")
    return dataclasses.replace(config, classes=(BACKGROUND, *names), num_classes=len(names) + 1)


def _names_of_labels(annotation_file: Path, labels: Collection[int]) -> list[str]:
    path = annotation_file.with_name(CLASSES_FILE)
    highest = max(labels, default=0)
    if not path.is_file():
        if highest > MOST_CLASSES:
            raise UserError(f"{annotation_file} has a box with the label {shown(highest)}, and there is no {path} that "
                            f"names so many classes. Correct the label: without names, at most {MOST_CLASSES} classes "
                            "are taken.")
        return [f"class_{number}" for number in range(1, highest + 1)]
    try:
        names = [line.strip() for line in read_text(path, MOST_BYTES).splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    if len(names) < highest or len(set(names)) < len(names):
        raise UserError(f"{path} has {len(names)} names, {len(set(names))} of them different; expected is one for each "
                        f"of the classes 1 to {highest} of {annotation_file}")
    return names
