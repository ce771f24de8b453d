"""MindIR files, run by MindSpore."""
from pathlib import Path

import mindspore as ms
from mindspore import nn
from mindspore.train import mind_ir_pb2

from src.inference.metadata import ModelMetadata
from src.inference.predictor import _check_file, _check_images, _first_line, network_predictor
from src.utils.errors import UserError


class MindirModel:
    """A MindIR file, on the device that MindSpore is set to."""

    takes_levels = False
    needs_image_shapes = False

    def __init__(self, path):
        _check_file(path)
        self.path = path
        proto = mind_ir_pb2.ModelProto()
        try:
            proto.ParseFromString(Path(path).read_bytes())
            self.predict = network_predictor(nn.GraphCell(ms.load(str(path))))
        except Exception as error:  # of protobuf, or MindSpore's
            raise UserError(f"{path} is no MindIR file, or it is damaged: {_first_line(error)}") from error
        self.metadata = ModelMetadata.from_texts(proto.user_info)
        self.input_shape = list(proto.graph.input[0].tensor[0].dims)
        self.num_classes = None

    def __call__(self, images):
        _check_images(self, images)
        return self.predict(images)
