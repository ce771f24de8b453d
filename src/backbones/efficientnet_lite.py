"""EfficientNet-Lite as a backbone.

EfficientNet (https://arxiv.org/abs/1905.11946) without squeeze-and-excitation, with ReLU6, and with the same stem, last
convolution, and depth of the first and the last stage in every size.
"""
import math

import mindspore as ms
from mindspore import nn

from src.layers.blocks import ConvBNReLU, batch_norm

STEM_CHANNELS = 32
LAST_CHANNELS = 1280
# share of the old running statistics that BatchNorm keeps
BN_MOMENTUM = 0.99
# of lite0: kernel, stride of the first block, expansion, channels, number of blocks
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
# channels and number of blocks in units of lite0
SIZES = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}
# Channels are multiples of this number.
CHANNEL_STEP = 8


def _channels(channels: int, width: float) -> int:
    """The nearest multiple of `CHANNEL_STEP`; the next one where that is more than a tenth less."""
    wanted = channels * width
    rounded = int(wanted + CHANNEL_STEP / 2) // CHANNEL_STEP * CHANNEL_STEP
    return rounded if rounded >= 0.9 * wanted else rounded + CHANNEL_STEP


def block_table(size: str) -> list[tuple[int, int, int, int]]:
    """Kernel, stride, expansion and output channels of each block of a size, a key of `SIZES`."""
    width, depth = SIZES[size]
    blocks = []
    for stage, (kernel, stride, expansion, channels, repeats) in enumerate(STAGES):
        if stage not in (0, len(STAGES) - 1):
            repeats = math.ceil(repeats * depth)
        for index in range(repeats):
            blocks.append((kernel, stride if index == 0 else 1, expansion, _channels(channels, width)))
    return blocks


def _conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1,
          depthwise: bool = False) -> ConvBNReLU:
    return ConvBNReLU(in_channels, out_channels, kernel_size, stride, depthwise, momentum=BN_MOMENTUM)


class Block(nn.Cell):
    """Expansion, depthwise convolution, linear projection.

    `(B, in, H, W)` -> expanded input `(B, in * expansion, H, W)`, output `(B, out, ceil(H / s), ceil(W / s))`, s the
    stride.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        self.expand = _conv(in_channels, hidden, kernel_size=1) if expansion != 1 else None
        self.depthwise = _conv(hidden, hidden, kernel_size, stride=stride, depthwise=True)
        projection = nn.Conv2d(hidden, out_channels, kernel_size=1, has_bias=False)
        self.project = nn.SequentialCell([projection, batch_norm(out_channels, momentum=BN_MOMENTUM)])
        self.residual = stride == 1 and in_channels == out_channels

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        expanded = x if self.expand is None else self.expand(x)
        out = self.project(self.depthwise(expanded))
        return expanded, x + out if self.residual else out


class EfficientNetLite(nn.Cell):
    """`(B, 3, H, W)` -> features with `out_channels`, of H / stride x W / stride, rounded up.

    Args:
        size: a key of `SIZES`.
        pyramid: the features are the last blocks of the strides 8, 16 and 32. Otherwise they are those that SSD taps:
            the expansion of the first block of stride 32, which lies on stride 16, and the last convolution, on stride
            32.
    """

    def __init__(self, size: str = "lite0", pyramid: bool = False) -> None:
        super().__init__()
        self.stem = _conv(3, STEM_CHANNELS, kernel_size=3, stride=2)
        blocks, channels = [], STEM_CHANNELS
        table = block_table(size)
        for kernel_size, stride, expansion, out_channels in table:
            blocks.append(Block(channels, out_channels, kernel_size, stride, expansion))
            channels = out_channels
        self.blocks = nn.CellList(blocks)
        # where the stride doubles: the first blocks of the strides 4, 8, 16 and 32
        doubling = [number for number, (_, stride, _, _) in enumerate(table) if stride == 2]
        self.pyramid = pyramid
        self.taps: tuple[int, ...]  # indexes of the blocks that give the features
        if pyramid:
            self.taps = (doubling[2] - 1, doubling[3] - 1, len(table) - 1)
            self.out_channels = tuple(table[tap][3] for tap in self.taps)
        else:
            self.taps = (doubling[3],)
            *_, expansion, _ = table[doubling[3]]
            self.out_channels = (table[doubling[3] - 1][3] * expansion, LAST_CHANNELS)
            self.head = _conv(channels, LAST_CHANNELS, kernel_size=1)

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ...]:
        x = self.stem(x)  # (B, 32, H / 2, W / 2)
        features: tuple[ms.Tensor, ...] = ()
        for number, block in enumerate(self.blocks):
            expanded, x = block(x)
            if number in self.taps:
                features += (x if self.pyramid else expanded,)
        if not self.pyramid:
            features += (self.head(x),)
        return features
