"""Networks that MindSpore runs: one in memory, or the one of a checkpoint."""
from collections.abc import Sequence
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn

from src.config import Config
from src.evaluation.predictions import AnchorPredictions, split_batch
from src.evaluation.thresholds import Thresholds
from src.inference.predictor import Predictor
from src.ssd import build_inference_net
from src.weights import load_weights
from src.weights.run_settings import check_settings_of_run


class NetworkPredictor(Predictor):
    """A network such as `build_inference_net` gives, in evaluation mode."""

    def __init__(self, net: nn.Cell, thresholds: Thresholds | None = None) -> None:
        self.net, self.thresholds = net, thresholds

    def __call__(self, images: np.ndarray, image_shapes: np.ndarray | None = None) -> Sequence[AnchorPredictions]:
        return split_batch(*self.run(images))

    def run(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Normalised images (B, 3, H, W) -> boxes (B, A, 4), scores (B, A, C)."""
        boxes, scores = self.net(ms.Tensor(images))
        return boxes.asnumpy(), scores.asnumpy()


def load_network(config: Config, path: Path | str) -> nn.Cell:
    """`build_inference_net` with the weights of a checkpoint.

    Raises:
        UserError: the checkpoint does not fit, or its run had other settings, see `check_settings_of_run`.
    """
    check_settings_of_run(path, config)
    net = build_inference_net(config)
    load_weights(net, path)
    return net
