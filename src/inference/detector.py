"""A model with all that is needed to understand it: images in, detections out."""
from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.boxes import ImageDetections, NMSConfig
from src.boxes.box_ops import xywh_to_tlbr
from src.config import Config
from src.dataset import preprocess
from src.dataset.transforms import InputFormat, resize
from src.evaluation.predictions import Predictions
from src.evaluation.thresholds import choose_score
from src.inference.load import Device, load_predictor
from src.inference.metadata import ModelMetadata, create_metadata
from src.inference.predictor import Predictor
from src.utils.errors import UserError


class Box(NamedTuple):
    """A box in pixels of the image."""

    ymin: float
    xmin: float
    ymax: float
    xmax: float


class Detection(NamedTuple):
    """An object that was found."""

    box: Box
    score: float
    class_name: str


class Detector:
    """Finds objects in images of any size.

    Attributes:
        classes: names, index = label, index 0 is the background.
        batch_size: so many images are taken at once.
        min_score: detections have a higher score.
        seconds: time spent in the network so far.

    Args:
        predictor: the model.
        metadata: of the model file, or of the configuration.
        min_score: see there.
        nms_threshold: largest intersection over union of two detections of a class; None for that of `metadata`.
    """

    def __init__(
        self, predictor: Predictor, metadata: ModelMetadata, min_score: float, nms_threshold: float | None = None
    ) -> None:
        self.classes = tuple(metadata.classes)
        self.batch_size = predictor.input_shape[0] or 1
        self.min_score = min_score
        self.seconds = 0.0
        self._predictor, self._image_size = predictor, metadata.image_size
        self._input_format = InputFormat(np.divide(metadata.mean, 255), np.divide(metadata.std, 255),
                                         metadata.float_resize)
        if nms_threshold is None:
            nms_threshold = metadata.nms.nms_threshold
        self._nms = NMSConfig(min_score, nms_threshold, metadata.nms.max_boxes)
        predictor.warn_of_stricter_nms(self._nms)

    def __call__(self, image: np.ndarray) -> list[Detection]:
        """The detections in an image (H, W, 3) uint8 RGB, by class, and by descending score within a class."""
        (found,) = self.detect([image])
        return [Detection(Box(*box), score, self.classes[label])
                for box, score, label in zip(*(array.tolist() for array in found))]

    def warm_up(self) -> None:
        """Lets the network be compiled, which takes a while, before the first image."""
        self.detect([np.zeros((*self._image_size, 3), np.uint8)])
        self.seconds = 0.0

    def detect(self, images: Sequence[np.ndarray]) -> list[ImageDetections]:
        """The detections in at most `batch_size` images (H, W, 3) uint8 RGB, as arrays.

        Returns:
            For each image boxes (D, 4) float32 `ymin xmin ymax xmax` in pixels, inside the image; scores (D,); labels
            (D,) int64.
        """
        # A compiled network sees one shape only: the last image fills the batch up.
        rows = [min(row, len(images) - 1) for row in range(self.batch_size)]
        prepared = [self._prepare(image) for image in images]
        image_shapes = np.array([image.shape[:2] for image in images], np.float32)
        batch = np.stack([prepared[row] for row in rows])
        start = time.perf_counter()
        predictions = self._predictor(batch, image_shapes[rows])
        self.seconds += time.perf_counter() - start
        return [self._select(found, image.shape[:2]) for found, image in zip(predictions, images)]

    def _prepare(self, image: np.ndarray) -> np.ndarray:
        if self._predictor.takes_pixels:
            return resize(image, self._image_size)
        return preprocess(image, self._image_size, input_format=self._input_format)

    def _select(self, predictions: Predictions, image_shape: tuple[int, ...]) -> ImageDetections:
        predictions.check(len(self.classes))
        xywh, scores, labels = predictions.select(image_shape, self._nms)
        return xywh_to_tlbr(xywh).clip(0, np.tile(np.array(image_shape, np.float32), 2)), scores, labels


def load_detector(
    path: Path | str, config: Config | None = None, min_score: float | str | None = None,
    nms_threshold: float | None = None, device: Device | None = None,
) -> Detector:
    """The `Detector` of a model file; an ONNX file of `export.py` needs neither a configuration nor MindSpore.

        detector = load_detector("model.onnx")
        for box, score, class_name in detector(load_image("street.jpg")):
            print(class_name, score, box.xmin, box.ymin, box.xmax, box.ymax)

    Args:
        path: an ONNX or MindIR file, or a checkpoint.
        config: the configuration. A checkpoint needs it, and an exported file has to fit it.
        min_score: see `choose_score`.
        nms_threshold: see `Detector`.
        device: where the model runs; None for that of `config`, and without one for a CPU.
    """
    device = device or (Device.of(config) if config else Device())
    predictor = load_predictor(path, config, device, cpu_kernels=False)
    metadata = predictor.metadata
    if metadata is None:
        if config is None:
            raise UserError(f"{path} has no metadata about its classes and its input (another program wrote it): name "
                            "its configuration, --config_path=FILE, or export it with export.py")
        metadata = create_metadata(config, precision="fp32")
    return Detector(predictor, metadata, choose_score(min_score, predictor.thresholds), nms_threshold)
