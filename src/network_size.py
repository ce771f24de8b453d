"""How large a network is: parameters, arithmetic, and the memory that training takes."""
from pathlib import Path
from typing import NamedTuple

import mindspore as ms
import numpy as np
import psutil
from mindspore import nn

from src.model_utils.errors import UserError

# Measured with training steps on a CPU: what a process holds beside the network, and how often loss and gradients
# hold arrays as large as the predictions; what the layers give out is held once.
PROCESS_BYTES = 1.0e9
COPIES_OF_PREDICTIONS = 20
# Weight, gradient, momentum, and their copies while the step is compiled.
COPIES_OF_PARAMETERS = 6
# The part of the machine's memory that training may fill.
MEMORY_SHARE = 0.6
LARGEST_BATCH = 16
# Fewer steps in an epoch are few for the schedule of the learning rate.
FEWEST_STEPS = 8
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


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


def total_memory():
    """Bytes of memory of the machine, or of the container with a limit."""
    total = psutil.virtual_memory().total
    for path in map(Path, CGROUP_LIMITS):
        if path.is_file() and (text := path.read_text().strip()).isdigit():
            total = min(total, int(text))
    return total


def fitting_batch_size(size, num_images, memory, ranks=1):
    """The largest power of two, up to 16, with which training fits into memory and has enough steps an epoch.

    Args:
        size: the `NetworkSize`.
        num_images: of the training data.
        memory: bytes of the machine, which all ranks share.
        ranks: processes that train together.

    Raises:
        UserError: there is too little memory for a single image.
    """
    room = MEMORY_SHARE * memory / ranks
    if size.training_bytes(1) > room:
        raise UserError(f"batch_size: a training step with one image takes about {size.training_bytes(1) / 1e9:.1f} "
                        f"GB, in each of {ranks} process(es); the machine has {memory / 1e9:.1f} GB, of which "
                        f"{100 * MEMORY_SHARE:.0f} percent are meant for training. Choose a smaller model or "
                        "img_shape, or set batch_size to a number.")
    batch_size = 1
    while (2 * batch_size <= min(LARGEST_BATCH, num_images // ranks // FEWEST_STEPS)
           and size.training_bytes(2 * batch_size) <= room):
        batch_size *= 2
    return batch_size
