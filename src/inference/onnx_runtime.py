"""ONNX files, run by ONNX Runtime. MindSpore is not needed."""
from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from src.evaluation.predictions import Predictions, SelectedPredictions, split_batch
from src.inference.metadata import ModelMetadata
from src.inference.predictor import Predictor, check_file, first_line
from src.runtime.environment import available_cores
from src.utils.errors import UserError
from src.utils.safe_io import shown_list

ONNX_PROVIDERS = {"CPU": "CPUExecutionProvider", "GPU": "CUDAExecutionProvider"}
_SHOWN_NAMES = 5
# Of a file of export.py, without and with NMS inside.
ANCHOR_OUTPUTS, NMS_OUTPUTS = ("boxes", "scores"), ("boxes", "scores", "labels", "counts")


class OnnxModel(Predictor):
    """An ONNX file in ONNX Runtime.

    Args:
        path: the file.
        device_target: `CPU` or `GPU`.
        threads: 0 for all cores.
    """

    def __init__(self, path: Path | str, device_target: str = "CPU", threads: int = 0) -> None:
        self.path: Path = Path(path)
        self.device_target = device_target
        self.threads = threads or available_cores()
        self.session = create_session(path, device_target, threads)
        self._batches: _BatchSession | None = None
        self.metadata = ModelMetadata.from_texts(self.session.get_modelmeta().custom_metadata_map)
        self.thresholds = self.metadata.thresholds if self.metadata else None
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        has_nms = len(outputs) == len(NMS_OUTPUTS)
        self.takes_pixels = inputs[0].type == "tensor(uint8)"
        is_known = len(inputs) == 1 + has_nms and (has_nms or len(outputs) == len(ANCHOR_OUTPUTS))
        if not is_known or (self.metadata is None and (has_nms or self.takes_pixels)):
            raise UserError(f"{path} is no model of export.py: it has the inputs {_names(inputs)} and the outputs "
                            f"{_names(outputs)}, expected an image, and boxes and scores")
        self.input_names = [value.name for value in inputs]
        self.input_shape = _sizes(inputs[0].shape)
        if self.takes_pixels:
            batch, height, width, channels = self.input_shape
            self.input_shape = (batch, channels, height, width)
        if self.metadata:
            check_weights(path)
        if has_nms and self.metadata:
            self.nms = self.metadata.nms
        else:
            self.num_classes = _sizes(outputs[1].shape)[-1]
        # An image on each thread keeps all of them busy; see `_BatchSession`.
        self.runs_images_apart = self.input_shape[0] is None and self.threads > 1 and device_target == "CPU"

    def with_threads(self, threads: int) -> OnnxModel:
        return OnnxModel(self.path, self.device_target, threads)

    def __call__(self, images: np.ndarray, image_shapes: np.ndarray | None = None) -> Sequence[Predictions]:
        outputs = self.run(*self.own_inputs(images, image_shapes))
        if self.nms is None:
            return split_batch(*outputs)
        return [SelectedPredictions(boxes[:count], scores[:count], labels[:count], self.nms)
                for boxes, scores, labels, count in zip(*outputs)]

    def own_inputs(self, images: np.ndarray, image_shapes: np.ndarray | None = None) -> list[np.ndarray]:
        """The inputs of the file, from images as `__call__` takes them."""
        if images.dtype != np.uint8:
            self.check_images(images)
            if self.takes_pixels:
                images = self._pixels(images)
        return [images] if self.nms is None else [images, np.asarray(image_shapes, np.float32)]

    def run(self, *inputs: np.ndarray) -> list[np.ndarray]:
        """The outputs of the file for its own inputs."""
        if len(inputs[0]) == 1 or not self.runs_images_apart:
            return self.session.run(None, dict(zip(self.input_names, inputs)))
        if self._batches is None:
            self._batches = _BatchSession(self.path, self.threads)
        return self._batches.run(self.input_names, inputs)

    def _pixels(self, images: np.ndarray) -> np.ndarray:
        """Normalised images `(B, 3, H, W)` -> `(B, H, W, 3)` uint8, exactly those that they were made from."""
        assert self.metadata is not None
        images = images.transpose(0, 2, 3, 1) * np.array(self.metadata.std, np.float32)
        images += np.array(self.metadata.mean, np.float32)
        return np.rint(images).astype(np.uint8)


