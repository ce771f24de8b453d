"""The size of a network: parameters, arithmetic, and the memory that training needs."""
from collections.abc import Sequence
from typing import NamedTuple

import mindspore as ms
import numpy as np
from mindspore import nn

from src.layers.modes import evaluation_mode

# Measured with training steps on a CPU: memory of a process without the network, and the number of arrays as large as
# the predictions that loss and gradients hold. Activations are held once.
PROCESS_BYTES = 1.0e9
COPIES_OF_PREDICTIONS = 20
# Weight, gradient, momentum, and their copies while the step is compiled.
COPIES_OF_PARAMETERS = 6


class NetworkSize(NamedTuple):
    """Size of a detector.

    Attributes:
        parameters: number of trainable values.
        flops: additions and multiplications of its convolutions and matrix products, for one image.
        activation_bytes: outputs of all its layers for one image, in float32.
        prediction_bytes: outputs of the network for one image, in float32.
    """

    parameters: int
    flops: int
    activation_bytes: int
    prediction_bytes: int

    def training_bytes(self, batch_size: int) -> float:
        """Estimate of the memory that a training step with `batch_size` images needs."""
        fixed = PROCESS_BYTES + 4 * COPIES_OF_PARAMETERS * self.parameters
        return fixed + (self.activation_bytes + COPIES_OF_PREDICTIONS * self.prediction_bytes) * batch_size


def measure_network(detector: nn.Cell, image_size: Sequence[int]) -> NetworkSize:
    """The `NetworkSize` of a detector, by running it once on one image; neither weights nor statistics change.

    Args:
        detector: image `(1, 3, H, W)` -> a tensor, or a tuple of tensors.
        image_size: H, W.
    """
    totals = {"flops": 0, "bytes": 0}

    def count(cell: nn.Cell, _: tuple[ms.Tensor, ...], output: ms.Tensor | tuple[ms.Tensor, ...]) -> None:
        totals["bytes"] += _float_bytes(output)
        if isinstance(cell, (nn.Conv2d, nn.Dense)) and isinstance(output, ms.Tensor):
            # Each output value is the sum of as many products as its channel has weights.
            totals["flops"] += 2 * output.size * int(np.prod(cell.weight.shape[1:]))

    mode = ms.get_context("mode")
    leaves = [cell for _, cell in detector.cells_and_names() if not list(cell.cells())]
    handles = [cell.register_forward_hook(count) for cell in leaves]
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        with evaluation_mode(detector):
            predictions = detector(ms.Tensor(np.zeros((1, 3, *image_size), np.float32)))
    finally:
        ms.set_context(mode=mode)
        for handle in handles:
            handle.remove()
    parameters = sum(parameter.size for parameter in detector.trainable_params())
    return NetworkSize(parameters, totals["flops"], totals["bytes"], _float_bytes(predictions))


def _float_bytes(outputs: ms.Tensor | Sequence[ms.Tensor]) -> int:
    return sum(4 * value.size for value in (outputs if isinstance(outputs, (tuple, list)) else (outputs,)))
