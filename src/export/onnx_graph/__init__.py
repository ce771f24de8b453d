"""ONNX graphs for deployment: clean-up, free batch size, pre-processing and NMS inside, lower precision."""
from src.export.onnx_graph.batch_size import set_batch
from src.export.onnx_graph.nms import ANCHOR_OUTPUTS, add_nms
from src.export.onnx_graph.precision import to_float16, to_int8
from src.export.onnx_graph.preprocessing import add_preprocessing
from src.export.onnx_graph.simplify import clean_up

__all__ = [
    "ANCHOR_OUTPUTS",
    "add_nms",
    "add_preprocessing",
    "clean_up",
    "set_batch",
    "to_float16",
    "to_int8",
]
