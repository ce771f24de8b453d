"""What CANN's converter `atc` is told of an ONNX file."""
from pathlib import Path

from src.inference.onnx_runtime import OnnxModel, check_weights
from src.utils.errors import UserError


def om_input_shape(path: Path | str) -> str:
    """The static shape of the input as `atc` takes it, such as `image:1,3,300,300`; a free batch size becomes 1.

    Raises:
        UserError: it is no file of export.py, one that prepares images or does NMS itself, or one whose weights are
            broken.
    """
    model = OnnxModel(path)
    if model.takes_pixels or model.nms:
        raise UserError(f"{path} normalises images or does NMS itself, with operators and shapes that an OM file does "
                        "not have: export it without --with_preprocess and --with_nms; AIPP normalises")
    check_weights(path)
    return f"image:{','.join(str(size or 1) for size in model.input_shape)}"
