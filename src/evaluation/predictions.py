"""What a detector predicts for one image, before or after non-maximum suppression: both select their detections."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from src.boxes.box_ops import tlbr_to_xywh
from src.boxes.nms import ImageDetections, NMSConfig, apply_nms, keep_best, select_detections
from src.utils.errors import UserError


class Predictions(Protocol):
    """The predictions for one image.

    Attributes:
        boxes: (N, 4) ymin, xmin, ymax, xmax.
        scores: of these boxes, in [0, 1].
    """

    @property
    def boxes(self) -> np.ndarray: ...

    @property
    def scores(self) -> np.ndarray: ...

    def check(self, num_classes: int, where: str = "") -> None:
        """Raises a `UserError` unless these are predictions of a detector of so many classes, with the background.

        Shapes and labels have to fit, numbers to be finite, and scores to be between 0 and 1. `where`: what to say of
        the image, such as ` for image 5`.
        """

    def without(self, labels: Sequence[int]) -> Predictions:
        """The same without any prediction of these labels."""

    def select(
        self, image_shape: Sequence[int] | np.ndarray, nms: NMSConfig, max_detections: int | None = None,
        always_above: float | None = None,
    ) -> ImageDetections:
        """The detections, see `select_detections`."""


@dataclass(frozen=True)
class AnchorPredictions:
    """Predictions for all default boxes.

    Attributes:
        boxes: (A, 4) ymin, xmin, ymax, xmax in [0, 1].
        scores: (A, C), column 0 is the background.
    """

    boxes: np.ndarray
    scores: np.ndarray

    def check(self, num_classes: int, where: str = "") -> None:
        boxes, scores = self.boxes.shape, self.scores.shape
        if len(boxes) != 2 or boxes[1] != 4 or len(scores) != 2 or boxes[0] != scores[0]:
            raise UserError(f"the network gives boxes {boxes} and scores {scores} for an image, expected (anchors, 4) "
                            f"and (anchors, {num_classes}): is it the model of this configuration, with the box "
                            "decoder?")
        if scores[1] != num_classes:
            raise UserError(f"the network gives scores of {scores[1]} classes, but `classes` names {num_classes} (with "
                            "the background): use the configuration that the model was made with")
        _check_numbers(self, where)

    def without(self, labels: Sequence[int]) -> AnchorPredictions:
        scores = self.scores.copy()
        scores[:, labels] = -1
        return AnchorPredictions(self.boxes, scores)

    def select(
        self, image_shape: Sequence[int] | np.ndarray, nms: NMSConfig, max_detections: int | None = None,
        always_above: float | None = None,
    ) -> ImageDetections:
        return select_detections(self.boxes, self.scores, image_shape, nms, max_detections, always_above)


@dataclass(frozen=True)
class SelectedPredictions:
    """What NMS inside a model has left, in order of the labels, and of descending score within a label.

    Attributes:
        boxes: (D, 4) ymin, xmin, ymax, xmax, pixels of the original image.
        scores: (D,).
        labels: (D,) int64.
        nms: limits of that NMS.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    nms: NMSConfig

    def check(self, num_classes: int, where: str = "") -> None:
        largest = self.labels.max(initial=0)
        if largest >= num_classes:
            raise UserError(f"the network finds the class {largest}, but `classes` names {num_classes} (with the "
                            "background): use the configuration that the model was made with")
        _check_numbers(self, where)

    def without(self, labels: Sequence[int]) -> SelectedPredictions:
        return self._subset(~np.isin(self.labels, labels))

    def select(
        self, image_shape: Sequence[int] | np.ndarray, nms: NMSConfig, max_detections: int | None = None,
        always_above: float | None = None,
    ) -> ImageDetections:
        """As `select_detections`. NMS is applied again only where `nms` is stricter than inside the model."""
        left = self._subset(self.scores > float(nms.min_score))
        if nms.nms_threshold < self.nms.nms_threshold or nms.max_boxes < self.nms.max_boxes:
            kept = [np.zeros(0, np.int64)]
            for label in np.unique(left.labels):
                rows = np.flatnonzero(left.labels == label)
                kept.append(rows[apply_nms(left.boxes[rows], left.scores[rows], nms.nms_threshold, nms.max_boxes)])
            left = left._subset(np.concatenate(kept))
        return keep_best((tlbr_to_xywh(left.boxes), left.scores, left.labels), max_detections, always_above)

    def _subset(self, index: np.ndarray) -> SelectedPredictions:
        return SelectedPredictions(self.boxes[index], self.scores[index], self.labels[index], self.nms)


def _check_numbers(predictions: Predictions, where: str) -> None:
    for name, array in (("boxes", predictions.boxes), ("scores", predictions.scores)):
        low, high = array.min(initial=0), array.max(initial=0)
        if not np.isfinite([low, high]).all():
            raise UserError(f"the network gives {name} that are not finite numbers (NaN or infinite){where}: its "
                            "weights are broken; take an earlier checkpoint")
    if low < 0 or high > 1:
        raise UserError(f"the network gives scores from {low} to {high}{where}, expected 0 to 1: use the network for "
                        "inference, which ends with the scores and the box decoder")


def split_batch(boxes: np.ndarray, scores: np.ndarray) -> list[AnchorPredictions]:
    """The predictions for each image, from boxes (B, A, 4) and scores (B, A, C)."""
    return [AnchorPredictions(image_boxes, image_scores) for image_boxes, image_scores in zip(boxes, scores)]