class _BatchSession:
    """Runs a batch on a CPU image by image, as many at a time as there are threads.

    An image on each thread keeps all of them busy and its intermediate values in the cache, where threads that share an
    operator wait for each other.
    """

    def __init__(self, path: Path | str, threads: int) -> None:
        self.session = create_session(path, threads=1)
        self.pool = ThreadPoolExecutor(threads)

    def run(self, names: Sequence[str], inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        def run_one(row: int) -> list[np.ndarray]:
            return self.session.run(None, {name: array[row : row + 1] for name, array in zip(names, inputs)})

        parts = list(self.pool.map(run_one, range(len(inputs[0]))))
        return [_joined(arrays) for arrays in zip(*parts)]


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Outputs of single images as that of a batch; those with fewer detections than others are filled up with zeros."""
    shape = (len(arrays), *np.max([array.shape[1:] for array in arrays], axis=0).astype(int))
    batch = np.zeros(shape, arrays[0].dtype)
    for row, array in enumerate(arrays):
        filled = (row, *map(slice, array.shape[1:]))
        batch[filled] = array[0]
    return batch


def create_session(model: Path | str | bytes, device_target: str = "CPU", threads: int = 0) -> Any:
    """`onnxruntime.InferenceSession` of a file, or of its content; a `UserError` where that is not possible."""
    import onnxruntime

    if not isinstance(model, bytes):
        check_file(model)
    if device_target not in ONNX_PROVIDERS:
        raise UserError(f"device_target: ONNX models run on {' or '.join(ONNX_PROVIDERS)}, not on {device_target}")
    provider = ONNX_PROVIDERS[device_target]
    available = onnxruntime.get_available_providers()
    if provider not in available:
        raise UserError(
            f"device_target {device_target} needs ONNX Runtime's {provider}, which is not there (there are: "
            f"{', '.join(available)}); pip install onnxruntime-gpu, or use --device_target=CPU"
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    # Where an operator has no kernel on the GPU, ONNX Runtime takes that of the CPU, which is always there.
    try:
        session = onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options,
                                               providers=[provider])
    except Exception as error:  # ONNX Runtime's exceptions have no common base class of their own
        raise UserError(f"{model!s} is no ONNX file, or it is damaged: {first_line(error)}") from error
    if provider not in session.get_providers():
        raise UserError(f"device_target {device_target}: ONNX Runtime could not start its {provider} (is there such a "
                        "device, with its driver and CUDA libraries?); use --device_target=CPU")
    return session


def check_weights(path: Path | str) -> None:
    """Raises a `UserError` where weights of an ONNX file are not finite, which its outputs may not show.

    Without the package onnx, nothing is checked.
    """
    try:
        import onnx
    except ImportError:
        return
    arrays = ((tensor.name, onnx.numpy_helper.to_array(tensor)) for tensor in onnx.load(path).graph.initializer)
    broken = [name for name, array in arrays if array.dtype.kind == "f" and not np.isfinite(array).all()]
    if broken:
        raise UserError(f"{path} has weights that are not finite numbers (NaN or infinite): "
                        f"{shown_list(broken, _SHOWN_NAMES)}. Export an earlier checkpoint")


def _names(values: Sequence[Any]) -> str:
    return ", ".join(value.name for value in values)


def _sizes(shape: Sequence[int | str | None]) -> tuple[int | None, ...]:
    return tuple(size if isinstance(size, int) else None for size in shape)
