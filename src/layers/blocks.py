"""Building blocks that several networks share. Images and features are `(B, C, H, W)`."""
import mindspore as ms
from mindspore import nn, ops

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

    def __init__(self, in_channels, out_channels, kernel_size=3, stride=1, depthwise=False, has_bias=False,
                 momentum=BN_MOMENTUM):
        super().__init__()
        if depthwise:
            conv = depthwise_conv(in_channels, stride, kernel_size)
        else:
            conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, pad_mode="same", has_bias=has_bias)
        self.features = nn.SequentialCell([conv, batch_norm(out_channels, momentum=momentum), nn.ReLU6()])

    def construct(self, x):
        return self.features(x)


class SeparableConvBNReLU(nn.Cell):
    """Depthwise 3x3 convolution, 1x1 convolution, BatchNorm, ReLU6, as the separable convolutions of SSD FPNLite."""

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.features = nn.SequentialCell(
            [
                depthwise_conv(in_channels, stride),
                nn.Conv2d(in_channels, out_channels, kernel_size=1, has_bias=False),
                batch_norm(out_channels),
                nn.ReLU6(),
            ]
        )

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


@ms.jit_class
class _Calls:
    """How often something was called. Like a loss scale, it is no parameter of the network and in no checkpoint."""

    def __init__(self, name):
        self.count = ms.Parameter(ms.Tensor(0, ms.int32), name=name, requires_grad=False)


class HalfDropout(nn.Cell):
    """Dropout with a probability of a half, for inputs whose number of elements is a multiple of 16.

    On a CPU, what is dropped follows from the seed of MindSpore, `number`, and the number of the call in training
    (a counter hashed as by Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), so that a run that goes
    on can go on with it: see `skip_calls`. `nn.Dropout`, which other devices use, keeps its state where nobody can
    reach it.

    Args:
        number: a small integer that no other such cell of the network has.
    """

    BITS = 16  # of each hashed number; one of them decides on one element

    def __init__(self, number):
        super().__init__()
        self.hashed = ms.get_context("device_target") == "CPU"
        if not self.hashed:
            self.dropout = nn.Dropout(p=0.5)
        self.calls = _Calls(f"dropout_calls_{number}")
        # Constants of the Weyl sequence, wrapped to int32 as all that follows.
        self.key = _int32(0x9E3779B9 * (ms.get_seed() or 0) + 0x85EBCA6B * number)
        self.bits = ms.Tensor([1 << (8 + bit) for bit in range(self.BITS)], ms.int32)
        self.shift, self.mask = ms.Tensor(15, ms.int32), ms.Tensor((1 << 17) - 1, ms.int32)

    def skip_calls(self, count):
        """Goes on as after so many calls. To be used before the first one."""
        self.calls.count.set_data(ms.Tensor(count, ms.int32))

    def construct(self, x):
        if not self.training:
            return x
        if not self.hashed:
            return self.dropout(x)
        key = ops.assign_add(self.calls.count, 1) * 747796405 + self.key
        values = ops.arange(x.size // self.BITS).astype(ms.int32) * 1640531527 + key
        for factor in (2146121005, 2073254073, 1):
            values = ops.bitwise_xor(values, ops.bitwise_and(ops.bitwise_right_shift(values, self.shift), self.mask))
            values = values * factor
        kept = ops.bitwise_and(values.reshape(-1, 1), self.bits) != 0
        return x * ops.stop_gradient(kept.astype(x.dtype).reshape(x.shape) * 2)


def _int32(value):
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)
