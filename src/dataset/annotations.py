"""What all annotation formats share: the record of one image, the report of what was left out, the cleaning of boxes.

Reading and cleaning are two steps. A reader returns what the annotations say, by the arithmetic of its format;
`clean_boxes` then makes boxes fit for training by rules that are the same for all formats.
"""
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from src.utils.safe_io import shown, shown_list

MAX_EXAMPLES = 20
# What the images of a part are for.
TRAINING, EVALUATION, TEST = "training", "evaluation", "test"
# What the parts of a dataset are usually called.
TRAINING_NAMES = ("train", "trainval", "training", "train2017")
EVALUATION_NAMES = ("eval", "val", "valid", "validation", "test", "val2017")
PART_NAMES = {TRAINING: TRAINING_NAMES, EVALUATION: ("val", "valid", "validation", "eval", "val2017"),
              TEST: ("test", "testing", "test2017")}
# `AnnotationSource.part` of an evaluation without images of its own.
TRAINING_IMAGES = "training images"
# Reasons of the report.
MISSING_IMAGE = "images that do not exist"
FOREIGN_IMAGE = "images outside the image folder, or whose name no file can have"
CLOSED_IMAGE = "images that cannot be opened"
LARGE_IMAGE = "images with too many pixels"
UNREADABLE_IMAGE = "images that cannot be decoded"
ROTATED_IMAGE = "images whose EXIF data ask for a rotation, taken as they are stored"
TURNED_UPRIGHT = "images turned upright, as their EXIF data ask"
TURNED_WITH_BOXES = "images turned upright with their boxes, which are annotated on the pixels as they are stored"
NO_BOXES = "images without boxes, left out of training"
BAD_ANNOTATION = "annotation files that cannot be read"
MISSING_ANNOTATION = "annotation files that do not exist"
UNLABELLED = "images without a label file, taken as images without objects"
UNKNOWN_CLASS = "boxes of unknown classes"
BAD_BOX = "boxes whose coordinates are no numbers, or none of the format"
NO_OUTLINE = "points, lines and other shapes that are no boxes"
TURNED_IMAGE = "images that were turned in the annotation program, whose boxes are of the turned image"
NO_ANNOTATION = "images that nobody annotated (predictions do not count), or that have no file"
UNCLEAR_IMAGE = "tasks with several images, of which no name says which one was annotated"
SEVERAL_ANNOTATIONS = "images with several annotations, of which the newest counts"
SEVERAL_FILES = "images in several annotation files, of which the last counts"
IN_OTHER_PART = "images of another part, left out of training"
NO_AREA = "boxes without area or wholly outside the image"
CLIPPED = "boxes partly outside the image, clipped"
ORPHAN = "boxes of images that the file does not list"
OTHER_SIZE = "images whose size is not the annotated one (keep_other_sizes)"
TURNED_SIZE = "images annotated upright, as their EXIF data turn them, but stored otherwise (keep_other_sizes)"
OTHER_NAME = "annotation files that name another image than the one found"


class ImageRecord(NamedTuple):
    """One image and its boxes.

    Attributes:
        image_id: unique integer, the `image_id` of the evaluation.
        path: path of the image file.
        pixel_boxes: int32 `(N, 5)`: ymin, xmin, ymax, xmax in pixels, label; as annotated, not cleaned.
        size: (height, width) as annotated, or None.
        upright: where the size does not tell, the boxes are of the image as its EXIF data turn it; otherwise of the
            pixels as they are stored.
        fractions: float64 `(N, 4)`, the boxes as ymin, xmin, ymax, xmax in fractions of the upright image, where only
            those are known; `pixel_boxes` then has nothing but the labels, see `in_pixels`.
    """

    image_id: int
    path: str
    pixel_boxes: np.ndarray
    size: tuple[int, int] | None = None
    upright: bool = True
    fractions: np.ndarray | None = None

    @property
    def known_size(self) -> tuple[int, int] | None:
        """The annotated size; None too where it is 0, which many programs write for a size that they do not know."""
        return self.size if self.size and min(self.size) > 0 else None

    def in_pixels(self, upright_size: tuple[int, int]) -> "ImageRecord":
        """With boxes in pixels, rounded half to even, of the upright image of that (height, width), where they were
        fractions."""
        if self.fractions is None:
            return self
        sides = np.rint(self.fractions * np.array([*upright_size, *upright_size]))
        boxes = np.column_stack([sides, self.pixel_boxes[:, 4]]).astype(np.int32)
        return self._replace(pixel_boxes=boxes, size=upright_size, fractions=None)


