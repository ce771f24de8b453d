"""A model with all that is needed to understand it: images in, detections out."""
from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import cv2
import numpy as np

from src.boxes import NMSConfig
from src.boxes.box_ops import xywh_to_tlbr
from src.config import Config, load_config
from src.config.run_config import config_of_run
from src.dataset import load_image, preprocess
from src.dataset.transforms import InputFormat, resize
from src.evaluation.predictions import Predictions
from src.evaluation.thresholds import choose_score
from src.inference.load import Device, is_exported, load_predictor
from src.inference.metadata import ModelMetadata, create_metadata
from src.inference.predictor import Predictor
from src.inference.tiles import FoundBoxes, TileSettings, merge_tiles, place_tiles
from src.model_zoo import find_weights, published_config
from src.utils.errors import UserError
from src.visualization.draw import draw_detections

# Tiles that a network of any batch size takes at once.
TILES_AT_ONCE = 8
# The path of an image file, or its pixels as OpenCV gives them, (H, W, 3) uint8 BGR.
Picture = Path | str | np.ndarray
Pictures = list[Picture] | tuple[Picture, ...] | Iterator[Picture]


@dataclass(frozen=True)
class Detection:
    """An object that was found.

    Attributes:
        xyxy: xmin, ymin, xmax, ymax, pixels.
        score: from 0 to 1.
        label: number of the class, from 1.
        name: of the class.
    """

    xyxy: tuple[float, float, float, float]
    score: float
    label: int
    name: str


class Detections(tuple[Detection, ...]):
    """The detections in an image, the best first: a tuple of `Detection`."""

    def to_supervision(self) -> Any:
        """As `supervision.Detections`, for the annotators, trackers and metrics of that package.

        Raises:
            UserError: it is not installed.
        """
        try:
            import supervision
        except ImportError as error:
            raise UserError("to_supervision needs the package supervision: pip install supervision") from error
        return supervision.Detections(
            xyxy=np.array([one.xyxy for one in self], np.float32).reshape(-1, 4),
            confidence=np.array([one.score for one in self], np.float32),
            class_id=np.array([one.label for one in self], int),
            data={"class_name": np.array([one.name for one in self], str)})


class Detector:
    """Finds objects in images of any size.

    Attributes:
        classes: names, index = label, index 0 is the background.
        batch_size: so many images are taken at once.
        min_score: detections have a higher score; of the one asked for and that of NMS inside the model, the higher.
        seconds: time spent in the network so far.

    Args:
        predictor: the model.
        metadata: of the model file, or of the configuration.
        min_score: see there.
        nms_threshold: largest intersection over union of two detections of a class; None for that of `metadata`.
        tiles: images that are larger than a tile are cut into such tiles; None for whole images.
    """

    def __init__(
        self, predictor: Predictor, metadata: ModelMetadata, min_score: float, nms_threshold: float | None = None,
        tiles: TileSettings | None = None,
    ) -> None:
        self.classes = tuple(metadata.classes)
        self._network_batch = predictor.input_shape[0] or (TILES_AT_ONCE if tiles else 1)
        self.batch_size = 1 if tiles else self._network_batch
        self._tiles = tiles
        self.min_score = max(min_score, predictor.nms.min_score) if predictor.nms else min_score
        self.seconds = 0.0
        self._predictor, self._image_size = predictor, metadata.image_size
        self._input_format = InputFormat(np.divide(metadata.mean, 255), np.divide(metadata.std, 255),
                                         metadata.float_resize)
        if nms_threshold is None:
            nms_threshold = metadata.nms.nms_threshold
        self._nms = NMSConfig(min_score, nms_threshold, metadata.nms.max_boxes)
        predictor.warn_of_stricter_nms(self._nms)

    @overload
    def __call__(self, picture: Picture) -> Detections: ...

    @overload
    def __call__(self, picture: Pictures) -> list[Detections]: ...

    def __call__(self, picture: Picture | Pictures) -> Detections | list[Detections]:
        """The detections in a picture, or in each of several, which are read batch by batch.

        Raises:
            UserError: a file is no image, or an array none of OpenCV.
        """
        if isinstance(picture, (str, Path, np.ndarray)):
            return next(self._each([picture]))
        return list(self._each(picture))

    def draw(self, picture: Picture, detections: Iterable[Detection]) -> np.ndarray:
        """A copy of the picture, (H, W, 3) uint8 BGR, with boxes, names and scores."""
        found = list(detections)
        boxes = np.array([one.xyxy for one in found], np.float64).reshape(-1, 4)[:, [1, 0, 3, 2]]
        drawn = draw_detections(_read_rgb(picture), boxes, [one.label for one in found], [one.score for one in found],
                                self.classes)
        return np.ascontiguousarray(drawn[:, :, ::-1])

    def _each(self, pictures: Iterable[Picture]) -> Iterator[Detections]:
        images = map(_read_rgb, pictures)
        while batch := list(itertools.islice(images, self.batch_size)):
            for boxes, scores, labels in self.detect(batch):
                order = np.argsort(-scores, kind="stable")
                rows = zip(boxes[order][:, [1, 0, 3, 2]].tolist(), scores[order].tolist(), labels[order].tolist())
                yield Detections(Detection(tuple(box), score, label, self.classes[label]) for box, score, label in rows)

    def include_uncertain(self) -> None:
        """Also gives detections of scores above half of `min_score`, which itself stays."""
        self._nms = replace(self._nms, min_score=self.min_score / 2)

    def warm_up(self) -> None:
        """Lets the network be compiled, which takes a while, before the first image."""
        self.detect([np.zeros((*self._image_size, 3), np.uint8)])
        self.seconds = 0.0

    def detect(self, images: Sequence[np.ndarray]) -> list[FoundBoxes]:
        """The detections in at most `batch_size` images (H, W, 3) uint8 RGB; their boxes lie inside the images."""
        return [self._detect_in_tiles(image) for image in images] if self._tiles else self._detect(images)

    def _detect_in_tiles(self, image: np.ndarray) -> FoundBoxes:
        assert self._tiles
        height, width = image.shape[:2]
        tile_size, overlap = self._tiles.shape(self._image_size), self._tiles.overlap
        tiles = place_tiles((height, width), tile_size, overlap)
        found: list[FoundBoxes] = []
        for start in range(0, len(tiles), self._network_batch):
            found += self._detect([tile.crop(image) for tile in tiles[start : start + self._network_batch]])
        return merge_tiles(zip(tiles, found), tile_size, self._nms, overlap) if len(tiles) > 1 else found[0]

    def _detect(self, images: Sequence[np.ndarray]) -> list[FoundBoxes]:
        """`detect` for as many images as the network takes at once, or fewer, each as a whole."""
        # A compiled network sees one shape only: the last image fills the batch up.
        rows = [min(row, len(images) - 1) for row in range(self._network_batch)]
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

    def _select(self, predictions: Predictions, image_shape: tuple[int, ...]) -> FoundBoxes:
        predictions.check(len(self.classes))
        xywh, scores, labels = predictions.select(image_shape, self._nms)
        boxes = xywh_to_tlbr(xywh).clip(0, np.tile(np.array(image_shape, np.float32), 2))
        return FoundBoxes(boxes, scores, labels)


