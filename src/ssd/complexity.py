"""How large a network is: parameters, arithmetic, and the memory that training takes."""
from typing import NamedTuple

import mindspore as ms
import numpy as np
from mindspore import nn

# Measured with training steps on a CPU: what a process holds beside the network, and how often loss and gradients
# hold arrays as large as the predictions; what the layers give out is held once.
PROCESS_BYTES = 1.0e9
COPIES_OF_PREDICTIONS = 20
# Weight, gradient, momentum, and their copies while the step is compiled.
COPIES_OF_PARAMETERS = 6


class NetworkSize(NamedTuple):
    """Size of a detector.

    Attributes:
        parameters: numbers that training changes.
        flops: additions and multiplications of its convolutions and matrix products, for one image.
        output_bytes: what its layers give out for one image.
        prediction_bytes: what the network gives out for one image.
    """

    parameters: int
    flops: int
    output_bytes: int
    prediction_bytes: int

    def training_bytes(self, batch_size):
        """Estimate of the memory that training takes with so many images a step."""
        fixed = PROCESS_BYTES + 4 * COPIES_OF_PARAMETERS * self.parameters
        return fixed + (self.output_bytes + COPIES_OF_PREDICTIONS * self.prediction_bytes) * batch_size


def measure_network(detector, image_size):
    """The `NetworkSize` of a detector, by running it once on one image; neither weights nor statistics change."""
    totals = {"flops": 0, "bytes": 0}

    def count(cell, _, output):
        totals["bytes"] += _float_bytes(output)
        if isinstance(cell, (nn.Conv2d, nn.Dense)):
            totals["flops"] += 2 * output.size * int(np.prod(cell.weight.shape[1:]))

    mode, training = ms.get_context("mode"), detector.training
    leaves = [cell for _, cell in detector.cells_and_names() if not list(cell.cells())]
    handles = [cell.register_forward_hook(count) for cell in leaves]
    ms.set_context(mode=ms.PYNATIVE_MODE)
    detector.set_train(False)
    try:
        predictions = detector(ms.Tensor(np.zeros((1, 3, *image_size), np.float32)))
    finally:
        detector.set_train(training)
        ms.set_context(mode=mode)
        for handle in handles:
            handle.remove()
    parameters = sum(parameter.size for parameter in detector.trainable_params())
    return NetworkSize(parameters, totals["flops"], totals["bytes"], _float_bytes(predictions))


def _float_bytes(outputs):
    return sum(4 * value.size for value in (outputs if isinstance(outputs, (tuple, list)) else (outputs,)))
