"""ONNX files, run by ONNX Runtime."""
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from src.inference.metadata import ModelMetadata
from src.inference.predictor import _check_file, _check_images, _first_line
from src.runtime.environment import available_cores
from src.utils.errors import UserError

ONNX_PROVIDERS = {"CPU": "CPUExecutionProvider", "GPU": "CUDAExecutionProvider"}
PLAIN_OUTPUTS = 2
DETECTION_OUTPUTS = 4


class OnnxModel:
    """An ONNX file in ONNX Runtime.

    Attributes:
        takes_levels: the file takes images `(B, H, W, 3)` uint8 and normalises them itself.
        needs_image_shapes: the file suppresses overlapping detections itself, and for that needs the height and width
            of the original images: `model(images, image_shapes (B, 2))`. Its detections then stand in for anchors.

    Args:
        path: the file.
        device_target: `CPU` or `GPU`.
        threads: 0 for all cores.
    """

    def __init__(self, path, device_target="CPU", threads=0):
        self.path = path
        self.threads = threads or available_cores()
        self.device_target = device_target
        self.session = create_session(path, device_target, threads)
        self._batches = None
        self.metadata = ModelMetadata.from_texts(self.session.get_modelmeta().custom_metadata_map)
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        self.needs_image_shapes = len(outputs) == DETECTION_OUTPUTS
        if len(inputs) != 1 + self.needs_image_shapes or len(outputs) not in (PLAIN_OUTPUTS, DETECTION_OUTPUTS):
            raise UserError(f"{path} is no model of export.py: it has the inputs {_names(inputs)} and the outputs "
                            f"{_names(outputs)}, expected an image, and boxes and scores")
        self.takes_levels = inputs[0].type == "tensor(uint8)"
        self.input_shape = _sizes(inputs[0].shape)
        if self.takes_levels:
            batch, height, width, channels = self.input_shape
            self.input_shape = [batch, channels, height, width]
        self.num_classes = None if self.needs_image_shapes else _sizes(outputs[1].shape)[-1]
        self.input_names = [value.name for value in inputs]

    @property
    def runs_images_apart(self):
        """Whether the images of a batch go through one by one, on as many threads as there are."""
        return self.input_shape[0] is None and self.threads > 1 and self.device_target == "CPU"

    def run(self, *inputs):
        """The outputs of the file for its own inputs: images as it takes them, and shapes where it needs them."""
        if len(inputs[0]) == 1 or not self.runs_images_apart:
            return self.session.run(None, dict(zip(self.input_names, inputs)))
        if self._batches is None:
            self._batches = _BatchSession(self.path, self.threads)
        return self._batches.run(self.input_names, inputs)

    def own_inputs(self, images, image_shapes=None):
        """The inputs of the file, from normalised images `(B, 3, H, W)`."""
        _check_images(self, images)
        inputs = [self._levels(images) if self.takes_levels else images]
        if self.needs_image_shapes:
            inputs.append(np.asarray(image_shapes, np.float32))
        return inputs

    def __call__(self, images, image_shapes=None):
        outputs = self.run(*self.own_inputs(images, image_shapes))
        return self._as_anchors(image_shapes, *outputs) if self.needs_image_shapes else tuple(outputs)

    def _levels(self, images):
        """Normalised images `(B, 3, H, W)` -> `(B, H, W, 3)` uint8, exactly those that they were made from."""
        images = images.transpose(0, 2, 3, 1) * np.float32(self.metadata.std) + np.float32(self.metadata.mean)
        return np.rint(images).astype(np.uint8)

    def _as_anchors(self, image_shapes, boxes, scores, labels, counts):
        """Detections as the predictions for as many anchors, each with a score for one class only."""
        sides = np.tile(np.asarray(image_shapes, np.float32), 2)[:, None]  # (B, 1, 4)
        anchor_scores = np.zeros((*scores.shape, len(self.metadata.classes)), np.float32)
        np.put_along_axis(anchor_scores, labels[..., None], scores[..., None], axis=2)
        return boxes / sides, anchor_scores


class _BatchSession:
    """Runs a batch on a CPU image by image, as many at a time as there are threads.

    An image on each thread keeps all of them busy and its intermediate values in the cache, where threads that share an
    operator wait for each other.
    """

    def __init__(self, path, threads):
        self.session = create_session(path, threads=1)
        self.pool = ThreadPoolExecutor(threads)

    def run(self, names, inputs):
        def run_one(row):
            return self.session.run(None, {name: array[row : row + 1] for name, array in zip(names, inputs)})

        parts = list(self.pool.map(run_one, range(len(inputs[0]))))
        return [_joined(arrays) for arrays in zip(*parts)]


def _joined(arrays):
    """Outputs of single images as that of a batch; those with fewer detections than others are filled up with zeros."""
    shape = (len(arrays), *np.max([array.shape[1:] for array in arrays], axis=0).astype(int))
    batch = np.zeros(shape, arrays[0].dtype)
    for image, array in zip(batch, arrays):
        image[tuple(map(slice, array.shape[1:]))] = array[0]
    return batch


def create_session(model, device_target="CPU", threads=0):
    """`onnxruntime.InferenceSession` of a file, or of its content; a `UserError` where that is not possible."""
    import onnxruntime

    if not isinstance(model, bytes):
        _check_file(model)
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
        raise UserError(f"{model} is no ONNX file, or it is damaged: {_first_line(error)}") from error
    if provider not in session.get_providers():
        raise UserError(f"device_target {device_target}: ONNX Runtime could not start its {provider} (is there such a "
                        "device, with its driver and CUDA libraries?); use --device_target=CPU")
    return session


def _names(values):
    return ", ".join(value.name for value in values)


def _sizes(shape):
    return [size if isinstance(size, int) else None for size in shape]
