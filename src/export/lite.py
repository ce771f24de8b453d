"""Conversion of an ONNX file for MindSpore Lite: the preparation of the file, and the check of the result."""
import logging
from pathlib import Path

import cv2
import numpy as np
import onnx

from src.dataset import preprocess
from src.evaluation.thresholds import SUFFIX
from src.export.cpp_outputs import ResultFiles
from src.export.onnx_graph.batch_size import set_batch
from src.export.onnx_graph.lite import separate_weights
from src.inference.onnx_runtime import OnnxModel, check_weights
from src.utils.errors import UserError
from src.utils.files import reported_as, write_json
from src.visualization.draw import save_image

logger = logging.getLogger(__name__)
PROBE = "probe"
# Largest difference of a box, in [0, 1], or a score. Wrong conversions are off by about 1.
LARGEST_DIFFERENCE = 1e-3


def prepare_onnx(source: Path | str, target: Path | str) -> None:
    """Writes the ONNX file `source` of export.py to `target` as the converter needs it, and beside it what the C++
    program reads of its metadata, the confidence thresholds (`null` where they are not known).

    Raises:
        UserError: it is no such file, one that does more than the C++ program expects, or one whose weights are broken.
    """
    model = OnnxModel(source)
    if model.takes_pixels or model.nms:
        raise UserError(f"{source} normalises images or does NMS itself, which is the task of the C++ program: "
                        "export it without --with_preprocess and --with_nms")
    check_weights(source)  # MindSpore Lite makes numbers of what is none
    graph = separate_weights(onnx.load(source))
    if model.input_shape[0] is None:
        set_batch(graph, 1)
    with reported_as(target):
        onnx.save(graph, target)
    thresholds = model.thresholds.to_json() if model.thresholds else None
    write_json(Path(target).with_suffix(SUFFIX), {"thresholds": thresholds})


def write_probe(onnx_path: Path | str, folder: Path | str) -> None:
    """Writes an image of the size that the model takes into `folder`, on which the C++ program is to be run."""
    _, _, height, width = _fixed_shape(OnnxModel(onnx_path))
    save_image(Path(folder, f"{PROBE}.png"), _probe(height, width))


def check_conversion(onnx_path: Path | str, result_path: Path | str) -> None:
    """Compares what the C++ program gave for the image of `write_probe` with ONNX Runtime.

    Raises:
        UserError: they differ by more than `LARGEST_DIFFERENCE`.
    """
    model = OnnxModel(onnx_path)
    batch_size, _, height, width = _fixed_shape(model)
    image = preprocess(_probe(height, width), (height, width))
    expected = model(np.repeat(image[None], batch_size, axis=0))[0]
    files = ResultFiles(result_path, *expected.scores.shape)
    files.check([PROBE])
    boxes, scores = files.read(PROBE)
    differences = [float(np.abs(boxes - expected.boxes).max()), float(np.abs(scores - expected.scores).max())]
    logger.info("against ONNX Runtime, largest difference: boxes %.1e, scores %.1e", *differences)
    if not np.max(differences) <= LARGEST_DIFFERENCE:  # also for NaN, unlike Python's max
        raise UserError(f"the converted model does not agree with ONNX Runtime (more than {LARGEST_DIFFERENCE:.0e}); "
                        "do not use it: this MindSpore Lite converts it wrongly")


def _fixed_shape(model: OnnxModel) -> list[int]:
    """The shape of the input; 1 where the batch size is free."""
    return [size or 1 for size in model.input_shape]


def _probe(height: int, width: int) -> np.ndarray:
    """uint8 `(height, width, 3)` RGB: smooth random colours."""
    coarse = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
