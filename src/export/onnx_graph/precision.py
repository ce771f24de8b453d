"""Lower precision of an ONNX graph: float16, or int8 after calibration. What decodes the boxes stays float32."""
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, ModelProto
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from src.export.onnx_graph.graph import HEAD_OUTPUTS, join, producers, split_decoder, with_opset
from src.utils.files import reported_as

# Ranges of activations are means of the extremes of single images: the extremes of all images together are stretched by
# the rare ones, which costs 0.03 mAP on BCCD.
MEAN_OF_EXTREMES = {"CalibMovingAverage": True}


def to_float16(model: ModelProto) -> ModelProto:
    """The model with weights and activations in float16 up to the heads' outputs; inputs and outputs stay float32.

    The decoder stays float32: the step of float16 below 1 is half a thousandth, a third of a pixel of 640.
    """
    # In two parts, because the converter would round whatever passes between nodes that are to stay float32.
    network, decoder = split_decoder(model)
    network = convert_float_to_float16(network, keep_io_types=True)
    OnnxModel(network).topological_sort()  # the converter puts its casts last
    return join(network, decoder, HEAD_OUTPUTS)


class _Images(CalibrationDataReader):
    """Images `(3, H, W)`, one at a time, under the name of the input."""

    def __init__(self, images: Iterable[np.ndarray]) -> None:
        self.images = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self.images, None)
        return None if image is None else {"image": image[None]}


def to_int8(model: ModelProto, images: Iterable[np.ndarray], float_heads: bool = False) -> ModelProto:
    """The model with int8 weights, one scale a channel, and uint8 activations in its convolutions.

    Args:
        model: with BatchNorm folded, and any batch size.
        images: normalised images `(3, H, W)` float32 of the training data, for the ranges.
        float_heads: keep the last convolution of each head in float32; its outputs, and with them the scores, then have
            more than 256 levels.
    """
    with reported_as(tempfile.gettempdir()), tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "float.onnx"), Path(folder, "int8.onnx")
        quant_pre_process(with_opset(model), source, skip_optimization=True, skip_symbolic_shape=True)
        # Sums stay float32: to round them as well costs 0.005 mAP on BCCD. Activations are listed because they then
        # become a part of the rounding of the convolution; otherwise each is computed in float32 between two roundings.
        quantize_static(
            source, target, _Images(images), quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Clip", "Relu"], per_channel=True, activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8, nodes_to_exclude=_output_convolutions(model.graph) if float_heads else [],
            extra_options=MEAN_OF_EXTREMES,
        )
        return onnx.load(target)


def _output_convolutions(graph: GraphProto) -> list[str]:
    """Names of the last convolution of each head."""
    made_by = producers(graph)
    found = []
    for node in graph.node:
        if node.op_type == "Reshape":
            while node.op_type != "Conv":
                node = made_by[node.input[0]]
            found.append(node.name)
    return found
