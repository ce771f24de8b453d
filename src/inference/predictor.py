"""The interface of everything that predicts: a network, a MindIR graph, an ONNX Runtime session."""
from __future__ import annotations

import abc
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from src.boxes import NMSConfig
from src.evaluation.predictions import Predictions
from src.evaluation.thresholds import Thresholds
from src.inference.metadata import ModelMetadata
from src.utils.errors import UserError

logger = logging.getLogger(__name__)

class Predictor(abc.ABC):
    """Images in, `Predictions` for each of them out.

    Attributes:
        path: file of the model; None for a network in memory.
        metadata: of the file; None where it has none.
        input_shape: batch size, channels, height, and width; None for a size that is free.
        num_classes: with the background; None where only `metadata` can tell.
        takes_pixels: also takes images (B, H, W, 3) uint8 RGB, and normalises them itself.
        nms: limits of the NMS inside the model; None where the predictions are those for all default boxes.
        thresholds: confidence thresholds that belong to the weights; None where they are not known.
        runs_images_apart: the images of a batch go through one by one, on as many threads as there are.
    """

    path: Path | None = None
    metadata: ModelMetadata | None = None
    input_shape: Sequence[int | None] = (None, 3, None, None)
    num_classes: int | None = None
    takes_pixels: bool = False
    nms: NMSConfig | None = None
    thresholds: Thresholds | None = None
    runs_images_apart: bool = False

    @abc.abstractmethod
    def __call__(self, images: np.ndarray, image_shapes: np.ndarray) -> Sequence[Predictions]:
        """The predictions for a batch.

        Args:
            images: (B, 3, H, W) float32, normalised; with `takes_pixels`, also (B, H, W, 3) uint8.
            image_shapes: (B, 2) height and width of the original images, pixels.
        """

    def with_threads(self, threads: int) -> Predictor:
        """The same on so many threads; itself where that cannot be chosen for each model."""
        return self

    def warn_of_stricter_nms(self, wanted: NMSConfig) -> None:
        """Says so where the NMS inside the model leaves out detections that `wanted` would keep."""
        inside = self.nms
        if inside is None:
            return
        limits = [f"{name} {own} instead of {other}" for name, own, other, is_stricter in (
            ("min_score", inside.min_score, wanted.min_score, inside.min_score > wanted.min_score),
            ("nms_threshold", inside.nms_threshold, wanted.nms_threshold, inside.nms_threshold < wanted.nms_threshold),
            ("max_boxes", inside.max_boxes, wanted.max_boxes, inside.max_boxes < wanted.max_boxes)) if is_stricter]
        if limits:
            logger.warning("%s has NMS inside, with stricter limits, which hold: %s; to change them, export the model "
                           "with others", self.path, ", ".join(limits))

    def check_images(self, images: np.ndarray) -> None:
        """Raises a `UserError` unless normalised images have the shape that the model takes."""
        if not all(size in (None, found) for size, found in zip(self.input_shape, images.shape)):
            raise UserError(f"{self.path} takes images {show_shape(self.input_shape)}, the data give "
                            f"{show_shape(images.shape)}: set batch_size and img_shape to those of the exported model")


def check_file(path: Path | str) -> None:
    """Raises a `UserError` unless there is this model file."""
    if not Path(path).is_file():
        raise UserError(f"There is no model file {path}.")


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def show_shape(shape: Sequence[int | None]) -> str:
    return " x ".join("any" if size is None else str(size) for size in shape)