class Report:
    """Counts what a conversion leaves out or changes, with some examples of each, and the boxes of each class."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self.classes: Counter[Any] = Counter()  # names, or numbers where the format has no names

    def add(self, reason: str, example: object, count: int = 1) -> None:
        """Counts `count` cases of `reason`; the text of `example` leads a person to the place."""
        if count <= 0:
            return
        self.counts[reason] += count
        examples = self.examples.setdefault(reason, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(shown(example))

    def include(self, other: "Report") -> None:
        """Counts what another report has counted."""
        self.counts.update(other.counts)
        self.classes.update(other.classes)
        for reason, examples in other.examples.items():
            kept = self.examples.setdefault(reason, [])
            kept += examples[: MAX_EXAMPLES - len(kept)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for json: `{"classes": {name: boxes}, "left_out": {reason: {"count", "examples"}}}`."""
        left_out = {reason: {"count": count, "examples": self.examples[reason]}
                    for reason, count in sorted(self.counts.items())}
        classes: Counter[str] = Counter()
        for name, count in self.classes.items():
            classes[shown(name)] += count
        return {"classes": dict(sorted(classes.items())), "left_out": left_out}

    def summary(self, examples: int = 0) -> str:
        """One line: `2 boxes without area ..., 1 images that do not exist`; empty when nothing was left out.

        Args:
            examples: so many of each reason follow it in brackets.
        """
        texts = []
        for reason, count in sorted(self.counts.items()):
            shown_examples = shown_list(self.examples[reason], examples, "; ", count)
            texts.append(f"{count} {reason}" + (f" [{shown_examples}]" if examples else ""))
        return ", ".join(texts)


def all_records(records: list[ImageRecord]) -> list[ImageRecord]:
    """`AnnotationSource.select` where all images are meant."""
    return records


