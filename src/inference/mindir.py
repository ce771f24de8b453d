"""MindIR files, run by MindSpore."""
from collections.abc import Sequence
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn

from src.evaluation.predictions import AnchorPredictions
from src.inference.metadata import ModelMetadata
from src.inference.network import NetworkPredictor
from src.inference.predictor import check_file, first_line
from src.utils.errors import UserError
from src.utils.protobuf import create_message_class
from src.utils.safe_io import read_file
from src.weights.checkpoint_file import check_finite

# What is read of MindSpore's mind_ir.proto.
MESSAGES = {
    "Model": {"graph": (7, "Graph"), "user_info": (14, "repeated UserInfo")},
    "UserInfo": {"key": (1, "string"), "value": (2, "string")},
    "Graph": {"input": (5, "repeated Input")},
    "Input": {"tensor": (2, "repeated Tensor")},
    "Tensor": {"dims": (1, "repeated int64")},
}


class MindirModel(NetworkPredictor):
    """A MindIR file, on the device that MindSpore is set to."""

    def __init__(self, path: Path | str) -> None:
        check_file(path)
        self.path = Path(path)
        proto = create_message_class("Model", MESSAGES)()
        try:
            proto.ParseFromString(read_file(self.path))
            net = nn.GraphCell(ms.load(str(path)))
        except Exception as error:  # of protobuf, or MindSpore's
            raise UserError(f"{path} is no MindIR file, or it is damaged: {first_line(error)}") from error
        check_finite({parameter.name: parameter for parameter in net.get_parameters()}, path)
        super().__init__(net)
        self.metadata = ModelMetadata.from_texts({entry.key: entry.value for entry in proto.user_info})
        self.thresholds = self.metadata.thresholds if self.metadata else None
        self.input_shape = tuple(proto.graph.input[0].tensor[0].dims)

    def __call__(self, images: np.ndarray, image_shapes: np.ndarray | None = None) -> Sequence[AnchorPredictions]:
        self.check_images(images)
        return super().__call__(images)
