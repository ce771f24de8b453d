"""Kernels of our own for training on a CPU, where those of MindSpore are slow."""
import logging
from pathlib import Path
from typing import Any

from mindspore import nn

from src.cpu_kernels.cells import (
    ACTIVATIONS,
    KERNEL_CELLS,
    KernelBatchNorm2d,
    KernelConv2d,
    KernelFocalLoss,
    KernelMaxPool2d,
)
from src.cpu_kernels.library import BuildError, build_library, set_threads
from src.layers.focal_loss import SigmoidFocalLoss
from src.runtime.environment import threads_text

__all__ = ["use_cpu_kernels"]
logger = logging.getLogger(__name__)


def use_cpu_kernels(net: nn.Cell, threads: int = 0) -> int:
    """Makes the cells of `net` that have a faster kernel use it, in place: parameters and their names stay.

    Where the kernels cannot be compiled, `net` stays as it is; the log says so.

    Args:
        net: a network in float32, to run on a CPU and not to be exported.
        threads: of the kernels; 0: all cores.

    Returns:
        The number of cells that use a kernel.
    """
    try:
        library = build_library()
        threads = set_threads(library, threads)
    except BuildError as error:
        logger.info("CPU kernels: none, those of MindSpore are used (%s)", error)
        return 0
    cells = [cell for _, cell in net.cells_and_names()]
    for cell in cells:
        if isinstance(cell, nn.SequentialCell):
            _fuse_activations(cell, library)
    for cell in cells:
        if type(cell) is nn.BatchNorm2d:
            _adopt(cell, KernelBatchNorm2d, library)
        elif type(cell) is nn.Conv2d and _has_kernel(cell):
            _adopt(cell, KernelConv2d, library)
        elif type(cell) is nn.MaxPool2d and _is_plain_pool(cell):
            _adopt(cell, KernelMaxPool2d, library)
        elif type(cell) is SigmoidFocalLoss:
            _adopt(cell, KernelFocalLoss, library)
    adopted = sum(isinstance(cell, KERNEL_CELLS) for cell in cells)
    logger.info("CPU kernels: %d cells, %s", adopted, threads_text(threads))
    return adopted


def _adopt(cell: nn.Cell, kind: type[nn.Cell], *arguments: Any) -> None:
    """Turns a cell into one of a subclass. Not a new cell, since parameters and parents would have to move to it."""
    cell.__class__ = kind
    cell.use_kernel(*arguments)


def _fuse_activations(sequence: nn.SequentialCell, library: Path) -> None:
    """In a sequence, BatchNorm takes over the activation that follows it."""
    cells = list(sequence)
    for index in range(len(cells) - 1):
        if type(cells[index]) is nn.BatchNorm2d and type(cells[index + 1]) in ACTIVATIONS:
            _adopt(cells[index], KernelBatchNorm2d, library, cells[index + 1])
            sequence[index + 1] = nn.Identity()


def _has_kernel(conv: nn.Conv2d) -> bool:
    """Whether the kernels know this convolution."""
    plain = len(set(conv.stride)) == 1 and len(set(conv.dilation)) == 1 and isinstance(conv.padding, int)
    if conv.group == 1:
        return plain
    size = conv.kernel_size[0]
    depthwise = conv.group == conv.in_channels == conv.out_channels and not conv.has_bias
    centred = conv.pad_mode == "same" or (conv.pad_mode == "pad" and conv.padding == size // 2)
    return (plain and depthwise and centred and conv.kernel_size == (size, size) and size in (3, 5)
            and conv.stride[0] in (1, 2) and conv.dilation[0] == 1)


def _is_plain_pool(pool: nn.MaxPool2d) -> bool:
    return pool.pad_mode != "PAD" and isinstance(pool.kernel_size, int) and isinstance(pool.stride, int)
