"""Export of an inference network to MindIR, AIR and ONNX."""
import logging

import mindspore as ms
import numpy as np

from src.model_utils.errors import UserError
from src.model_utils.files import whole_file
from src.predictors import mindir_predictor, network_predictor, onnx_predictor

logger = logging.getLogger(__name__)

SUFFIXES = {"MINDIR": ".mindir", "AIR": ".air", "ONNX": ".onnx"}
INPUT_NAMES = ("image",)
OUTPUT_NAMES = ("boxes", "scores")
# Largest difference between a file and the network, for boxes in [0, 1] and scores alike.
TOLERANCE = 1e-4


def with_suffix(file_name, file_format):
    """`file_name` with the suffix of the format, unless it has it."""
    suffix = SUFFIXES[file_format]
    return file_name if str(file_name).endswith(suffix) else f"{file_name}{suffix}"


def export_network(net, path, file_format, batch_size, image_size):
    """Writes `net`, in evaluation mode, to `path`, whole or not at all.

    Args:
        net: image `(B, 3, H, W)` -> boxes `(B, A, 4)`, scores `(B, A, C)`.
        path: with the suffix of the format.
        file_format: a key of `SUFFIXES`.
        batch_size: B.
        image_size: H and W.
    """
    if file_format == "AIR" and ms.get_context("device_target") != "Ascend":
        raise UserError("file_format AIR can be exported with an Ascend device only; on others use MINDIR or ONNX")
    image = ms.Tensor(np.zeros((batch_size, 3, *image_size), np.float32))
    with whole_file(path) as part:
        if file_format == "ONNX":
            ms.onnx.export(net, image, file_name=str(part), input_names=list(INPUT_NAMES),
                           output_names=list(OUTPUT_NAMES))
        else:
            ms.export(net, image, file_name=str(part), file_format=file_format)
        if not part.is_file():  # the exporters log some errors without raising them
            raise RuntimeError(f"MindSpore wrote no {file_format} file; the lines above say why")


def verify_export(net, path, file_format, images):
    """Loads the file again and compares it with the network; a `UserError` beyond `TOLERANCE`.

    Args:
        images: `(B, 3, H, W)` float32.

    Returns:
        The largest difference of boxes and of scores; None for AIR, which cannot be loaded here.
    """
    if file_format == "AIR":
        return None
    exported = onnx_predictor(path) if file_format == "ONNX" else mindir_predictor(path)
    differences = [
        float(np.abs(found - expected).max())
        for found, expected in zip(exported(images), network_predictor(net)(images))
    ]
    logger.info("%s against the network, largest difference: boxes %.1e, scores %.1e", path, *differences)
    if not max(differences) <= TOLERANCE:  # also for NaN
        raise UserError(f"{path} does not agree with the network (more than {TOLERANCE:.0e}); it is not to be used")
    return max(differences)
