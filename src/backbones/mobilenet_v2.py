"""MobileNetV2 (https://arxiv.org/abs/1801.04381) as a backbone of SSD."""
import mindspore as ms
from mindspore import nn

from src.layers.blocks import ConvBNReLU, InvertedResidual

STEM_CHANNELS = 32
# expansion, channels, number of blocks, stride of the first: up to stride 16, and from there to stride 32
STAGES_1 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1))
STAGES_2 = ((6, 160, 3, 2), (6, 320, 1, 1))
LAST_CHANNELS = 1280
TAP_EXPANSION = 6
# the last block of stride 8: its index in `features_1`, where the stem is 0
STRIDE_8_TAP, STRIDE_8_CHANNELS = 6, 32


def _blocks(stages: tuple[tuple[int, int, int, int], ...], channels: int) -> tuple[list[InvertedResidual], int]:
    """The blocks of these stages after an input of `channels`, and the channels of the last."""
    blocks: list[InvertedResidual] = []
    for expand_ratio, out_channels, repeats, stride in stages:
        for index in range(repeats):
            blocks.append(InvertedResidual(channels, out_channels, stride if index == 0 else 1, expand_ratio))
            channels = out_channels
    return blocks, channels


class MobileNetV2(nn.Cell):
    """`(B, 3, H, W)` -> features with `out_channels`, of H / stride x W / stride, rounded up.

    Args:
        pyramid: the features are the last blocks of the strides 8, 16 and 32: 32, 96 and 320 channels. Otherwise they
            are 576 channels of stride 16, an expansion of the last block, as the SSD of MobileNetV2 taps it, and 1280
            of stride 32.
    """

    def __init__(self, pyramid: bool = False) -> None:
        super().__init__()
        self.pyramid = pyramid
        tap_channels = STAGES_1[-1][1]
        if not pyramid:
            self.expand_layer_conv_13 = ConvBNReLU(tap_channels, tap_channels * TAP_EXPANSION, kernel_size=1)
        blocks, channels = _blocks(STAGES_1, STEM_CHANNELS)
        self.features_1 = nn.SequentialCell([ConvBNReLU(3, STEM_CHANNELS, stride=2), *blocks])
        blocks, channels = _blocks(STAGES_2, channels)
        last = [] if pyramid else [ConvBNReLU(channels, LAST_CHANNELS, kernel_size=1)]
        self.features_2 = nn.SequentialCell([*blocks, *last])
        self.out_channels: tuple[int, ...] = (tap_channels * TAP_EXPANSION, LAST_CHANNELS)
        if pyramid:
            self.out_channels = (STRIDE_8_CHANNELS, tap_channels, channels)

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ...]:
        stride_8 = x
        for number, layer in enumerate(self.features_1):
            x = layer(x)
            if number == STRIDE_8_TAP:
                stride_8 = x
        stride_32 = self.features_2(x)  # x is the last block of stride 16
        if self.pyramid:
            return stride_8, x, stride_32
        return self.expand_layer_conv_13(x), stride_32
