"""The result of an evaluation, as text and as files."""
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from src.evaluation.thresholds import (
    BEST_F1,
    CORRECT_IOU,
    TARGET_PRECISION,
    TARGET_RECALL,
    OperatingPoint,
    ScoreCurves,
    Thresholds,
    named,
)
from src.utils.files import remove_parts, require_writable, write_json
from src.utils.safe_io import shown

RESULTS_FILE, PREDICTIONS_FILE = "eval_results.json", "predictions.json"
# The twelve numbers of the COCO evaluation in its order: key, average precision or recall, IoU, area, detections.
COCO_NUMBERS = (
    ("AP", "Precision", "0.50:0.95", "all", 100),
    ("AP50", "Precision", "0.50", "all", 100),
    ("AP75", "Precision", "0.75", "all", 100),
    ("AP_small", "Precision", "0.50:0.95", "small", 100),
    ("AP_medium", "Precision", "0.50:0.95", "medium", 100),
    ("AP_large", "Precision", "0.50:0.95", "large", 100),
    ("AR1", "Recall", "0.50:0.95", "all", 1),
    ("AR10", "Recall", "0.50:0.95", "all", 10),
    ("AR100", "Recall", "0.50:0.95", "all", 100),
    ("AR_small", "Recall", "0.50:0.95", "small", 100),
    ("AR_medium", "Recall", "0.50:0.95", "medium", 100),
    ("AR_large", "Recall", "0.50:0.95", "large", 100),
)


@dataclass(frozen=True)
class ClassResult:
    """Average precision of one class; None where the class has no ground truth."""

    name: str
    ap: float | None
    ap50: float | None
    ap75: float | None
    num_boxes: int


@dataclass(frozen=True)
class ProtocolResult:
    """The numbers of one evaluation protocol.

    Attributes:
        protocol: its name.
        description: which images and detections it takes into account, as text.
        stats: the twelve numbers of the COCO evaluation, see `COCO_NUMBERS`; -1 where there is no ground truth.
        classes: a `ClassResult` for each class but the background, in order of the labels.
        num_images: images evaluated; of these, `num_missing` have not been predicted and count as without detections.
        num_detections: detections on these images.
        curves: precision, recall and F1 over the confidence threshold.
        precision: (10, 101, K) at IoU 0.50, 0.55, ... 0.95, recall 0, 0.01, ... 1, of the K `classes`; areas of all
            sizes, 100 detections; -1 where there is no ground truth.
    """

    protocol: str
    description: str
    stats: tuple[float, ...]
    classes: tuple[ClassResult, ...]
    num_images: int
    num_missing: int
    num_detections: int
    curves: ScoreCurves
    precision: np.ndarray


@dataclass(frozen=True)
class DetectionTable:
    """All detections that one protocol takes into account, as arrays of the same length D.

    Attributes:
        image_ids: (D,) int64.
        category_ids: (D,) int64.
        boxes: (D, 4) float32 xmin, ymin, width, height, pixels.
        scores: (D,) float32.
    """

    image_ids: np.ndarray
    category_ids: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def join(cls, parts: "Sequence[DetectionTable]") -> "DetectionTable":
        """All detections of the parts, one part after the other."""
        names = ("image_ids", "category_ids", "boxes", "scores")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def subset(self, index: np.ndarray) -> "DetectionTable":
        """Those that `index` names."""
        return DetectionTable(self.image_ids[index], self.category_ids[index], self.boxes[index], self.scores[index])

    def to_coco(self) -> list[dict[str, Any]]:
        """The list of dictionaries that COCO calls results."""
        columns = (self.image_ids, self.category_ids, self.boxes, self.scores)
        return [
            {"image_id": image_id, "category_id": category_id, "bbox": box, "score": score}
            for image_id, category_id, box, score in zip(*(column.tolist() for column in columns))
        ]


@dataclass(frozen=True)
class EvalResult:
    """The outcome of an evaluation.

    Attributes:
        protocol: name of the protocol that `map` and the other plain numbers belong to.
        protocols: `ProtocolResult` by the name of the protocol, also of the others that were computed.
        detections: the `DetectionTable` of `protocol`.
        settings: what the numbers depend on.
        model_score: the confidence threshold that the model had before, as of held-out training images; None without.
    """

    protocol: str
    protocols: dict[str, ProtocolResult]
    detections: DetectionTable
    settings: dict[str, Any]
    model_score: float | None = None

    @property
    def map(self) -> float:
        """Mean average precision over IoU 0.50:0.95 and the classes."""
        return self.protocols[self.protocol].stats[0]

    @property
    def stats(self) -> dict[str, tuple[float, ...]]:
        """The twelve COCO numbers by the name of the protocol."""
        return {name: result.stats for name, result in self.protocols.items()}

    @property
    def per_class(self) -> dict[str, tuple[ClassResult, ...]]:
        """Tuple of `ClassResult` by the name of the protocol."""
        return {name: result.classes for name, result in self.protocols.items()}

    @property
    def num_images(self) -> int:
        return self.protocols[self.protocol].num_images

    @property
    def num_detections(self) -> int:
        return self.protocols[self.protocol].num_detections

    @property
    def thresholds(self) -> Thresholds:
        """The confidence thresholds that `protocol` suggests."""
        main = self.protocols[self.protocol]
        return main.curves.choose(_protocol_line(main), self.settings["target_precision"],
                                  self.settings["target_recall"])

    @property
    def at_model_score(self) -> OperatingPoint | None:
        """What the model does at `model_score`, by `protocol`; None where it has none, or there are no objects."""
        curve = self.protocols[self.protocol].curves.all_classes
        return curve.at(self.model_score) if curve and self.model_score is not None else None

    @property
    def highest_f1(self) -> float:
        """The best F1 that any confidence threshold has, by `protocol`; 0 where there are no objects."""
        curve = self.protocols[self.protocol].curves.all_classes
        return curve.highest_f1() if curve else 0.0

    @property
    def predictions(self) -> list[dict[str, Any]]:
        """The detections of `protocol` as COCO results; a new list, made on each access."""
        return self.detections.to_coco()


