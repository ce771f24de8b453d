"""What a check of a dataset found, in words."""
import json
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from src.dataset_check.better_anchors import Suggestion
from src.dataset_check.content import DataPart
from src.dataset_check.rare_classes import Rarity
from src.utils.safe_io import shown, shown_list

# Fewer boxes of a class are too few to learn from; sides of fewer pixels of the network's input are too short to see.
FEW_BOXES, FEW_PIXELS = 20, 8
LISTED = 5


class Findings(NamedTuple):
    """Results of all checks.

    Attributes:
        parts: training and, unless `missing_part` says why not, evaluation.
        missing_part: why there is no part for evaluation; None if there is one.
        refused_part: why the part for evaluation cannot serve; None if it can, or there is none.
        classes: names, index = label.
        unknown_classes: names in the annotations that `classes` does not have.
        bad_labels: labels in the annotations that no class belongs to.
        same_but_for_case: groups of class names that differ only in case and blanks.
        duplicates: groups of (part, path).
        sides: `(N, 2)` heights and widths of boxes, pixels of the network's input.
        image_size: (height, width) of the network's input.
        badly_fitting: share of the boxes whose best default box has an IoU below 0.5.
        anchors: default boxes that fit better, or None.
        batch_size: the one that fits into the memory, or the reason why none does.
        rarity: classes whose images are worth repeating, or None.
        keep_empty, repeat_threshold: values of the configuration.
        configured_batch: batch size of the configuration, and bytes that a step with it takes; None where it is `auto`.
    """

    parts: Sequence[DataPart]
    missing_part: str | None
    refused_part: str | None
    classes: Sequence[str]
    unknown_classes: Sequence[str]
    bad_labels: Sequence[int]
    same_but_for_case: Sequence[Sequence[str]]
    duplicates: Sequence[Sequence[tuple[str, str]]]
    sides: np.ndarray
    image_size: Sequence[int]
    badly_fitting: float
    anchors: Suggestion | None
    batch_size: int | str
    configured_batch: tuple[int, float] | None
    rarity: Rarity | None
    keep_empty: bool
    repeat_threshold: float


def report_text(findings: Findings) -> str:
    """The report: what there is, what is wrong, what to do."""
    sections = (("", _overview(findings)), ("Classes", _class_table(findings)),
                ("Box sizes and default boxes", _size_lines(findings)), ("To look into", _problems(findings)),
                ("Suggestions", _suggestions(findings)))
    return "\n\n".join("\n".join(([title] if title else []) + lines) for title, lines in sections if lines)


def _overview(findings: Findings) -> list[str]:
    lines = []
    for part in findings.parts:
        boxes = part.count_boxes(len(findings.classes)).sum()
        empty = sum(not len(image.pixel_boxes) for image in part.images)
        sizes = {image.size for image in part.images}
        pixels = ", {1} x {0} pixels".format(*map(_range, zip(*sizes))) if sizes else ""
        lines.append(f"{part.name}: {len(part.images)} images that can be used{pixels}, {empty} of them without boxes; "
                     f"{boxes} boxes")
    if findings.missing_part:
        lines.append(f"evaluation: none ({findings.missing_part})")
    return lines


def _range(values: Collection[int]) -> str:
    return f"{min(values)}" if min(values) == max(values) else f"{min(values)}-{max(values)}"


def _class_table(findings: Findings) -> list[str]:
    counts = [part.count_boxes(len(findings.classes)) for part in findings.parts]
    images = [[sum((image.pixel_boxes[:, 4] == label).any() for image in part.images) for part in findings.parts]
              for label in range(len(findings.classes))]
    names = [shown(name) for name in findings.classes]
    width = max(5, *map(len, names))
    heads = [f"{part.name} {what}" for part in findings.parts for what in ("boxes", "images")]
    lines = [f" {'class':<{width}} " + "".join(f"  {head}" for head in heads)]
    for label, name in list(enumerate(names))[1:]:
        cells = [value for of_part, of_images in zip(counts, images[label]) for value in (of_part[label], of_images)]
        lines.append(f" {name:<{width}} " + "".join(f"  {cell:>{len(head)}}" for head, cell in zip(heads, cells)))
    return lines


def _size_lines(findings: Findings) -> list[str]:
    if not len(findings.sides):
        return []
    height, width = findings.image_size
    lines = [f" in the network's input of {width} x {height} pixels, before the crops of the augmentation:"]
    for name, column in (("width", 1), ("height", 0)):
        low, quarter, half, high_quarter, high = np.percentile(findings.sides[:, column], (1, 25, 50, 75, 99))
        lines.append(f" {name:<7} 1%: {low:.0f}  25%: {quarter:.0f}  median: {half:.0f}  75%: {high_quarter:.0f}  "
                     f"99%: {high:.0f}")
    lines.append(f" boxes whose best default box has an IoU below 0.5: {100 * findings.badly_fitting:.1f} percent")
    return lines


