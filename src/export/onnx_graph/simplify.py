"""Clean-up of an ONNX graph."""
from collections import Counter

import onnxslim
from onnx import ModelProto

FOLDING = "FusionConvBN"  # onnxslim's name of it


def clean_up(model: ModelProto, fold_shared: bool = False) -> ModelProto:
    """Folds constants and BatchNorm, and removes what does nothing or is there twice (onnxslim).

    BatchNorm layers stay where convolutions share their weights, as in the heads of the feature pyramids: to fold them
    would write the weights once for each. ONNX Runtime folds them when it loads the file.

    Args:
        fold_shared: fold these too.
    """
    weights: Counter[str] = Counter(node.input[1] for node in model.graph.node if node.op_type == "Conv")
    shared = any(count > 1 for count in weights.values())
    return onnxslim.slim(model, skip_fusion_patterns=[FOLDING] if shared and not fold_shared else None)