class AnnotationSource(NamedTuple):
    """Annotations that were found but not read yet.

    Attributes:
        kind: of the format.
        image_dir: folder that holds the images.
        annotation_files: files that the annotations consist of.
        read: counts in a report what it leaves out, and returns the records.
        ground_truth_file: COCO json to evaluate with, if the dataset brings one.
        shared_ground_truth_file: the same where only some of its images are meant.
        part: which training images are meant, as words, where training and evaluation share their annotations.
        select: the records that are meant, of all that were read.
        subsets: which images of the files are read, where these hold several parts; empty: all.
    """

    kind: str
    image_dir: Path
    annotation_files: list[Path]
    read: Callable[[Report], list[ImageRecord]]
    ground_truth_file: Path | None = None
    shared_ground_truth_file: Path | None = None
    part: str = ""
    select: Callable[[list[ImageRecord]], list[ImageRecord]] = all_records
    subsets: tuple[str, ...] = ()

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for sources of the same images and files."""
        return self.kind, str(self.image_dir), tuple(map(str, self.annotation_files)), self.subsets


class FormatKeys(NamedTuple):
    """Where a format is found by keys of its own, without `data`.

    Attributes:
        find: (configuration, is_training) -> source. A `UserError` names the key of a path where nothing is, and the
            places that were looked at.
        root: (configuration, is_training) -> path in the configuration that leads to the annotations.
        part_keys: keys of the configuration that name the training part and the evaluation part.
        evaluation_part: configuration -> value of the second key for the evaluation part that it names, or that lies
            there under a usual name; empty where there is none. Whether it can be read is left to `find`.
        ground_truth: configuration -> COCO json with the ground truth that the Model Zoo's SSD evaluates with.
    """

    find: Callable[[Any, bool], AnnotationSource]
    root: Callable[[Any, bool], str]
    part_keys: tuple[str, str]
    evaluation_part: Callable[[Any], str]
    ground_truth: Callable[[Any], Path] | None = None


class AnnotationFormat(NamedTuple):
    """A format of annotations, a row of `sources.FORMATS`.

    Attributes:
        kind: value of the key `dataset`.
        name: for messages.
        looks_for: files by which the format is known, for the message where none is.
        look: (folder of the key `data`, classes) -> its sources by purpose (`TRAINING`, `EVALUATION`, `TEST`); empty
            where the folder has another format. It reads no more than it needs to tell. `UserError` where the folder
            has this format without doubt, and cannot be used.
        names_classes: the annotations name the class of a box; otherwise they have its label.
        keys: the way without `data`; None where there is none.
        why_not: folder where no format is found -> why files that may have this one cannot be read, or empty.
    """

    kind: str
    name: str
    looks_for: str
    look: Callable[[Path, tuple[str, ...]], dict[str, AnnotationSource]]
    names_classes: bool = True
    keys: FormatKeys | None = None
    why_not: Callable[[Path], str] | None = None


def usual_parts(is_there: Callable[[str], bool]) -> dict[str, str]:
    """Names of the parts that are there under usual names, by purpose."""
    found = {}
    for purpose, names in PART_NAMES.items():
        name = next((spelt for name in names for spelt in _spelt(name) if is_there(spelt)), "")
        if name:
            found[purpose] = name
    return found


def purpose_of_name(name: str) -> str:
    """What a file or folder of that name is for: `instances_train2017` is for training; empty where it does not say."""
    words = re.findall(r"[a-z]+", name.lower())
    return next((purpose for purpose, names in PART_NAMES.items() if any(word in names for word in words)), "")


def _spelt(name: str) -> tuple[str, str, str]:
    return name, name.capitalize(), name.upper()


def usual_evaluation_part(named: str, is_there: Callable[[str], bool]) -> str:
    """Name of the evaluation part: `named`, or where that is a usual name, the first usual one that is there."""
    if named and named not in EVALUATION_NAMES:
        return named
    names = [spelt for name in (named, *EVALUATION_NAMES) for spelt in _spelt(name)]
    return next((name for name in names if name and is_there(name)), "")


def box_array(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """List of `[ymin, xmin, ymax, xmax, label]`, integers of any size -> int32 `(N, 5)`, also for an empty list."""
    limits = np.iinfo(np.int32)
    try:
        values = np.array(rows, np.int64)
    except OverflowError:
        values = np.array([[min(max(value, limits.min), limits.max) for value in row] for row in rows], np.int64)
    return values.reshape(-1, 5).clip(limits.min, limits.max).astype(np.int32)


def has_area(boxes: np.ndarray) -> np.ndarray:
    """Boxes `(N, 4+)` -> bool `(N,)`; corners in the wrong order count as no area."""
    return (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])


def clip_boxes(pixel_boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Boxes `(N, 5)` clipped to the image: y to 0 .. height, x to 0 .. width."""
    clipped = pixel_boxes.copy()
    clipped[:, 0:4:2] = pixel_boxes[:, 0:4:2].clip(0, height)
    clipped[:, 1:4:2] = pixel_boxes[:, 1:4:2].clip(0, width)
    return clipped


def clean_boxes(pixel_boxes: np.ndarray, height: int, width: int, num_classes: int, report: Report,
                where: str) -> np.ndarray:
    """Boxes that can be used for an image of that size.

    Boxes with labels outside 1 .. num_classes - 1 are left out, coordinates are clipped to the image, and boxes without
    area are left out. Each case is counted in `report` with `where` as the example.

    Returns:
        int32 `(M, 5)`, M <= N.
    """
    known = (pixel_boxes[:, 4] > 0) & (pixel_boxes[:, 4] < num_classes)
    report.add(UNKNOWN_CLASS, f"{where}: labels {sorted(set(pixel_boxes[~known, 4].tolist()))}", int((~known).sum()))
    pixel_boxes = pixel_boxes[known]
    clipped = clip_boxes(pixel_boxes, height, width)
    usable = has_area(clipped)
    report.add(NO_AREA, f"{where}: {pixel_boxes[~usable, :4].tolist()}", int((~usable).sum()))
    changed = usable & (clipped != pixel_boxes).any(axis=1)
    report.add(CLIPPED, f"{where}: {pixel_boxes[changed, :4].tolist()}", int(changed.sum()))
    return clipped[usable]
