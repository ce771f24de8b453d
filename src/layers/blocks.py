"""Building blocks that several networks share. Images and features are `(B, C, H, W)`."""
import mindspore as ms
from mindspore import nn, ops

# BatchNorm of the MobileNetV2 blocks and of all heads. `momentum` is the share of the old statistics that is kept.
BN_EPS = 1e-3
BN_MOMENTUM = 0.97


def batch_norm(channels: int, eps: float = BN_EPS, momentum: float = BN_MOMENTUM) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=eps, momentum=momentum)


class BatchNormReLU(nn.BatchNorm2d):
    """BatchNorm, then ReLU."""

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return ops.relu(super().construct(x))


def depthwise_conv(channels: int, stride: int = 1, kernel_size: int = 3) -> nn.Conv2d:
    """Convolution of each channel by itself, without bias: `(B, C, H, W)` -> `(B, C, ceil(H / s), ceil(W / s))`."""
    return nn.Conv2d(channels, channels, kernel_size, stride, pad_mode="same", group=channels, has_bias=False)


class ConvBNReLU(nn.Cell):
    """Convolution with `same` padding, BatchNorm, ReLU6: `(B, in, H, W)` -> `(B, out, ceil(H / s), ceil(W / s))`.

    Args:
        stride: s.
        depthwise: the convolution treats each channel by itself; `out_channels` is `in_channels` then.
        momentum: share of the old running statistics that BatchNorm keeps.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 3, stride: int = 1,
                 depthwise: bool = False, has_bias: bool = False, momentum: float = BN_MOMENTUM) -> None:
        super().__init__()
        if depthwise:
            conv = depthwise_conv(in_channels, stride, kernel_size)
        else:
            conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, pad_mode="same", has_bias=has_bias)
        self.features = nn.SequentialCell([conv, batch_norm(out_channels, momentum=momentum), nn.ReLU6()])

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return self.features(x)


class SeparableConvBNReLU(nn.Cell):
    """Depthwise 3x3 convolution, 1x1 convolution, BatchNorm, ReLU6, as the separable convolutions of SSD FPNLite."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.features = nn.SequentialCell(
            [
                depthwise_conv(in_channels, stride),
                nn.Conv2d(in_channels, out_channels, kernel_size=1, has_bias=False),
                batch_norm(out_channels),
                nn.ReLU6(),
            ]
        )

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return self.features(x)


class BottleneckConv(nn.Cell):
    """1x1 convolution to fewer channels, 3x3 convolution, each with BatchNorm and ReLU6: an extra layer of the SSD of
    the TensorFlow Object Detection API.

    Args:
        ratio: channels between the two convolutions in units of `in_channels`.
        depthwise: the 3x3 convolution is a depthwise and a 1x1 one, each with BatchNorm and ReLU6 (SSDLite,
            https://arxiv.org/abs/1801.04381, section 6.2).
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, ratio: float, depthwise: bool = False) -> None:
        super().__init__()
        hidden = round(in_channels * ratio)
        layers = [ConvBNReLU(in_channels, hidden, kernel_size=1)]
        if depthwise:
            layers += [ConvBNReLU(hidden, hidden, stride=stride, depthwise=True),
                       ConvBNReLU(hidden, out_channels, kernel_size=1)]
        else:
            layers.append(ConvBNReLU(hidden, out_channels, stride=stride))
        self.conv = nn.SequentialCell(layers)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return self.conv(x)


class InvertedResidual(nn.Cell):
    """Expansion, depthwise convolution, linear projection (MobileNetV2, https://arxiv.org/abs/1801.04381).

    `(B, in, H, W)` -> `(B, out, ceil(H / s), ceil(W / s))`.

    Args:
        stride: s.
        expand_ratio: channels of the depthwise convolution in units of `in_channels`, below 1 to reduce; with 1 there
            is no expansion.
        last_relu: ReLU6 after the block.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, expand_ratio: float,
                 last_relu: bool = False) -> None:
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

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        out = self.conv(x)
        if self.residual:
            out = x + out
        if self.last_relu is not None:
            out = self.last_relu(out)
        return out


@ms.jit_class
class _Calls:
    """Number of calls. Like a loss scale, it is no parameter of the network and in no checkpoint."""

    def __init__(self, name: str) -> None:
        self.count = ms.Parameter(ms.Tensor(0, ms.int32), name=name, requires_grad=False)


class HalfDropout(nn.Cell):
    """Dropout with a probability of 0.5, for inputs whose number of elements is a multiple of 16.

    On a CPU the mask follows from MindSpore's seed, `number`, and the number of the call in training (a counter hashed
    as in Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), so that a resumed run draws the same masks
    as an uninterrupted one: see `skip_calls`. Other devices use `nn.Dropout`, whose state cannot be read or set.

    Args:
        number: a small integer that no other `HalfDropout` of the network has.
    """

    BITS = 16  # of each hashed number; each bit decides on one element

    def __init__(self, number: int) -> None:
        super().__init__()
        self.hashed = ms.get_current_device().device_target == "CPU"
        if not self.hashed:
            self.dropout = nn.Dropout(p=0.5)
        self.calls = _Calls(f"dropout_calls_{number}")
        # Constants of the Weyl sequence, wrapped to int32 like all numbers below.
        self.key = _int32(0x9E3779B9 * (ms.get_seed() or 0) + 0x85EBCA6B * number)
        self.bits = ms.Tensor([1 << (8 + bit) for bit in range(self.BITS)], ms.int32)
        self.shift, self.mask = ms.Tensor(15, ms.int32), ms.Tensor((1 << 17) - 1, ms.int32)

    def skip_calls(self, count: int) -> None:
        """Continues as after `count` calls. To be used before the first call."""
        self.calls.count.set_data(ms.Tensor(count, ms.int32))

    def construct(self, x: ms.Tensor) -> ms.Tensor:
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


def _int32(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)
