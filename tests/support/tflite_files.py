"""TensorFlow Lite files of small detectors, written without TensorFlow."""
from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import flatbuffers
import numpy as np
import tflite

KINDS = ("float32", "float16", "int8", "int8 by channel")


@dataclasses.dataclass
class Layer:
    """A convolution to write: weight `(out, in / groups, height, width)`, bias `(out,)`."""

    weight: np.ndarray
    bias: np.ndarray
    stride: int = 1
    depthwise: bool = False
    activation: int = tflite.ActivationFunctionType.RELU6


class TFLiteWriter:
    """Builds a model tensor by tensor, operator by operator."""

    def __init__(self, kind: str = "float32") -> None:
        self.builder = flatbuffers.Builder(1 << 20)
        self.kind = kind
        self.buffers = [self._buffer(b"")]
        self.tensors: list[int] = []
        self.codes: list[tuple[int, str]] = []
        self.operators: list[int] = []

    def tensor(self, name: str, shape: Sequence[int], kind: int = tflite.TensorType.FLOAT32, data: bytes = b"",
               scale: Sequence[float] = (), axis: int = 0) -> int:
        """Adds a tensor, and returns its number."""
        build = self.builder
        if data:
            self.buffers.append(self._buffer(data))
        text = build.CreateString(name)
        sizes = build.CreateNumpyVector(np.array(shape, np.int32))
        quantisation = None
        if len(scale):
            scales = build.CreateNumpyVector(np.array(scale, np.float32))
            zeros = build.CreateNumpyVector(np.zeros(len(scale), np.int64))
            tflite.QuantizationParametersStart(build)
            tflite.QuantizationParametersAddScale(build, scales)
            tflite.QuantizationParametersAddZeroPoint(build, zeros)
            tflite.QuantizationParametersAddQuantizedDimension(build, axis)
            quantisation = tflite.QuantizationParametersEnd(build)
        tflite.TensorStart(build)
        tflite.TensorAddShape(build, sizes)
        tflite.TensorAddType(build, kind)
        tflite.TensorAddBuffer(build, len(self.buffers) - 1 if data else 0)
        tflite.TensorAddName(build, text)
        if quantisation is not None:
            tflite.TensorAddQuantization(build, quantisation)
        self.tensors.append(tflite.TensorEnd(build))
        return len(self.tensors) - 1

    def operator(self, name: str, inputs: Sequence[int], outputs: Sequence[int], options: int | None = None,
                 options_type: int = 0) -> None:
        """Adds an operator; a name that TensorFlow Lite does not have is that of a custom one."""
        build = self.builder
        custom = not hasattr(tflite.BuiltinOperator, name)
        number = tflite.BuiltinOperator.CUSTOM if custom else getattr(tflite.BuiltinOperator, name)
        code = (number, name if custom else "")
        if code not in self.codes:
            self.codes.append(code)
        given = build.CreateNumpyVector(np.array(inputs, np.int32))
        made = build.CreateNumpyVector(np.array(outputs, np.int32))
        tflite.OperatorStart(build)
        tflite.OperatorAddOpcodeIndex(build, self.codes.index(code))
        tflite.OperatorAddInputs(build, given)
        tflite.OperatorAddOutputs(build, made)
        if options is not None:
            tflite.OperatorAddBuiltinOptionsType(build, options_type)
            tflite.OperatorAddBuiltinOptions(build, options)
        self.operators.append(tflite.OperatorEnd(build))

    def constant(self, name: str, values: np.ndarray, axis: int) -> int:
        """Adds a constant in the kind of this file; what stands for it is float32 again where TensorFlow does so."""
        if self.kind == "float32":
            return self.tensor(name, values.shape, data=values.astype("<f4").tobytes())
        if self.kind == "float16":
            half = self.tensor(name, values.shape, tflite.TensorType.FLOAT16, values.astype("<f2").tobytes())
            whole = self.tensor(f"{name}_dequantize", values.shape)
            self.operator("DEQUANTIZE", [half], [whole])
            return whole
        most, kind, number = (127, "<i1", tflite.TensorType.INT8)
        if values.ndim == 1:  # a bias
            most, kind, number = (1 << 20, "<i4", tflite.TensorType.INT32)
        axes = tuple(other for other in range(values.ndim) if other != axis) if "channel" in self.kind else None
        largest = np.abs(values).max(axes, keepdims=True).clip(1e-6)
        scale = largest / most
        data = np.round(values / scale).astype(kind).tobytes()
        return self.tensor(name, values.shape, number, data, scale.astype(np.float32).ravel(), axis)

    def convolution(self, source: int, name: str, layer: Layer) -> int:
        """Adds a convolution, and returns the number of its output."""
        build = self.builder
        order = (1, 2, 3, 0) if layer.depthwise else (0, 2, 3, 1)
        weight = self.constant(f"{name}/weights", layer.weight.transpose(order), 3 if layer.depthwise else 0)
        bias = self.constant(f"{name}/bias", layer.bias, 0)
        prefix = "DepthwiseConv2DOptions" if layer.depthwise else "Conv2DOptions"
        getattr(tflite, f"{prefix}Start")(build)
        for field, value in (("Padding", tflite.Padding.SAME), ("StrideW", layer.stride), ("StrideH", layer.stride),
                             ("FusedActivationFunction", layer.activation), ("DilationWFactor", 1),
                             ("DilationHFactor", 1)):
            getattr(tflite, f"{prefix}Add{field}")(build, value)
        if layer.depthwise:
            tflite.DepthwiseConv2DOptionsAddDepthMultiplier(build, 1)
        options = getattr(tflite, f"{prefix}End")(build)
        output = self.tensor(name, (1, 1, 1, len(layer.bias)))
        self.operator("DEPTHWISE_CONV_2D" if layer.depthwise else "CONV_2D", [source, weight, bias], [output], options,
                      getattr(tflite.BuiltinOptions, prefix))
        return output

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The bytes of the file."""
        build = self.builder
        tensors = self._offsets(self.tensors)
        operators = self._offsets(self.operators)
        given = build.CreateNumpyVector(np.array(inputs, np.int32))
        made = build.CreateNumpyVector(np.array(outputs, np.int32))
        tflite.SubGraphStart(build)
        tflite.SubGraphAddTensors(build, tensors)
        tflite.SubGraphAddInputs(build, given)
        tflite.SubGraphAddOutputs(build, made)
        tflite.SubGraphAddOperators(build, operators)
        graphs = self._offsets([tflite.SubGraphEnd(build)])
        codes = self._offsets([self._code(*code) for code in self.codes])
        buffers = self._offsets(self.buffers)
        tflite.ModelStart(build)
        tflite.ModelAddVersion(build, 3)
        tflite.ModelAddOperatorCodes(build, codes)
        tflite.ModelAddSubgraphs(build, graphs)
        tflite.ModelAddBuffers(build, buffers)
        build.Finish(tflite.ModelEnd(build), file_identifier=b"TFL3")
        return bytes(build.Output())

    def _code(self, number: int, custom: str) -> int:
        text = self.builder.CreateString(custom) if custom else None
        tflite.OperatorCodeStart(self.builder)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(self.builder, min(number, 127))
        tflite.OperatorCodeAddBuiltinCode(self.builder, number)
        if text is not None:
            tflite.OperatorCodeAddCustomCode(self.builder, text)
        return tflite.OperatorCodeEnd(self.builder)

    def _buffer(self, data: bytes) -> int:
        vector = self.builder.CreateByteVector(data) if data else None
        tflite.BufferStart(self.builder)
        if vector is not None:
            tflite.BufferAddData(self.builder, vector)
        return tflite.BufferEnd(self.builder)

    def _offsets(self, items: Sequence[int]) -> int:
        self.builder.StartVector(4, len(items), 4)
        for item in reversed(items):
            self.builder.PrependUOffsetTRelative(item)
        return self.builder.EndVector()


def write_tflite_detector(path: Path, trunk: Sequence[Layer], locations: Sequence[Sequence[Layer]],
                          classes: Sequence[Sequence[Layer]], size: tuple[int, int] = (300, 300),
                          kind: str = "float32", postprocess: bool = False) -> None:
    """Writes an SSD whose trunk is a chain and whose heads all begin at its end, which is enough for a reader.

    Args:
        kind: one of `KINDS`.
        postprocess: the file ends with TensorFlow's post-processing instead of raw outputs.
    """
    writer = TFLiteWriter(kind)
    image = last = writer.tensor("image", (1, *size, 3))
    for number, layer in enumerate(trunk):
        last = writer.convolution(last, f"trunk_{number}", layer)
    joined = []
    for name, heads, values in (("boxes", locations, 4), ("classes", classes, len(classes[0][-1].bias))):
        parts = []
        for level, head in enumerate(heads):
            output = last
            for number, layer in enumerate(head):
                output = writer.convolution(output, f"{name}_{level}_{number}", layer)
            shape = writer.tensor(f"{name}_{level}_shape", (3,), tflite.TensorType.INT32,
                                  np.array((1, -1, values), "<i4").tobytes())
            parts.append(writer.tensor(f"{name}_{level}_flat", (1, 1, values)))
            writer.operator("RESHAPE", [output, shape], [parts[-1]])
        joined.append(writer.tensor(name, (1, len(parts), values)))
        writer.operator("CONCATENATION", parts, [joined[-1]])
    if postprocess:
        scores = writer.tensor("scores", (1, 1, 1))
        writer.operator("LOGISTIC", [joined[1]], [scores])
        anchors = writer.tensor("anchors", (1, 4), data=np.ones((1, 4), "<f4").tobytes())
        outputs = [writer.tensor(f"detections_{number}", (1, 10)) for number in range(4)]
        writer.operator("TFLite_Detection_PostProcess", [joined[0], scores, anchors], outputs)
        joined = outputs
    path.write_bytes(writer.finish([image], joined))
