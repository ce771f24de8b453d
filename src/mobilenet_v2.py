"""MobileNetV2 (https://arxiv.org/abs/1801.04381) as a backbone of SSD."""
from mindspore import nn

from src.layers import ConvBNReLU, InvertedResidual

STEM_CHANNELS = 32
# expansion, channels, number of blocks, stride of the first: up to stride 16, and from there to stride 32
STAGES_1 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1))
STAGES_2 = ((6, 160, 3, 2), (6, 320, 1, 1))
LAST_CHANNELS = 1280
TAP_EXPANSION = 6


def _blocks(stages, channels):
    blocks = []
    for expand_ratio, out_channels, repeats, stride in stages:
        for index in range(repeats):
            blocks.append(InvertedResidual(channels, out_channels, stride if index == 0 else 1, expand_ratio))
            channels = out_channels
    return blocks, channels


class MobileNetV2(nn.Cell):
    """`(B, 3, H, W)` -> features `(B, 576, H / 16, W / 16)` and `(B, 1280, H / 32, W / 32)`, rounded up.

    The first is an expansion of the last block of stride 16, as the SSD of MobileNetV2 taps it.
    """

    out_channels = (STAGES_1[-1][1] * TAP_EXPANSION, LAST_CHANNELS)

    def __init__(self):
        super().__init__()
        tap_channels = STAGES_1[-1][1]
        self.expand_layer_conv_13 = ConvBNReLU(tap_channels, tap_channels * TAP_EXPANSION, kernel_size=1)
        blocks, channels = _blocks(STAGES_1, STEM_CHANNELS)
        self.features_1 = nn.SequentialCell([ConvBNReLU(3, STEM_CHANNELS, stride=2), *blocks])
        blocks, channels = _blocks(STAGES_2, channels)
        self.features_2 = nn.SequentialCell([*blocks, ConvBNReLU(channels, LAST_CHANNELS, kernel_size=1)])

    def construct(self, x):
        stride_16 = self.features_1(x)
        stride_32 = self.features_2(stride_16)
        return self.expand_layer_conv_13(stride_16), stride_32
