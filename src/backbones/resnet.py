"""ResNet50 (https://arxiv.org/abs/1512.03385) as a backbone, with the stride in the 3x3 convolution."""
import mindspore as ms
from mindspore import nn

from src.layers.blocks import BatchNormReLU

BN_EPS = 1e-3
BN_MOMENTUM = 0.997
EXPANSION = 4
# bottleneck width, number of blocks, stride of the first
STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))


def _conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride, pad_mode="same", has_bias=False)


def _bn(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BN_EPS, momentum=BN_MOMENTUM)


def _bn_relu(channels: int) -> BatchNormReLU:
    return BatchNormReLU(channels, eps=BN_EPS, momentum=BN_MOMENTUM)


class Bottleneck(nn.Cell):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut: `(B, in, H, W)` -> `(B, 4 * width, H / s, W / s)`.

    Args:
        width: channels of the 3x3 convolution.
        stride: s.
    """

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        out_channels = width * EXPANSION
        self.conv1 = _conv(in_channels, width, 1)
        self.bn1 = _bn_relu(width)
        self.conv2 = _conv(width, width, 3, stride)
        self.bn2 = _bn_relu(width)
        self.conv3 = _conv(width, out_channels, 1)
        self.bn3 = _bn(out_channels)
        self.relu = nn.ReLU()
        self.down_sample = stride != 1 or in_channels != out_channels
        if self.down_sample:
            self.down_sample_layer = nn.SequentialCell([_conv(in_channels, out_channels, 1, stride), _bn(out_channels)])

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        out = self.bn1(self.conv1(x))
        out = self.bn2(self.conv2(out))
        out = self.bn3(self.conv3(out))
        shortcut = self.down_sample_layer(x) if self.down_sample else x
        return self.relu(out + shortcut)


class ResNet50(nn.Cell):
    """`(B, 3, H, W)` -> features of strides 8, 16 and 32 with 512, 1024 and 2048 channels, sizes rounded up."""

    out_channels = (512, 1024, 2048)

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _conv(3, 64, 7, stride=2)
        self.bn1 = _bn_relu(64)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, pad_mode="same")
        stages, channels = [], 64
        for width, repeats, stride in STAGES:
            blocks = []
            for index in range(repeats):
                blocks.append(Bottleneck(channels, width, stride if index == 0 else 1))
                channels = width * EXPANSION
            stages.append(nn.SequentialCell(blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor, ms.Tensor]:
        x = self.maxpool(self.bn1(self.conv1(x)))  # (B, 64, H / 4, W / 4)
        stride_8 = self.layer2(self.layer1(x))  # (B, 512, H / 8, W / 8)
        stride_16 = self.layer3(stride_8)  # (B, 1024, H / 16, W / 16)
        return stride_8, stride_16, self.layer4(stride_16)
