"""The batch size of an ONNX graph."""
from onnx import ModelProto, numpy_helper

from src.export.onnx_graph.graph import constants, set_value

ANY = "batch"


def set_batch(model: ModelProto, size: int | None) -> ModelProto:
    """Makes a graph of one batch size work for another; None for any.

    In a detector, the batch size stands in the inputs, the outputs, and the shapes of `Reshape`.
    """
    values = constants(model.graph)
    for node in model.graph.node:
        if node.op_type == "Reshape" and node.input[0] not in values:  # weights have no batch size
            tensor = values[node.input[1]]
            shape = numpy_helper.to_array(tensor).copy()
            shape[0] = size or 0  # 0 means as in the input
            set_value(tensor, shape)
    for value in (*model.graph.input, *model.graph.output):
        dimension = value.type.tensor_type.shape.dim[0]
        if size is None:
            dimension.dim_param = ANY
        else:
            dimension.dim_value = size
    del model.graph.value_info[:]  # they may name the old size; whoever needs them infers them
    return model
