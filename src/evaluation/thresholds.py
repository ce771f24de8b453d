"""Precision, recall and F1 over the confidence threshold, and the thresholds to choose from them."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from src.utils.errors import UserError
from src.utils.safe_io import shown

# A detection is correct from this IoU with an object of its class on.
CORRECT_IOU = 0.5
BEST_F1, TARGET_PRECISION, TARGET_RECALL = "best_f1", "target_precision", "target_recall"
KINDS = (BEST_F1, TARGET_PRECISION, TARGET_RECALL)
BEST = "best"  # for short
# Of the file beside a checkpoint or a model of MindSpore Lite.
SUFFIX = ".thresholds.json"
ALL_CLASSES = "all classes"
# Confidence threshold of detections that are shown, where none is known to be better.
USUAL_SCORE = 0.3
# Decimals of a threshold that are tried before the number is taken as it is.
_DECIMALS = range(3, 10)
_CURVE_STEPS = 100
# Of a wanted share of a number of detections.
_ROUNDING = 1e-9


class OperatingPoint(NamedTuple):
    """What a detector does at a confidence threshold: detections have a score above `score`."""

    score: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Outcomes:
    """Detections of one or several classes, and whether they are correct.

    Detections are matched as in COCO's AP at IoU 0.5: by descending score, each object once. Those that are neither
    correct nor wrong, as inside a crowd, are left out.

    Attributes:
        scores: (N,) float64, descending.
        correct: (N,) bool.
        num_objects: objects of these classes.
    """

    scores: np.ndarray
    correct: np.ndarray
    num_objects: int

    @classmethod
    def join(cls, parts: Sequence[Outcomes]) -> Outcomes:
        """Those of all parts together."""
        scores = np.concatenate([np.zeros(0), *(part.scores for part in parts)])
        correct = np.concatenate([np.zeros(0, bool), *(part.correct for part in parts)])
        order = np.argsort(-scores, kind="stable")
        return cls(scores[order], correct[order], sum(part.num_objects for part in parts))


class ScoreCurve:
    """Precision, recall and F1 of `Outcomes` at every confidence threshold.

    Args:
        outcomes: there is at least one object.
        min_score: detections of a lower score were not looked at.
    """

    def __init__(self, outcomes: Outcomes, min_score: float) -> None:
        self._scores, self._num_objects, self._min_score = outcomes.scores, outcomes.num_objects, min_score
        self._correct = np.concatenate([[0], np.cumsum(outcomes.correct)])
        # Detections of equal scores are kept or left out together.
        self._counts = np.flatnonzero(np.diff(outcomes.scores, append=-1.0)) + 1

    def at(self, score: float) -> OperatingPoint:
        """Of the detections with a score above `score`. Precision is 1 where there are none."""
        # Descending scores, and Python numbers are compared with float32 scores as float32.
        count = int(np.searchsorted(-self._scores, -float(np.float32(score)), side="left"))
        return self._point(score, count)

    def highest_f1(self) -> float:
        """The best F1 that any threshold has here."""
        return float(self._f1(self._counts).max(initial=0))

    def best_f1(self) -> OperatingPoint | None:
        """The threshold to choose for the best F1; None where no detection is correct.

        So that a few detections do not decide, it is the one in the middle of all whose F1 is lower than the highest by
        no more than its standard error, taken as that of a share of the objects. For simulated detectors such a
        threshold loses half of the F1 on other images that the threshold of the highest does (40 to 800 objects).
        """
        f1 = self._f1(self._counts)
        if not f1.size or not f1.max():
            return None
        highest = f1.max()
        error = np.sqrt(highest * (1 - highest) / self._num_objects)
        good = np.flatnonzero((f1 > 0) & (f1 >= highest - error))
        upper = self._scores[self._counts[good] - 1]
        lower = np.append(self._scores, min(self._min_score, upper[-1]))[self._counts[good]]
        middle = (upper[0] + lower[-1]) / 2
        return self._between(int(good[np.maximum(lower - middle, middle - upper).argmin()]))

    def with_precision(self, wanted: float) -> OperatingPoint | None:
        """The lowest threshold with at least that precision, which finds the most objects; None without one."""
        found = np.flatnonzero(self._correct[self._counts] >= wanted * self._counts - _ROUNDING)
        return self._between(int(found[-1])) if found.size else None

    def with_recall(self, wanted: float) -> OperatingPoint | None:
        """The highest threshold with at least that recall, which has the fewest errors; None without one."""
        found = np.flatnonzero(self._correct[self._counts] >= wanted * self._num_objects - _ROUNDING)
        return self._between(int(found[0])) if found.size else None

    def sampled(self) -> list[OperatingPoint]:
        """At the thresholds 0.00, 0.01, ... 0.99 from `min_score` on, for plots."""
        first = int(np.ceil(np.round(self._min_score * _CURVE_STEPS, 6)))
        return [self.at(step / _CURVE_STEPS) for step in range(first, _CURVE_STEPS)]

    def _f1(self, counts: np.ndarray) -> np.ndarray:
        """F1 of the first so many detections: (K,) integers -> (K,)."""
        return 2 * self._correct[counts] / (counts + self._num_objects)

    def _point(self, score: float, count: int) -> OperatingPoint:
        correct = int(self._correct[count])
        return OperatingPoint(score, correct / count if count else 1.0, correct / self._num_objects,
                              2 * correct / (count + self._num_objects))

    def _between(self, index: int) -> OperatingPoint:
        """The point that keeps `_counts[index]` detections.

        It lies in the middle between their scores and the next one, so that other rounding of the scores changes
        nothing.
        """
        count = int(self._counts[index])
        upper = float(self._scores[count - 1])
        lower = float(self._scores[count]) if count < len(self._scores) else min(self._min_score, upper)
        middle = (upper + lower) / 2
        short = (round(middle, decimals) for decimals in _DECIMALS)
        score = next((one for one in short if lower <= float(np.float32(one)) < upper), lower)
        return self._point(score, count)


def named(point: OperatingPoint) -> dict[str, float]:
    """The numbers of a point by their names. The threshold is not rounded: it lies between two scores."""
    return {name: value if name == "score" else round(value, 6) for name, value in point._asdict().items()}


@dataclass(frozen=True)
class Thresholds:
    """The confidence thresholds that an evaluation suggests.

    Attributes:
        measured_on: the images and detections, as text.
        all_classes: one threshold for the detections of all classes, by `KINDS`; those that were not asked for, or that
            no threshold reaches, are missing.
        classes: the same for each class with objects, by its name.
    """

    measured_on: str
    all_classes: Mapping[str, OperatingPoint]
    classes: Mapping[str, Mapping[str, OperatingPoint]]

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        return {"iou": CORRECT_IOU, "measured_on": self.measured_on, "all_classes": _points_to_json(self.all_classes),
                "classes": {name: _points_to_json(points) for name, points in self.classes.items()}}

    @classmethod
    def from_json(cls, value: Any) -> Thresholds:
        """From what `to_json` gave.

        Raises:
            ValueError: it is something else.
        """
        try:
            return cls(str(value["measured_on"]), _points_from_json(value["all_classes"]),
                       {str(name): _points_from_json(points) for name, points in value["classes"].items()})
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"no thresholds of this program: {error!r}") from error

    @property
    def best_score(self) -> float | None:
        """The threshold of the best F1 for all classes; None where there is none."""
        point = self.all_classes.get(BEST_F1)
        return point.score if point else None

    def score(self, kind: str) -> float:
        """The threshold of that kind, one of `KINDS`, for all classes.

        Raises:
            UserError: it is not known.
        """
        if kind not in self.all_classes:
            known = ", ".join(f"{name} {point.score:g}" for name, point in self.all_classes.items()) or "none"
            raise UserError(f"the model has no confidence threshold {shown(kind)} (it has: {known}); give a number, "
                            f"such as {USUAL_SCORE}")
        return self.all_classes[kind].score


def _points_to_json(points: Mapping[str, OperatingPoint]) -> dict[str, dict[str, float]]:
    return {kind: named(point) for kind, point in points.items()}


def _points_from_json(value: Any) -> dict[str, OperatingPoint]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no object")
    points = {kind: OperatingPoint(*(value[kind][name] for name in OperatingPoint._fields))
              for kind in KINDS if kind in value}
    for number in (number for point in points.values() for number in point):
        if not isinstance(number, (int, float)) or not 0 <= number <= 1:
            raise TypeError(f"{number!r} is no number from 0 to 1")
    return points


def choose_score(score: float | str | None, thresholds: Thresholds | None) -> float:
    """The confidence threshold that a user asks for.

    Args:
        score: a number, or one of `KINDS` or `best`, which is the best F1; None for that where it is known, and for
            `USUAL_SCORE` elsewhere.
        thresholds: of the model, None where they are not known.

    Raises:
        UserError: the model does not have the threshold.
    """
    if isinstance(score, (int, float)):
        return float(score)
    if score is None:
        best = thresholds.best_score if thresholds else None
        return USUAL_SCORE if best is None else best
    kind = BEST_F1 if score == BEST else score
    if thresholds is None:
        raise UserError(f"the model knows no confidence threshold {shown(score)}: it was not evaluated while training "
                        f"(run_eval), or exported before that was kept; give a number, such as {USUAL_SCORE}")
    return thresholds.score(kind)


@dataclass(frozen=True)
class ScoreCurves:
    """The curves of an evaluation.

    Attributes:
        all_classes: of the detections of all classes together; None without objects.
        classes: by the name of the class, for classes with objects.
    """

    all_classes: ScoreCurve | None
    classes: Mapping[str, ScoreCurve]

    def choose(self, measured_on: str, target_precision: float = 0.0, target_recall: float = 0.0) -> Thresholds:
        """The thresholds; 0 for a target asks for none."""
        choices: dict[str, Callable[[ScoreCurve], OperatingPoint | None]] = {BEST_F1: ScoreCurve.best_f1}
        if target_precision:
            choices[TARGET_PRECISION] = lambda curve: curve.with_precision(target_precision)
        if target_recall:
            choices[TARGET_RECALL] = lambda curve: curve.with_recall(target_recall)

        def of(curve: ScoreCurve) -> dict[str, OperatingPoint]:
            return {kind: point for kind, choose in choices.items() if (point := choose(curve)) is not None}

        return Thresholds(measured_on, of(self.all_classes) if self.all_classes else {},
                          {name: of(curve) for name, curve in self.classes.items()})

    def to_json(self) -> dict[str, Any]:
        """The sampled curves as lists of numbers."""
        curves = {"all_classes": _columns(self.all_classes.sampled()) if self.all_classes else {}}
        return {**curves, "classes": {name: _columns(curve.sampled()) for name, curve in self.classes.items()}}


def _columns(points: Iterable[OperatingPoint]) -> dict[str, list[float]]:
    return {name: [round(value, 4) for value in column]
            for name, column in zip(OperatingPoint._fields, zip(*points))}


def build_score_curves(names: Sequence[str], outcomes: Sequence[Outcomes], min_score: float) -> ScoreCurves:
    """The curves from the `Outcomes` of each class; detections of classes without objects count as wrong ones.

    Args:
        names: of the classes.
        outcomes: of the classes.
        min_score: detections of a lower score were not looked at.
    """
    together = Outcomes.join(outcomes)
    return ScoreCurves(
        ScoreCurve(together, min_score) if together.num_objects else None,
        {name: ScoreCurve(one, min_score) for name, one in zip(names, outcomes) if one.num_objects},
    )
