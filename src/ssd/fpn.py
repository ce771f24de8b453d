"""Feature pyramid (https://arxiv.org/abs/1612.03144) with further levels below it (https://arxiv.org/abs/1708.02002)."""
from collections.abc import Callable, Sequence

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops


def interpolation_matrix(size: int) -> np.ndarray:
    """`(2 * size, size)` float32: doubles a signal of `size` values by linear interpolation.

    Output `i` lies at input `i / 2` (neither aligned corners nor half-pixel centres); the last value is repeated.
    """
    position = np.arange(2 * size) / 2
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, size - 1)
    matrix = np.zeros((2 * size, size), np.float32)
    matrix[np.arange(2 * size), low] += 1 - (position - low)
    matrix[np.arange(2 * size), high] += position - low
    return matrix


class BilinearDouble(nn.Cell):
    """`(B, C, H, W)` -> `(B, C, 2 H, 2 W)`, bilinear.

    Written as two products with constant matrices, since these can be exported to every format.

    Args:
        height, width: size of the input.
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.rows = Tensor(interpolation_matrix(height))  # (2 H, H)
        self.columns = Tensor(interpolation_matrix(width).T)  # (W, 2 W)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return ops.matmul(ops.matmul(self.rows.astype(x.dtype), x), self.columns.astype(x.dtype))


def conv_bn_relu(in_channels: int, out_channels: int, stride: int = 1) -> nn.SequentialCell:
    """3x3 convolution, BatchNorm, ReLU6: `(B, in, H, W)` -> `(B, out, ceil(H / s), ceil(W / s))`, s the stride."""
    return nn.SequentialCell(
        [
            nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, pad_mode="same", has_bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU6(),
        ]
    )


class FPNTopDown(nn.Cell):
    """Features of one backbone, fine to coarse, brought to the same channels and enriched from the coarser level.

    Args:
        in_channels: channels of each feature, fine to coarse.
        out_channels: channels of the pyramid.
        sizes: height and width of each feature; each half of the one before.
        make_conv: input and output channels -> the layers of a level.
    """

    def __init__(self, in_channels: Sequence[int], out_channels: int, sizes: Sequence[tuple[int, int]],
                 make_conv: Callable[..., nn.Cell] = conv_bn_relu) -> None:
        super().__init__()
        self.lateral_convs_list = nn.CellList(
            [nn.Conv2d(channels, out_channels, kernel_size=1, has_bias=True) for channels in in_channels]
        )
        self.fpn_convs_list = nn.CellList([make_conv(out_channels, out_channels) for _ in in_channels])
        self.upsample = nn.CellList([BilinearDouble(*size) for size in sizes[1:]])
        self.levels = len(in_channels)

    def construct(self, features: tuple[ms.Tensor, ...]) -> tuple[ms.Tensor, ...]:
        laterals: tuple[ms.Tensor, ...] = ()  # fine to coarse, each (B, out_channels, H, W)
        for level in range(self.levels):
            laterals += (self.lateral_convs_list[level](features[level]),)
        merged: tuple[ms.Tensor, ...] = (laterals[self.levels - 1],)  # coarse to fine
        for index in range(1, self.levels):
            level = self.levels - 1 - index
            merged += (laterals[level] + self.upsample[level](merged[index - 1]),)
        pyramid: tuple[ms.Tensor, ...] = ()  # fine to coarse
        for level in range(self.levels):
            pyramid += (self.fpn_convs_list[level](merged[self.levels - 1 - level]),)
        return pyramid


class BottomUp(nn.Cell):
    """Further levels, each a convolution of stride 2 over the one before. Takes and returns the whole pyramid."""

    def __init__(self, levels: int, channels: int, make_conv: Callable[..., nn.Cell] = conv_bn_relu) -> None:
        super().__init__()
        self.blocks = nn.CellList([make_conv(channels, channels, stride=2) for _ in range(levels)])

    def construct(self, pyramid: tuple[ms.Tensor, ...]) -> tuple[ms.Tensor, ...]:
        for block in self.blocks:
            pyramid += (block(pyramid[-1]),)
        return pyramid
