"""What the changes to an ONNX graph share."""
from collections.abc import Sequence

import numpy as np
from onnx import (
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    compose,
    numpy_helper,
    parser,
    shape_inference,
    utils,
    version_converter,
)

# From 13 on weights can be quantised channel by channel.
OPSET = 13
HEAD_OUTPUTS = ["locations", "logits"]  # (B, A, 4), (B, A, C)


def producers(graph: GraphProto) -> dict[str, NodeProto]:
    """The node that makes a tensor, by the tensor's name."""
    return {output: node for node in graph.node for output in node.output}


def constants(graph: GraphProto) -> dict[str, TensorProto]:
    """The constant tensors, by name: initializers and the outputs of Constant nodes."""
    values = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            values[node.output[0]] = node.attribute[0].t
    return values


def set_value(tensor: TensorProto, array: np.ndarray) -> None:
    """Gives a constant tensor another value."""
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def split_decoder(model: ModelProto) -> tuple[ModelProto, ModelProto]:
    """The model in two parts: image -> `locations`, `logits` of all anchors, and these -> outputs of the model.

    A head ends in one `Reshape` for each level and a `Concat` of them.
    """
    made_by = producers(model.graph)
    joins = [node for node in model.graph.node
             if node.op_type == "Concat" and getattr(made_by.get(node.input[0]), "op_type", None) == "Reshape"]
    (_, scores) = model.graph.output
    joins.sort(key=lambda node: node.output[0] == made_by[scores.name].input[0])  # the sigmoid's input comes last
    for node, name in zip(joins, HEAD_OUTPUTS):
        rename_tensor(model, node.output[0], name)
    extractor = utils.Extractor(shape_inference.infer_shapes(model))
    inputs, outputs = ([value.name for value in values] for values in (model.graph.input, model.graph.output))
    return extractor.extract_model(inputs, HEAD_OUTPUTS), extractor.extract_model(HEAD_OUTPUTS, outputs)


def rename_tensor(model: ModelProto, old: str, new: str) -> None:
    """Renames a tensor wherever it occurs; inputs and outputs of the model as well."""
    graph = model.graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.name == old:
            value.name = new
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]


def with_opset(model: ModelProto) -> ModelProto:
    """The model in the operator set `OPSET`."""
    return version_converter.convert_version(model, OPSET)


def parse_like(model: ModelProto, text: str) -> ModelProto:
    """A graph in ONNX's text syntax as a model that can be joined to `model`."""
    return parser.parse_model(f'<ir_version: {model.ir_version}, opset_import: ["" : {OPSET}]>\n{text}')


def join(first: ModelProto, second: ModelProto, names: Sequence[str]) -> ModelProto:
    """One model of two; outputs of the first become inputs of the second by their names."""
    for part in (first, second):
        del part.graph.value_info[:]  # the parts of one model would describe the same tensor twice
    # They may share constants, too: those of the second get other names.
    second = compose.add_prefix(second, "second_", rename_nodes=False, rename_edges=False, rename_inputs=False,
                                rename_outputs=False, rename_value_infos=False)
    model = compose.merge_models(first, second, io_map=[(name, name) for name in names])
    del model.opset_import[1:]  # one operator set, the same for both, is listed twice
    return model
