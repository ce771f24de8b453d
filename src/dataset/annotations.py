"""What all annotation readers share: the record of one image, the report of what was left out, the cleaning of boxes.

Reading and cleaning are two steps. A reader returns what the annotations say, by the arithmetic of its format;
`clean_boxes` then makes boxes fit for training by rules that are the same for all formats.
"""
from collections import Counter
from typing import NamedTuple

import numpy as np

from src.utils.safe_io import shown

MAX_EXAMPLES = 20
# Reasons of the report.
MISSING_IMAGE = "images that do not exist"
FOREIGN_IMAGE = "images outside the image folder, or whose name no file can have"
CLOSED_IMAGE = "images that cannot be opened"
LARGE_IMAGE = "images with too many pixels"
UNREADABLE_IMAGE = "images that cannot be decoded"
ROTATED_IMAGE = "images whose EXIF data ask for a rotation, taken as they are stored"
NO_BOXES = "images without boxes, left out of training"
BAD_ANNOTATION = "annotation files that cannot be read"
MISSING_ANNOTATION = "annotation files that do not exist"
UNKNOWN_CLASS = "boxes of unknown classes"
BAD_BOX = "boxes whose coordinates are not numbers"
NO_AREA = "boxes without area or wholly outside the image"
CLIPPED = "boxes partly outside the image, clipped"
ORPHAN = "boxes of images that the file does not list"
OTHER_SIZE = "images whose size is not the annotated one"
OTHER_NAME = "annotation files that name another image than the one found"


class ImageRecord(NamedTuple):
    """One image and its boxes.

    Attributes:
        image_id: unique integer, the `image_id` of the evaluation.
        path: path of the image file (text).
        boxes: int32 `(N, 5)`: ymin, xmin, ymax, xmax in pixels, label; as annotated, not cleaned.
        size: (height, width) as annotated, or None.
    """

    image_id: int
    path: str
    boxes: np.ndarray
    size: tuple | None = None


class Report:
    """Counts what a conversion leaves out or changes, with some examples of each, and the classes that it meets."""

    def __init__(self):
        self.counts = Counter()
        self.examples = {}
        self.classes = Counter()

    def add(self, reason, example, count=1):
        """Counts `count` cases of `reason`; `example` is text that leads a person to the place."""
        if count <= 0:
            return
        self.counts[reason] += count
        examples = self.examples.setdefault(reason, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(shown(example))

    def to_dict(self):
        """Plain values for json: `{"classes": {name: boxes}, "left_out": {reason: {"count", "examples"}}}`."""
        left_out = {reason: {"count": count, "examples": self.examples[reason]}
                    for reason, count in sorted(self.counts.items())}
        classes = Counter()
        for name, count in self.classes.items():
            classes[shown(name)] += count
        return {"classes": dict(sorted(classes.items())), "left_out": left_out}

    def summary(self):
        """One line: `2 boxes without area ..., 1 images that do not exist`; empty when nothing was left out."""
        return ", ".join(f"{count} {reason}" for reason, count in sorted(self.counts.items()))


def box_array(rows):
    """List of `[ymin, xmin, ymax, xmax, label]`, integers of any size -> int32 `(N, 5)`, also for an empty list."""
    limits = np.iinfo(np.int32)
    try:
        values = np.array(rows, np.int64)
    except OverflowError:
        values = np.array([[min(max(value, limits.min), limits.max) for value in row] for row in rows], np.int64)
    return values.reshape(-1, 5).clip(limits.min, limits.max).astype(np.int32)


def has_area(boxes):
    """Boxes `(N, 4+)` -> bool `(N,)`; corners in the wrong order count as no area."""
    return (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])


def clip_boxes(boxes, height, width):
    """Boxes `(N, 5)` cut to the image: y to 0 .. height, x to 0 .. width."""
    clipped = boxes.copy()
    clipped[:, 0:4:2] = boxes[:, 0:4:2].clip(0, height)
    clipped[:, 1:4:2] = boxes[:, 1:4:2].clip(0, width)
    return clipped


def clean_boxes(boxes, height, width, num_classes, report, where):
    """Boxes that can be used for an image of that size.

    Labels outside 1 .. num_classes - 1 are dropped, coordinates are clipped to the image, and what has no area then is
    dropped. Each case is counted in `report` with `where` (text) as the example.

    Returns:
        int32 `(M, 5)`, M <= N.
    """
    known = (boxes[:, 4] > 0) & (boxes[:, 4] < num_classes)
    report.add(UNKNOWN_CLASS, f"{where}: labels {sorted(set(boxes[~known, 4].tolist()))}", int((~known).sum()))
    boxes = boxes[known]
    clipped = clip_boxes(boxes, height, width)
    usable = has_area(clipped)
    report.add(NO_AREA, f"{where}: {boxes[~usable, :4].tolist()}", int((~usable).sum()))
    changed = usable & (clipped != boxes).any(axis=1)
    report.add(CLIPPED, f"{where}: {boxes[changed, :4].tolist()}", int(changed.sum()))
    return clipped[usable]