def _read_rgb(picture: Picture) -> np.ndarray:
    """(H, W, 3) uint8 RGB."""
    if not isinstance(picture, np.ndarray):
        return load_image(picture)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise UserError(f"an array of the shape {picture.shape} and the type {picture.dtype} is no picture; expected "
                        "is (height, width, 3) uint8 in the order blue, green, red, as cv2.imread gives it")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def load_detector(
    model: Path | str, config: Config | None = None, min_score: float | str | None = None,
    nms_threshold: float | None = None, device: Device | None = None, tiles: TileSettings | bool | None = None,
) -> Detector:
    """The `Detector` of a model file or of published weights; an ONNX file of `export.py` needs no MindSpore.

        detector = load_detector("model.onnx")
        for box in detector("street.jpg"):
            print(box.name, box.score, box.xyxy)

    Args:
        model: an ONNX or MindIR file, a checkpoint, or a name of published weights.
        config: the configuration; an exported file has to fit it. A checkpoint needs it, but for one in the output
            folder of its training, or with a name.
        min_score: the confidence threshold, see `choose_score`.
        nms_threshold: see `Detector`.
        device: where the model runs; None for that of `config`, and without one for a CPU.
        tiles: cut images that are larger than a tile, see `Detector`; True for tiles as large as the network's input.
    """
    path = Path(model)
    if not path.is_file() and not is_exported(path):
        path = find_weights(model, key="model")
    if config is None and not is_exported(path):
        config = _config_of(model)
    device = device or (Device.of(config) if config else Device())
    predictor = load_predictor(path, config, device, cpu_kernels=False)
    metadata = predictor.metadata
    if metadata is None:
        if config is None:
            raise UserError(f"{path} has no metadata about its classes and its input (another program wrote it): name "
                            "its configuration, --config_path=FILE, or export it with export.py")
        metadata = create_metadata(config, precision="fp32")
    return Detector(predictor, metadata, choose_score(min_score, predictor.thresholds), nms_threshold,
                    TileSettings() if tiles is True else tiles or None)


def _config_of(model: Path | str) -> Config | None:
    """The configuration of published weights, or of the run in whose folder a checkpoint is; None for another."""
    published = published_config(model)
    if published:
        return load_config([f"--config_path={published}", "--device_target=CPU"])
    file = config_of_run(model)
    return load_config([f"--config_path={file}"]) if file else None
