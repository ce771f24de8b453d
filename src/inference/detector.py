"""A model with all that is needed to understand it: images in, detections out."""
import time
from pathlib import Path

import numpy as np

from src.boxes import NMSConfig, select_detections
from src.boxes.box_ops import xywh_to_tlbr
from src.dataset import preprocess
from src.dataset.transforms import InputFormat
from src.inference.load import create_loaded_net, create_predictor
from src.inference.metadata import create_metadata
from src.inference.mindir import MindirModel
from src.inference.onnx_runtime import OnnxModel
from src.inference.predict_args import EXPORTED
from src.inference.predictor import network_predictor
from src.runtime.device import set_up_device
from src.utils.errors import UserError
from src.utils.files import find_checkpoint


class Detector:
    """Finds objects in images of any size.

    Attributes:
        classes: names, index = label, index 0 is the background.
        batch_size: so many images are taken at once.
        seconds: time spent in the network so far.

    Args:
        model: callable as in `src.inference.predictor`.
        metadata: its `ModelMetadata`.
        batch_size: images that the model takes.
        min_score: detections have a higher score.
        nms_threshold: largest intersection over union of two detections of a class; None for that of `metadata`.
    """

    def __init__(self, model, metadata, batch_size, min_score, nms_threshold=None):
        self.classes = tuple(metadata.classes)
        self.batch_size = batch_size
        self.seconds = 0.0
        self._model, self._metadata = model, metadata
        self._input_format = InputFormat(np.divide(metadata.mean, 255), np.divide(metadata.std, 255),
                                         metadata.float_resize)
        self._nms = NMSConfig(min_score, nms_threshold or metadata.nms_threshold, metadata.max_boxes)

    def warm_up(self):
        """Lets the network be compiled, which takes a while, before the first image."""
        self([np.zeros((*self._metadata.image_size, 3), np.uint8)])
        self.seconds = 0.0

    def __call__(self, images):
        """Detections in at most `batch_size` images `(H, W, 3)` uint8 RGB.

        Returns:
            For each image boxes (D, 4) float32 `ymin xmin ymax xmax` in pixels, inside the image; scores (D,); labels
            (D,) int64.
        """
        size = self._metadata.image_size
        batch = np.empty((self.batch_size, 3, *size), np.float32)
        shapes = np.array([image.shape[:2] for image in images], np.float32)
        for row, image in enumerate(images):
            preprocess(image, size, batch[row], self._input_format)
        # A compiled network sees one shape only: the last image fills the batch up.
        batch[len(images):] = batch[len(images) - 1]
        shapes = np.concatenate([shapes, np.repeat(shapes[-1:], self.batch_size - len(images), axis=0)])
        start = time.perf_counter()
        arguments = (batch, shapes) if getattr(self._model, "needs_image_shapes", False) else (batch,)
        boxes, scores = self._model(*arguments)
        self.seconds += time.perf_counter() - start
        if scores.shape[-1] != len(self.classes):
            raise UserError(f"the model gives scores of {scores.shape[-1]} classes, but {len(self.classes)} are named "
                            "(with the background): use the configuration that it was made with")
        return [self._detections(boxes[row], scores[row], image.shape[:2]) for row, image in enumerate(images)]

    def _detections(self, boxes, scores, image_shape):
        xywh, scores, labels = select_detections(boxes, scores, image_shape, self._nms)
        corners = xywh_to_tlbr(xywh)
        return corners.clip(0, np.tile(np.array(image_shape, np.float32), 2)), scores, labels


def create_detector(config, has_config, min_score, nms_threshold=None):
    """The `Detector` of `checkpoint_file_path`: a checkpoint, or a file that `export.py` wrote.

    Args:
        config: the configuration; with an exported file that says itself what it needs, only the device counts.
        has_config: whether the user has named a configuration, to which an exported file then has to fit.
        min_score, nms_threshold: see `Detector`.
    """
    path = find_checkpoint(config.checkpoint_file_path, config.checkpoint_path)
    if path.suffix.lower() not in EXPORTED:
        model = network_predictor(create_loaded_net(config))
        return Detector(model, create_metadata(config, precision="fp32"), 1, min_score, nms_threshold)
    model = create_predictor(config) if has_config else _create_exported_model(config, path)
    metadata = model.metadata
    if metadata is None:
        if not has_config:
            raise UserError(f"{path} does not say what its classes and its input are (it was not written by this "
                            "export.py): name its configuration, --config_path=FILE, or export it anew")
        metadata = create_metadata(config, precision="fp32")
    return Detector(model, metadata, model.input_shape[0] or 1, min_score, nms_threshold)


def _create_exported_model(config, path):
    if Path(path).suffix.lower() == ".onnx":
        return OnnxModel(path, config.device_target, config.cpu_threads)
    set_up_device(config.device_target, config.device_id, config.cpu_threads, config.seed)
    return MindirModel(path)