def format_stats(stats: Sequence[float]) -> str:
    """The twelve lines that pycocotools prints, from the twelve numbers."""
    lines = []
    for (_, kind, iou, area, detections), value in zip(COCO_NUMBERS, stats):
        title, short = f"Average {kind}", "(AP)" if kind == "Precision" else "(AR)"
        lines.append(
            f" {title:<18} {short} @[ IoU={iou:<9} | area={area:>6} | maxDets={detections:>3} ] = {value:0.3f}"
        )
    return "\n".join(lines)


def format_classes(classes: Sequence[ClassResult]) -> str:
    """A table of average precision, one line a class, from a sequence of `ClassResult`."""
    names = [shown(result.name) for result in classes]
    width = max(map(len, ("class", *names)))
    lines = [f" {'class':<{width}}      AP    AP50    AP75   boxes"]
    for name, result in zip(names, classes):
        numbers = "".join(
            f"{'n/a':>8}" if value is None else f"{value:>8.3f}" for value in (result.ap, result.ap50, result.ap75)
        )
        lines.append(f" {name:<{width}}{numbers}{result.num_boxes:>8}")
    return "\n".join(lines)


def format_result(result: EvalResult) -> str:
    """The report of an `EvalResult`: a line for each other protocol, its own numbers, its confidence thresholds, and
    last `mAP: <value>`."""
    main = result.protocols[result.protocol]
    others = [f"{_protocol_line(other)}: AP {other.stats[0]:.3f}, AP50 {other.stats[1]:.3f}"
              for name, other in result.protocols.items() if name != result.protocol]
    return "\n".join([*others, _protocol_line(main), format_stats(main.stats), "", format_classes(main.classes), "",
                      *_threshold_lines(result), _protocol_line(main), f"mAP: {result.map}"])


def _threshold_lines(result: EvalResult) -> list[str]:
    """The confidence thresholds for all classes, a line each; none where there are no objects."""
    points = result.thresholds.all_classes
    texts = [(f"best F1 (here at most {result.highest_f1:.3f})", points[BEST_F1])] if BEST_F1 in points else []
    lines = []
    for kind, measure in ((TARGET_PRECISION, "precision"), (TARGET_RECALL, "recall")):
        wanted = result.settings[kind]
        if kind in points:
            texts.append((f"{measure} of at least {wanted:g}", points[kind]))
        elif wanted:
            lines.append(f"confidence threshold, {measure} of at least {wanted:g}: no score has it")
    if result.at_model_score:
        texts.append((f"the model's own (best possible F1: {result.highest_f1:.3f})", result.at_model_score))
    return [*(f"confidence threshold, {text}: {point.score:g} (IoU {CORRECT_IOU:.2f}: precision {point.precision:.3f}, "
              f"recall {point.recall:.3f}, F1 {point.f1:.3f})" for text, point in texts), *lines]


def _protocol_line(result: ProtocolResult) -> str:
    return f"protocol: {result.protocol} ({result.description})"


def require_result_places(output_path: Path | str) -> None:
    """Raises a `UserError` if `write_results` could not write there; asked before an evaluation, which takes long."""
    for name in (RESULTS_FILE, PREDICTIONS_FILE):
        require_writable(Path(output_path, name))


def write_results(result: EvalResult, output_path: Path | str) -> tuple[Path, Path]:
    """Writes an `EvalResult` to the folder `output_path`.

    `eval_results.json` has all numbers of all protocols and the settings, `predictions.json` the detections of the main
    protocol as COCO results.

    Returns:
        Paths of the two files.
    """
    numbers = {
        "protocol": result.protocol,
        "mAP": result.map,
        "protocols": {name: _to_json(one) for name, one in result.protocols.items()},
        "settings": result.settings,
        "thresholds": result.thresholds.to_json(),
        "threshold_of_the_model": {**named(result.at_model_score), "highest_f1": round(result.highest_f1, 6)}
                                  if result.at_model_score else None,
        "curves": result.protocols[result.protocol].curves.to_json(),
    }
    results_file = Path(output_path) / RESULTS_FILE
    predictions_file = Path(output_path) / PREDICTIONS_FILE
    for file in (predictions_file, results_file):
        remove_parts(output_path, file.name)
    write_json(predictions_file, result.predictions, indent=None)
    write_json(results_file, numbers)
    return results_file, predictions_file


def _to_json(result: ProtocolResult) -> dict[str, Any]:
    return {
        "description": result.description,
        "stats": {key: value for (key, *_), value in zip(COCO_NUMBERS, result.stats)},
        "classes": [
            {"name": one.name, "AP": one.ap, "AP50": one.ap50, "AP75": one.ap75, "boxes": one.num_boxes}
            for one in result.classes
        ],
        "images": result.num_images,
        "images_not_predicted": result.num_missing,
        "detections": result.num_detections,
    }