def _problems(findings: Findings) -> list[str]:
    lines = [f" evaluation: cannot be used: {findings.refused_part}"] if findings.refused_part else []
    for part in findings.parts:
        for reason, count in sorted(part.report.counts.items()):
            lines.append(f" {part.name}: {count} {reason}: "
                         + shown_list(part.report.examples[reason], LISTED, "; ", count))
        counts = part.count_boxes(len(findings.classes))
        few = [f"{shown(name)} ({count})"
               for name, count in list(zip(findings.classes, counts))[1:] if count < FEW_BOXES]
        if few and part.name == "training":
            lines.append(f" training: classes with fewer than {FEW_BOXES} boxes: {', '.join(few)}")
    for group in findings.same_but_for_case:
        lines.append(" class names that differ only in capital letters or blanks: "
                     f"{shown_list(map(repr, group))}; they count as different classes")
    within = [group for group in findings.duplicates if len({name for name, _ in group}) == 1]
    across = [group for group in findings.duplicates if len({name for name, _ in group}) > 1]
    for groups, what in ((across, "images that are in training and evaluation (the mAP is then too good)"),
                         (within, "images that are there more than once")):
        if groups:
            lines.append(f" {len(groups)} {what}: "
                         + shown_list((" = ".join(path for _, path in group) for group in groups), LISTED, "; "))
    small = (findings.sides.min(axis=1) < FEW_PIXELS).mean() if len(findings.sides) else 0
    if small >= 0.01:
        lines.append(f" {100 * small:.1f} percent of the boxes have a side of less than {FEW_PIXELS} pixels in the "
                     "network's input, too few to see much; a larger img_shape, or images cut into parts, would help")
    return lines or [" nothing"]


def _suggestions(findings: Findings) -> list[str]:
    return [*_class_suggestion(findings), _batch_size_suggestion(findings), *_anchor_suggestion(findings),
            *_empty_suggestion(findings), *_rarity_suggestion(findings)]


def _class_suggestion(findings: Findings) -> list[str]:
    classes, bad_labels = findings.classes, findings.bad_labels
    if findings.unknown_classes:
        names = [*classes, *(name for name in findings.unknown_classes if name not in classes)]
        return [" the annotations name classes that the configuration does not have; to use all of them:",
                f"   num_classes: {len(names)}",
                f"   classes: [{', '.join(map(_quoted, names))}]"]
    if bad_labels:
        return [f" labels {', '.join(map(str, bad_labels))} belong to no class: num_classes is {len(classes)}, with "
                f"the background as 0; labels are 1 to {len(classes) - 1}, or classes needs "
                f"{max(max(bad_labels) + 1, len(classes))} names"]
    return [f" num_classes: {len(classes)} (as it is)"]


def _batch_size_suggestion(findings: Findings) -> str:
    if isinstance(findings.batch_size, str):
        return f" {findings.batch_size}"
    steps = len(findings.parts[0].images) // findings.batch_size
    if findings.configured_batch is None:
        other = "auto, as in the configuration, lets train.py choose it"
    else:
        size, num_bytes = findings.configured_batch
        other = f"the {size} of the configuration would take about {num_bytes / 1e9:.1f} GB on a CPU"
    return (f" batch_size: {findings.batch_size}, which fits into this machine's memory and makes {steps} steps an "
            f"epoch; {other}")


def _anchor_suggestion(findings: Findings) -> list[str]:
    if findings.anchors:
        return [f" default boxes: {findings.anchors.flags} would leave {100 * findings.anchors.share:.1f} percent of "
                "the boxes below an IoU of 0.5 (not with weights that were trained for other default boxes)"]
    if not len(findings.sides):
        return []
    return [" default boxes: as they are"]


def _empty_suggestion(findings: Findings) -> list[str]:
    empty = sum(not len(image.pixel_boxes) for image in findings.parts[0].images)
    if not empty or findings.keep_empty:
        return []
    return [f" keep_empty: True would also train on {empty} images without objects, against false positives"]


def _rarity_suggestion(findings: Findings) -> list[str]:
    rarity = findings.rarity
    if rarity is None or findings.repeat_threshold:
        return []
    rare = shown_list((f"{findings.classes[label]} {factor:.1f} times" for label, factor in rarity.factors.items()),
                      LISTED)
    return [f" repeat_threshold: {rarity.threshold:g} would repeat images of rare classes ({rare}); an epoch is then "
            f"{rarity.longer:.2f} times as long"]


def _quoted(name: str) -> str:
    plain = name.replace("_", "").replace("-", "").isalnum() and not name.isdigit()
    return name if plain else json.dumps(name, ensure_ascii=False)
