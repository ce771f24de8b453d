"""Normalisation inside an ONNX graph."""
from collections.abc import Sequence

from onnx import ModelProto

from src.export.onnx_graph.graph import join, parse_like, rename_tensor, with_opset

NORMALISED = "normalised_image"


def _channels(values: Sequence[float]) -> str:
    """Text of a constant `(3, 1, 1)` float32."""
    return "float[3, 1, 1] {" + ", ".join(repr(float(value)) for value in values) + "}"


def add_preprocessing(model: ModelProto, mean: Sequence[float], std: Sequence[float]) -> ModelProto:
    """The model with the input `image` `(B, H, W, 3)` uint8 RGB instead of `(B, 3, H, W)` float32 normalised.

    Args:
        mean, std: of the channels red, green, blue on the scale 0 .. 255.
    """
    model = with_opset(model)
    rename_tensor(model, "image", NORMALISED)
    _, _, height, width = (size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim)
    first = parse_like(model, f"""
        preprocessing (uint8[batch, {height}, {width}, 3] image) => (float[batch, 3, {height}, {width}] {NORMALISED})
        {{
            mean = Constant <value = {_channels(mean)}> ()
            std = Constant <value = {_channels(std)}> ()
            planes = Transpose <perm = [0, 3, 1, 2]> (image)
            levels = Cast <to = 1> (planes)
            centred = Sub (levels, mean)
            {NORMALISED} = Div (centred, std)
        }}
    """)
    return join(first, model, [NORMALISED])
