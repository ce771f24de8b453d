"""Building blocks that several networks share. Images and features are `(B, C, H, W)`."""
from mindspore import nn

# BatchNorm of the MobileNetV2 blocks and of all heads. `momentum` is the part of the old statistics that is kept.
BN_EPS = 1e-3
BN_MOMENTUM = 0.97


def batch_norm(channels, eps=BN_EPS, momentum=BN_MOMENTUM):
    return nn.BatchNorm2d(channels, eps=eps, momentum=momentum)


def depthwise_conv(channels, stride=1, kernel_size=3):
    """Convolution of each channel by itself, without bias: `(B, C, H, W)` -> `(B, C, ceil(H / s), ceil(W / s))`."""
    return nn.Conv2d(channels, channels, kernel_size, stride, pad_mode="same", group=channels, has_bias=False)


class ConvBNReLU(nn.Cell):
    """Convolution with `same` padding, BatchNorm, ReLU6; depthwise where asked for."""

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, depthwise=False, has_bias=False):
        super().__init__()
        if depthwise:
            conv = depthwise_conv(in_channels, stride, kernel_size)
        else:
            conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, pad_mode="same", has_bias=has_bias)
        self.features = nn.SequentialCell([conv, batch_norm(out_channels), nn.ReLU6()])

    def construct(self, x):
        return self.features(x)


class InvertedResidual(nn.Cell):
    """Expansion, depthwise convolution, linear projection (MobileNetV2, https://arxiv.org/abs/1801.04381).

    Args:
        expand_ratio: channels of the depthwise convolution in units of `in_channels`, below 1 to reduce; 1 leaves the
            expansion out.
        last_relu: ReLU6 after the block.
    """

    def __init__(self, in_channels, out_channels, stride, expand_ratio, last_relu=False):
        super().__init__()
        hidden = round(in_channels * expand_ratio)
        layers = [] if expand_ratio == 1 else [ConvBNReLU(in_channels, hidden, kernel_size=1)]
        layers += [
            ConvBNReLU(hidden, hidden, stride=stride, depthwise=True),
            nn.Conv2d(hidden, out_channels, kernel_size=1, has_bias=False),
            batch_norm(out_channels),
        ]
        self.conv = nn.SequentialCell(layers)
        self.residual = stride == 1 and in_channels == out_channels
        self.last_relu = nn.ReLU6() if last_relu else None

    def construct(self, x):
        out = self.conv(x)
        if self.residual:
            out = x + out
        if self.last_relu is not None:
            out = self.last_relu(out)
        return out
