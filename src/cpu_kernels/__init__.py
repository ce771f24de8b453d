"""Kernels of our own for training on a CPU, where those of MindSpore are slow."""
import logging

import mindspore as ms
from mindspore import nn

from src.cpu_kernels.cells import (
    ACTIVATIONS,
    KERNEL_CELLS,
    LAYERS,
    KernelBatchNorm2d,
    KernelConv2d,
    KernelFocalLoss,
    KernelMaxPool2d,
    KernelReLU,
    Numbers,
)
from src.cpu_kernels.chains import layers_with_one_user
from src.cpu_kernels.library import BuildError, build_library, set_threads
from src.cpu_kernels.precision import FP32, choose_precision, describe_arithmetic
from src.layers.blocks import BatchNormReLU
from src.layers.focal_loss import SigmoidFocalLoss
from src.runtime.environment import threads_text

__all__ = ["describe_arithmetic", "use_cpu_kernels"]
logger = logging.getLogger(__name__)


def use_cpu_kernels(net: nn.Cell, threads: int = 0, precision: str = FP32) -> int:
    """Makes the cells of `net` that have a faster kernel use it, in place: parameters and their names stay.

    Where the kernels cannot be compiled, `net` stays as it is; the log says so.

    Args:
        net: a network in float32, to run on a CPU and not to be exported.
        threads: of the kernels; 0: all cores.
        precision: `fp32`, `bf16` or `auto`, see `choose_precision`. Holds for all networks of the process.

    Returns:
        The number of cells that use a kernel.
    """
    try:
        library = build_library()
        threads = set_threads(library, threads)
    except BuildError as error:
        logger.info("CPU kernels: none, those of MindSpore are used (%s)", error)
        return 0
    chosen = choose_precision(library, precision)
    for _, cell in list(net.cells_and_names()):
        if isinstance(cell, nn.SequentialCell):
            _fuse_activations(cell)
    cells = [cell for _, cell in net.cells_and_names()]
    for cell in cells:
        if type(cell) is nn.BatchNorm2d:
            cell.__class__ = KernelBatchNorm2d
        elif type(cell) is BatchNormReLU:
            cell.__class__ = KernelBatchNorm2d
            cell.activation = ACTIVATIONS[nn.ReLU]
        elif type(cell) is nn.Conv2d and _has_kernel(cell):
            cell.__class__ = KernelConv2d
        elif type(cell) is nn.MaxPool2d and _is_plain_pool(cell):
            cell.__class__ = KernelMaxPool2d
        elif type(cell) is nn.ReLU:
            cell.__class__ = KernelReLU
        elif type(cell) is SigmoidFocalLoss:
            cell.__class__ = KernelFocalLoss
    adopted = [cell for cell in cells if isinstance(cell, KERNEL_CELLS)]
    narrow = layers_with_one_user(net, LAYERS) if chosen.is_bfloat16 else set()
    for cell in adopted:
        cell.use_kernel(library, Numbers(chosen.is_bfloat16, ms.bfloat16 if id(cell) in narrow else ms.float32))
    logger.info("CPU kernels: %d cells, %s, %s", len(adopted), threads_text(threads), chosen.text)
    return len(adopted)


def _fuse_activations(sequence: nn.SequentialCell) -> None:
    """In a sequence, BatchNorm takes over the activation that follows it."""
    cells = list(sequence)
    for index in range(len(cells) - 1):
        if type(cells[index]) is nn.BatchNorm2d and type(cells[index + 1]) in ACTIVATIONS:
            # Not a new cell, since parameters and parents would have to move to it.
            cells[index].__class__ = KernelBatchNorm2d
            cells[index].activation = ACTIVATIONS[type(cells[index + 1])]
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
