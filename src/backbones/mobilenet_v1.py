"""MobileNetV1 (https://arxiv.org/abs/1704.04861) as a backbone."""
import mindspore as ms
from mindspore import nn

from src.layers.blocks import depthwise_conv

STEM_CHANNELS = 32
# output channels and stride of each depthwise-separable block
BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
)


def _unit(conv: nn.Conv2d, channels: int) -> nn.SequentialCell:
    return nn.SequentialCell([conv, nn.BatchNorm2d(channels), nn.ReLU6()])


class MobileNetV1(nn.Cell):
    """`(B, 3, H, W)` -> one feature for each tap, with `out_channels`, of H / stride x W / stride, rounded up.

    Args:
        taps: numbers of the layers whose outputs are the features. Layer 0 is the stem, layers 2 n - 1 and 2 n are the
            two convolutions of block n.
    """

    # ends of strides 8, 16 and 32: 256, 512 and 1024 channels
    PYRAMID_TAPS = (10, 22, 26)
    # the second block of stride 16 and the end of stride 32, as the published SSD taps them: 512 and 1024 channels
    SSD_TAPS = (14, 26)

    def __init__(self, taps: tuple[int, ...] = PYRAMID_TAPS) -> None:
        super().__init__()
        stem = nn.Conv2d(3, STEM_CHANNELS, kernel_size=3, stride=2, pad_mode="same", has_bias=False)
        layers, channels = [_unit(stem, STEM_CHANNELS)], STEM_CHANNELS
        for out_channels, stride in BLOCKS:
            layers.append(_unit(depthwise_conv(channels, stride), channels))
            layers.append(_unit(nn.Conv2d(channels, out_channels, kernel_size=1, has_bias=False), out_channels))
            channels = out_channels
        self.network = nn.SequentialCell(layers)
        self.taps = taps
        self.out_channels = tuple(BLOCKS[tap // 2 - 1][0] for tap in taps)

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ...]:
        features: tuple[ms.Tensor, ...] = ()
        for index, layer in enumerate(self.network):
            x = layer(x)
            if index in self.taps:
                features += (x,)
        return features
