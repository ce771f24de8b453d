"""Class names that are not known before the annotations have been read."""
from collections.abc import Mapping, Sequence

import numpy as np

from src.dataset.annotations import UNKNOWN_CLASS, ImageRecord, Report

BACKGROUND = "background"


class _LabelOfAnyName(dict[str, int]):
    """Every name has a label: the next one when it is first asked for."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> int:
        self[name] = len(self) + 1
        return self[name]


class OpenClasses(tuple[str, ...]):
    """Stands for classes: the background alone, but every name that annotations have gets a label.

    Attributes:
        labels: by name.
    """

    labels: dict[str, int]

    def __new__(cls) -> "OpenClasses":
        classes = super().__new__(cls, (BACKGROUND,))
        classes.labels = _LabelOfAnyName()
        return classes


def labels_of(classes: Sequence[str]) -> Mapping[str, int]:
    """Label of each name but the background, which is the first."""
    if isinstance(classes, OpenClasses):
        return classes.labels
    return {name: label for label, name in enumerate(classes) if label > 0}


def with_labels(records: Sequence[ImageRecord], found: OpenClasses, classes: Sequence[str], report: Report
                ) -> list[ImageRecord]:
    """Records that were read with `found`, as if they had been read with `classes`.

    Args:
        report: counts the boxes of other classes, which are left out.
    """
    labels, names = labels_of(classes), ["", *found.labels]
    label_of = np.array([labels.get(name, 0) for name in names], np.int32)
    result = []
    for record in records:
        boxes, fractions = record.pixel_boxes.copy(), record.fractions
        boxes[:, 4] = label_of[boxes[:, 4]]
        known = boxes[:, 4] > 0
        if not known.all():
            unknown = sorted({names[label] for label in record.pixel_boxes[~known, 4].tolist()})
            report.add(UNKNOWN_CLASS, f"{record.path}: {', '.join(unknown)}", int((~known).sum()))
            boxes, fractions = boxes[known], None if fractions is None else fractions[known]
        result.append(record._replace(pixel_boxes=boxes, fractions=fractions))
    return result
