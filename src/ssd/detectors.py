"""The detectors: image `(B, 3, H, W)` -> locations `(B, A, 4)` and class logits `(B, A, C)`.

The shapes beside the tensors are those of an image of 300 x 300 pixels, of the FPN models 640 x 640.
"""
from collections.abc import Callable, Sequence

import mindspore as ms
from mindspore import nn, ops

from src.layers.blocks import ConvBNReLU, HalfDropout, InvertedResidual
from src.ssd.fpn import BottomUp, FPNTopDown, conv_bn_relu


def inverted_extra(in_channels: int, out_channels: int, stride: int, expand_ratio: float) -> InvertedResidual:
    """An extra layer of `ssd300`: an inverted residual with an activation at its end."""
    return InvertedResidual(in_channels, out_channels, stride, expand_ratio, last_relu=True)


class SSDMobileNetV2(nn.Cell):
    """A backbone, extra layers of stride 2 after its last feature, a MultiBox head.

    Args:
        backbone: image -> tuple of features.
        multi_box: head over all levels.
        in_channels, out_channels, strides, expand_ratios: of each extra layer after the backbone.
        make_extra: these four of one layer -> the layer.
    """

    def __init__(self, backbone: nn.Cell, multi_box: nn.Cell, in_channels: Sequence[int], out_channels: Sequence[int],
                 strides: Sequence[int], expand_ratios: Sequence[float],
                 make_extra: Callable[..., nn.Cell] = inverted_extra) -> None:
        super().__init__()
        self.backbone = backbone
        extras = zip(in_channels, out_channels, strides, expand_ratios)
        self.multi_residual = nn.CellList([make_extra(*extra) for extra in extras])
        self.multi_box = multi_box

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        features = self.backbone(x)  # (B, 576, 19, 19), (B, 1280, 10, 10)
        for layer in self.multi_residual:
            features += (layer(features[-1]),)  # (B, 512, 5, 5), (B, 256, 3, 3), (B, 256, 2, 2), (B, 128, 1, 1)
        return self.multi_box(features)


class MobileNetV1Features(nn.Cell):
    """A MobileNetV1 under the name that it has in checkpoints."""

    def __init__(self, backbone: nn.Cell) -> None:
        super().__init__()
        self.mobilenet_v1 = backbone

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ...]:
        return self.mobilenet_v1(x)


class SSDMobileNetV1(nn.Cell):
    """Features of strides 16 and 32, 3x3 convolutions of stride 2 after the last, a MultiBox head.

    Args:
        backbone: image -> tuple of features.
        multi_box: head over all levels.
        in_channels, out_channels, strides: of each convolution after the backbone.
    """

    def __init__(self, backbone: nn.Cell, multi_box: nn.Cell, in_channels: Sequence[int], out_channels: Sequence[int],
                 strides: Sequence[int]) -> None:
        super().__init__()
        self.multi_box = multi_box
        self.feature_extractor = MobileNetV1Features(backbone)
        extras = zip(in_channels, out_channels, strides)
        self.multi_residual = nn.CellList(
            [ConvBNReLU(channels, out, kernel_size=3, stride=stride) for channels, out, stride in extras]
        )

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        features = self.feature_extractor(x)  # (B, 512, 19, 19), (B, 1024, 10, 10)
        for layer in self.multi_residual:
            features += (layer(features[-1]),)  # (B, 512, 5, 5), (B, 256, 3, 3), (B, 256, 2, 2), (B, 128, 1, 1)
        return self.multi_box(features)


class FPNFeatures(nn.Cell):
    """A backbone and its feature pyramid: image -> one feature of `channels` for each level, fine to coarse.

    Args:
        backbone: image -> features of strides 8, 16, 32, with `out_channels`.
        backbone_name: name of the backbone in checkpoints.
        image_size: height and width of the image.
        channels: channels of the pyramid.
        levels: number of levels of the pyramid.
        make_conv: input and output channels[, stride] -> the layers of a level.
    """

    # of the features of the backbone
    STRIDES = (8, 16, 32)

    def __init__(self, backbone: nn.Cell, backbone_name: str, image_size: Sequence[int], channels: int, levels: int,
                 make_conv: Callable[..., nn.Cell] = conv_bn_relu) -> None:
        super().__init__()
        setattr(self, backbone_name, backbone)
        self.backbone_name = backbone_name
        sizes = [(image_size[0] // stride, image_size[1] // stride) for stride in self.STRIDES]
        self.fpn = FPNTopDown(backbone.out_channels, channels, sizes, make_conv)
        self.bottom_up = BottomUp(levels - len(sizes), channels, make_conv)

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ...]:
        features = getattr(self, self.backbone_name)(x)  # heights and widths 80, 40, 20
        return self.bottom_up(self.fpn(features))  # heights and widths 80, 40, 20, 10, 5


class SSDFPN(nn.Cell):
    """A feature pyramid and a head whose convolutions serve all levels."""

    def __init__(self, feature_extractor: nn.Cell, multi_box: nn.Cell) -> None:
        super().__init__()
        self.multi_box = multi_box
        self.feature_extractor = feature_extractor

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        return self.multi_box(self.feature_extractor(x))


def _conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, pad_mode: str = "same",
          padding: int = 0, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride, pad_mode, padding, dilation, has_bias=False)


