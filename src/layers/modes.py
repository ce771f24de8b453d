"""The mode of a network, training or evaluation."""
import contextlib
from collections.abc import Iterator

from mindspore import nn


@contextlib.contextmanager
def evaluation_mode(net: nn.Cell) -> Iterator[nn.Cell]:
    """Context manager: `net` in evaluation mode; afterwards each of its cells is in the mode that it was in."""
    modes = [(cell, cell.training) for _, cell in net.cells_and_names()]  # a parent before those in it
    net.set_train(False)
    try:
        yield net
    finally:
        for cell, training in modes:
            cell.set_train(training)
