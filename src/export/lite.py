"""Conversion of an ONNX file for MindSpore Lite: what comes before the converter, and the check of what it made."""
import logging
from pathlib import Path

import cv2
import numpy as np
import onnx

from src.dataset import preprocess
from src.export.cpp_outputs import ResultFiles
from src.export.onnx_graph.batch_size import set_batch
from src.export.onnx_graph.lite import separate_weights
from src.inference.onnx_runtime import OnnxModel
from src.utils.errors import UserError

logger = logging.getLogger(__name__)
PROBE = "probe"
# Largest difference of a box, in [0, 1], or a score. Wrong conversions are off by about 1.
LARGEST = 1e-3


def prepare_onnx(source, target):
    """Writes the ONNX file `source` of export.py to `target` as the converter needs it.

    Raises:
        UserError: it is no such file, or one that does more than the C++ program expects.
    """
    model = OnnxModel(source)
    if model.takes_levels or model.needs_image_shapes:
        raise UserError(f"{source} normalises images or suppresses detections itself, which the C++ program does: "
                        "export it without --with_preprocess and --with_nms")
    graph = separate_weights(onnx.load(source))
    if model.input_shape[0] is None:
        set_batch(graph, 1)
    onnx.save(graph, target)


def write_probe(onnx_path, folder):
    """Writes an image of the size that the model takes into `folder`, on which the C++ program is to be run."""
    height, width = OnnxModel(onnx_path).input_shape[2:]
    cv2.imwrite(str(Path(folder, f"{PROBE}.png")), _probe(height, width)[..., ::-1])


def check_conversion(onnx_path, result_path):
    """Compares what the C++ program gave for the image of `write_probe` with ONNX Runtime.

    Raises:
        UserError: they differ by more than `LARGEST`.
    """
    model = OnnxModel(onnx_path)
    batch_size, _, height, width = model.input_shape
    image = preprocess(_probe(height, width), (height, width))
    expected = [array[0] for array in model(np.repeat(image[None], batch_size, axis=0))]
    files = ResultFiles(result_path, *expected[1].shape)
    files.check([PROBE])
    differences = [float(np.abs(one - other).max()) for one, other in zip(files.read(PROBE), expected)]
    logger.info("against ONNX Runtime, largest difference: boxes %.1e, scores %.1e", *differences)
    if not max(differences) <= LARGEST:  # also for NaN
        raise UserError(f"the converted model does not agree with ONNX Runtime (more than {LARGEST:.0e}); it is not to "
                        "be used: this MindSpore Lite converts it wrongly")


def _probe(height, width):
    """uint8 `(height, width, 3)` RGB: smooth random colours."""
    coarse = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