class SSDVGG16(nn.Cell):
    """VGG16 with the fully connected layers as convolutions, extra layers, a MultiBox head.

    After https://arxiv.org/abs/1512.02325, section 3, without activations and with padded 1x1 convolutions in blocks
    8 and 9, as the published checkpoints were trained.
    """

    def __init__(self, backbone: nn.Cell, multi_box: nn.Cell) -> None:
        super().__init__()
        self.backbone = backbone
        self.b6_1 = _conv(512, 1024, 3, padding=6, dilation=6, pad_mode="pad")
        self.b6_2 = HalfDropout(1)
        self.b7_1 = _conv(1024, 1024, 1)
        self.b7_2 = HalfDropout(2)
        self.b8_1 = _conv(1024, 256, 1, padding=1, pad_mode="pad")
        self.b8_2 = _conv(256, 512, 3, stride=2, pad_mode="valid")
        self.b9_1 = _conv(512, 128, 1, padding=1, pad_mode="pad")
        self.b9_2 = _conv(128, 256, 3, stride=2, pad_mode="valid")
        self.b10_1 = _conv(256, 128, 1)
        self.b10_2 = _conv(128, 256, 3, pad_mode="valid")
        self.b11_1 = _conv(256, 128, 1)
        self.b11_2 = _conv(128, 256, 3, pad_mode="valid")
        self.multi_box = multi_box

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        block4, block5 = self.backbone(x)  # (B, 512, 38, 38), (B, 512, 19, 19)
        block6 = self.b6_2(self.b6_1(block5))  # (B, 1024, 19, 19)
        block7 = self.b7_2(self.b7_1(block6))  # (B, 1024, 19, 19)
        block8 = self.b8_2(self.b8_1(block7))  # (B, 512, 10, 10)
        block9 = self.b9_2(self.b9_1(block8))  # (B, 256, 5, 5)
        block10 = self.b10_2(self.b10_1(block9))  # (B, 256, 3, 3)
        block11 = self.b11_2(self.b11_1(block10))  # (B, 256, 1, 1)
        return self.multi_box((block4, block7, block8, block9, block10, block11))


class L2Norm(nn.Cell):
    """Features of unit length at each location, times a learned scale of each channel: `(B, C, H, W)` -> the same.

    ParseNet, https://arxiv.org/abs/1506.04579, section 3.3.
    """

    EPS = 1e-12

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.gamma = ms.Parameter(ms.ops.full((channels,), scale, dtype=ms.float32), name="gamma")

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        features = x.astype(ms.float32)  # squares overflow in float16
        squares = (features * features).sum(1, keepdims=True)  # (B, 1, H, W)
        scaled = features / ops.sqrt(squares + self.EPS) * self.gamma.reshape(1, -1, 1, 1)
        return scaled.astype(x.dtype)


class SSDVGG16Caffe(nn.Cell):
    """SSD300 as its authors built it in Caffe (https://arxiv.org/abs/1512.02325, section 3), and torchvision and
    mmdetection after them: L2 normalisation of conv4_3, fc6 and fc7 as convolutions, ReLU everywhere, biases."""

    # 1x1 and 3x3 convolution of each block after fc7: channels, and stride and padding of the second
    EXTRAS = ((256, 512, 2, 1), (128, 256, 2, 1), (128, 256, 1, 0), (128, 256, 1, 0))

    def __init__(self, backbone: nn.Cell, multi_box: nn.Cell) -> None:
        super().__init__()
        self.backbone = backbone
        self.l2_norm = L2Norm(512, scale=20.0)
        self.fc6 = self._conv(512, 1024, 3, padding=6, dilation=6)
        self.fc7 = self._conv(1024, 1024, 1)
        self.relu = nn.ReLU()
        extras, channels = [], 1024
        for narrow, wide, stride, padding in self.EXTRAS:
            layers = [self._conv(channels, narrow, 1), nn.ReLU()]
            layers += [self._conv(narrow, wide, 3, stride=stride, padding=padding), nn.ReLU()]
            extras.append(nn.SequentialCell(layers))
            channels = wide
        self.extras = nn.CellList(extras)
        self.multi_box = multi_box

    @staticmethod
    def _conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0,
              dilation: int = 1) -> nn.Conv2d:
        return nn.Conv2d(in_channels, out_channels, kernel_size, stride, "pad", padding, dilation, has_bias=True,
                         bias_init="zeros")

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor]:
        block4, block5 = self.backbone(x)  # (B, 512, 38, 38), (B, 512, 19, 19)
        block7 = self.relu(self.fc7(self.relu(self.fc6(block5))))  # (B, 1024, 19, 19)
        features: tuple[ms.Tensor, ...] = (self.l2_norm(block4), block7)
        for block in self.extras:
            features += (block(features[-1]),)  # (B, 512, 10, 10), (B, 256, 5, 5), (B, 256, 3, 3), (B, 256, 1, 1)
        return self.multi_box(features)
