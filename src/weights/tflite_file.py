"""Detectors in TensorFlow Lite files: their convolutions as NumPy arrays. Nothing of the file is run.

The format is a flatbuffer (https://www.tensorflow.org/lite/guide), which the package `tflite` reads in place: sizes
that a file only claims take no memory.
"""
from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from src.utils.errors import UserError
from src.utils.safe_io import read_file, reason_of_reading, shown

MOST_BYTES = 1 << 30
# More than any SSD has. A damaged file can claim any number, and have its operators go round in a circle.
MOST_TENSORS, MOST_INPUTS, MOST_STEPS = 20_000, 64, 1000
CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
# What may stand between convolutions and the outputs; all else makes it another network.
OTHER_OPERATORS = ("ADD", "CONCATENATION", "CUSTOM", "DEQUANTIZE", "LOGISTIC", "QUANTIZE", "RESHAPE")
POSTPROCESS = "TFLite_Detection_PostProcess"
TYPES = {"FLOAT32": "<f4", "FLOAT16": "<f2", "INT32": "<i4", "UINT8": "u1", "INT8": "i1"}
# What reading a damaged flatbuffer raises.
DAMAGED = (struct.error, ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)


@dataclasses.dataclass(frozen=True)
class Convolution:
    """One convolution with the BatchNorm that was folded into it.

    Attributes:
        name: of its output in the file.
        weight: float32 `(out, in / groups, height, width)`.
        bias: float32 `(out,)`.
        depthwise: each channel by itself.
        stride: the same down and across.
        activation: `NONE`, `RELU6`, or another name of TensorFlow Lite.
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    depthwise: bool
    stride: int
    activation: str

    def __str__(self) -> str:
        out, _, height, width = self.weight.shape
        kind = "depthwise" if self.depthwise else f"{self.weight.shape[1]} ->"
        return f"{height}x{width} {kind} {out}, stride {self.stride}, {self.activation}"


@dataclasses.dataclass(frozen=True)
class TFLiteDetector:
    """The convolutions of an SSD.

    Attributes:
        image_size: height and width of the input.
        trunk: those of the backbone and of the extra layers, in the order in which they run.
        locations, classes: for each level the convolutions of the head, in the order in which they run.
    """

    image_size: tuple[int, int]
    trunk: list[Convolution]
    locations: list[list[Convolution]]
    classes: list[list[Convolution]]


def read_tflite_detector(path: Path | str, head_layers: int) -> TFLiteDetector:
    """Reads the SSD of a `.tflite` file.

    Args:
        path: the file.
        head_layers: convolutions of each head: 1, or 2 for depthwise separable ones.

    Raises:
        UserError: the package `tflite` is not installed; the file is damaged, or holds another kind of network.
    """
    try:
        import tflite
    except ImportError as error:
        raise UserError(f"{path}: TensorFlow Lite files need the package tflite: pip install tflite") from error
    try:
        content = read_file(path, MOST_BYTES)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {reason_of_reading(error)}") from error
    if content[4:8] != b"TFL3":
        raise UserError(f"{path} is no TensorFlow Lite file: it does not say TFL3 at its beginning")
    try:
        return _Graph(tflite, tflite.Model.GetRootAsModel(content, 0), path).detector(head_layers)
    except DAMAGED as error:
        raise UserError(f"{path} is damaged, or its network is none that can be read: {shown(repr(error))}") from error


class _Operator:
    """An operator by its name, with the numbers of its tensors."""

    def __init__(self, name: str, operator: Any) -> None:
        self.name = name
        self.options = operator.BuiltinOptions()
        self.inputs = [operator.Inputs(index) for index in _counted(operator.InputsLength(), MOST_INPUTS)]
        self.outputs = [operator.Outputs(index) for index in _counted(operator.OutputsLength(), MOST_INPUTS)]


def _counted(length: int, most: int) -> range:
    """Indexes of so many items; `ValueError` where there are too many."""
    if length > most:
        raise ValueError(f"it claims {length} parts where {most} are allowed")
    return range(length)


class _Graph:
    """The first subgraph of a model, as far as detectors need it."""

    def __init__(self, tflite: Any, model: Any, path: Path | str) -> None:
        self.tflite, self.model, self.path = tflite, model, path
        self.graph = model.Subgraphs(0)
        self.operators = list(self._operators())
        self.producers = {tensor: operator for operator in self.operators for tensor in operator.outputs}
        self.used: set[int] = set()
        self.steps = 0  # from the outputs towards the heads

    def detector(self, head_layers: int) -> TFLiteDetector:
        """All convolutions, sorted; every constant of the file has a place."""
        self._check_operators()
        locations, classes = (self._heads(output, head_layers) for output in self._raw_outputs())
        in_heads = {id(operator) for head in (*locations, *classes) for operator in head}
        trunk = [self._convolution(operator) for operator in self.operators
                 if operator.name in CONVOLUTIONS and id(operator) not in in_heads]
        heads = [[[self._convolution(operator) for operator in head] for head in kind] for kind in (locations, classes)]
        self._check_all_used()
        height, width = self._shape(self.graph.Inputs(0))[1:3]
        return TFLiteDetector((height, width), trunk, *heads)

    def _operators(self) -> Iterator[_Operator]:
        builtin = {value: name for name, value in vars(self.tflite.BuiltinOperator).items() if isinstance(value, int)}
        for index in _counted(self.graph.OperatorsLength(), MOST_TENSORS):
            operator = self.graph.Operators(index)
            code = self.model.OperatorCodes(operator.OpcodeIndex())
            # Files of before 2021 have the code in a field of one byte.
            number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            name = builtin.get(number, str(number))
            if name == "CUSTOM":
                name = (code.CustomCode() or b"CUSTOM").decode("utf-8", "replace")
            yield _Operator(name, operator)

    def _check_operators(self) -> None:
        known = {*CONVOLUTIONS, *OTHER_OPERATORS, POSTPROCESS}
        others = sorted({operator.name for operator in self.operators} - known)
        if others:
            raise UserError(f"{self.path} holds no SSD that is known here: it has the operators "
                            f"{shown(', '.join(others))}; expected are convolutions, {', '.join(OTHER_OPERATORS)}")

    def _raw_outputs(self) -> tuple[int, int]:
        """Tensors of the box encodings and of the class predictions, before any post-processing."""
        outputs = [self.graph.Outputs(index) for index in _counted(self.graph.OutputsLength(), MOST_INPUTS)]
        for operator in self.operators:
            if operator.name == POSTPROCESS:
                outputs = operator.inputs[:2]
                self.used.update(operator.inputs[2:])  # the default boxes, which the configuration gives here
        if len(outputs) != 2:
            raise UserError(f"{self.path} has {len(outputs)} outputs; a detector's are two, box encodings and class "
                            "predictions")
        boxes, scores = sorted(outputs, key=lambda tensor: self._shape(tensor)[-1] != 4)
        return boxes, scores

    def _heads(self, tensor: int, layers: int) -> list[list[_Operator]]:
        """The convolutions that an output is joined from, level by level."""
        operator = self._producer(tensor)
        while operator.name in ("RESHAPE", "LOGISTIC", "DEQUANTIZE", "QUANTIZE"):
            self.used.update(operator.inputs[1:])
            operator = self._producer(operator.inputs[0])
        if operator.name == "CONCATENATION":
            return [head for tensor in operator.inputs for head in self._heads(tensor, layers)]
        head = [operator]
        while len(head) < layers:
            head.insert(0, self.producers[head[0].inputs[0]])
        if not all(operator.name in CONVOLUTIONS for operator in head):
            raise UserError(f"{self.path}: an output comes from {' and '.join(operator.name for operator in head)}; "
                            "expected are the convolutions of a head")
        return [head]

    def _producer(self, tensor: int) -> _Operator:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise ValueError("its outputs come from too many operators")
        return self.producers[tensor]

    def _convolution(self, operator: _Operator) -> Convolution:
        depthwise = operator.name == "DEPTHWISE_CONV_2D"
        options = (self.tflite.DepthwiseConv2DOptions if depthwise else self.tflite.Conv2DOptions)()
        options.Init(operator.options.Bytes, operator.options.Pos)
        name = self._name(operator.outputs[0])
        plain = (options.StrideH() == options.StrideW() and options.Padding() == self.tflite.Padding.SAME
                 and options.DilationHFactor() == options.DilationWFactor() == 1)
        if not plain or len(operator.inputs) != 3:
            raise UserError(f"{self.path}: the convolution {shown(name)} is none of an SSD that is known here; expected"
                            " is one with padding SAME, one stride, no dilation, and a bias")
        weight = self._constant(operator.inputs[1])  # (out, height, width, in), depthwise (1, height, width, out)
        weight = weight.transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
        activations = {value: key for key, value in vars(self.tflite.ActivationFunctionType).items()
                       if isinstance(value, int)}
        activation = activations[options.FusedActivationFunction()]
        return Convolution(name, weight, self._constant(operator.inputs[2]), depthwise, options.StrideH(), activation)

    def _constant(self, number: int) -> np.ndarray:
        """A constant tensor as float32, with its quantisation undone."""
        producer = self.producers.get(number)
        if producer is not None and producer.name == "DEQUANTIZE":
            return self._constant(producer.inputs[0])
        self.used.add(number)
        tensor, shape = self.graph.Tensors(number), self._shape(number)
        kinds = {value: key for key, value in vars(self.tflite.TensorType).items() if isinstance(value, int)}
        kind = kinds.get(tensor.Type(), str(tensor.Type()))
        if kind not in TYPES:
            raise UserError(f"{self.path}: {shown(self._name(number))} has the type {kind}; known are "
                            f"{', '.join(TYPES)}")
        data = self.model.Buffers(tensor.Buffer()).DataAsNumpy()
        if isinstance(data, int):  # the package gives 0 where there are none
            data = np.zeros(0, np.uint8)
        if data.size != math.prod(shape) * np.dtype(TYPES[kind]).itemsize:
            raise UserError(f"{self.path}: {shown(self._name(number))} has {data.size} bytes of data, which do not fit "
                            f"its shape {shape}")
        values = data.view(TYPES[kind]).reshape(shape)
        if kind.startswith("FLOAT"):
            return values.astype(np.float32)
        return self._dequantised(values, tensor.Quantization(), number)

    def _dequantised(self, values: np.ndarray, quantisation: Any, number: int) -> np.ndarray:
        """`(value - zero point) * scale`, by tensor or by channel
        (https://www.tensorflow.org/lite/performance/quantization_spec)."""
        if quantisation is None or not quantisation.ScaleLength():
            raise UserError(f"{self.path}: {shown(self._name(number))} is quantised, but has no scale")
        scale = quantisation.ScaleAsNumpy().astype(np.float64)
        zero = quantisation.ZeroPointAsNumpy() if quantisation.ZeroPointLength() else np.zeros(1, np.int64)
        if scale.size > 1:
            axes = [1] * values.ndim
            axes[quantisation.QuantizedDimension()] = -1
            scale, zero = scale.reshape(axes), np.broadcast_to(zero, scale.size).reshape(axes)
        return ((values.astype(np.int64) - zero) * scale).astype(np.float32)

    def _check_all_used(self) -> None:
        left = [self._name(number) for number in _counted(self.graph.TensorsLength(), MOST_TENSORS)
                if number not in self.used and number not in self.producers
                and self.model.Buffers(self.graph.Tensors(number).Buffer()).DataLength()]
        if left:
            raise UserError(f"{self.path}: {len(left)} of its tensors have no place in an SSD that is known here: "
                            f"{shown(', '.join(sorted(left)))}")

    def _shape(self, number: int) -> tuple[int, ...]:
        tensor = self.graph.Tensors(number)
        return tuple(int(size) for size in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()

    def _name(self, number: int) -> str:
        return self.graph.Tensors(number).Name().decode("utf-8", "replace")
