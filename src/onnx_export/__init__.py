"""ONNX graphs for deployment: clean-up, free batch size, pre-processing and suppression inside, lower precision."""
from src.onnx_export.batch import set_batch
from src.onnx_export.clean_up import clean_up
from src.onnx_export.precision import to_float16, to_int8
from src.onnx_export.preprocessing import add_preprocessing
from src.onnx_export.suppression import ANCHOR_OUTPUTS, DETECTION_OUTPUTS, add_suppression

__all__ = [
    "ANCHOR_OUTPUTS",
    "DETECTION_OUTPUTS",
    "add_preprocessing",
    "add_suppression",
    "clean_up",
    "set_batch",
    "to_float16",
    "to_int8",
]
