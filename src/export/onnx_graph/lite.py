"""ONNX graphs as the converter of MindSpore Lite needs them."""
from collections import Counter

from onnx import ModelProto


def separate_weights(model: ModelProto) -> ModelProto:
    """Gives each convolution weights of its own, where several share them, as in the heads of the feature pyramids.

    MindSpore Lite 2.0 writes the BatchNorm that follows a convolution into its weights, also into those that another
    convolution uses, and then gives wrong numbers.
    """
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    uses: Counter[str] = Counter()
    for node in model.graph.node:
        if node.op_type != "Conv":
            continue
        for position, name in enumerate(node.input):
            if name not in weights:
                continue
            uses[name] += 1
            if uses[name] > 1:
                copy = model.graph.initializer.add()
                copy.CopyFrom(weights[name])
                copy.name = node.input[position] = f"{name}_copy_{uses[name]}"
    return model
