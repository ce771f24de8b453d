"""Heads: features of all levels -> locations `(B, A, 4)` and class logits `(B, A, C)`."""
from collections.abc import Callable, Sequence

import mindspore as ms
from mindspore import Tensor, nn, ops

from src.layers.blocks import ConvBNReLU, SeparableConvBNReLU, batch_norm, depthwise_conv


def flatten_predictions(levels: tuple[ms.Tensor, ...], values: int) -> ms.Tensor:
    """Outputs of all levels as one.

    Args:
        levels: for each level `(B, boxes * values, H, W)`, with so many default boxes at a location.
        values: numbers of a default box.

    Returns:
        `(B, A, values)`, by level, row, column and default box.
    """
    flat: tuple[ms.Tensor, ...] = ()
    for x in levels:
        # (B, boxes * values, H, W) -> (B, H, W, boxes * values) -> (B, H * W * boxes, values)
        flat += (ops.reshape(x.permute(0, 2, 3, 1), (x.shape[0], -1, values)),)
    return ops.concat(flat, axis=1)


def separable_head(in_channels: int, out_channels: int) -> nn.SequentialCell:
    """Depthwise 3x3 convolution, BatchNorm, ReLU6, 1x1 convolution: the head of one level."""
    return nn.SequentialCell(
        [
            depthwise_conv(in_channels),
            batch_norm(in_channels),
            nn.ReLU6(),
            nn.Conv2d(in_channels, out_channels, kernel_size=1, has_bias=True),
        ]
    )


def pointwise_head(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 1x1 convolution: the head of one level."""
    return nn.Conv2d(in_channels, out_channels, kernel_size=1, has_bias=True, bias_init="zeros")


def conv_head(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 3x3 convolution: the head of one level."""
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, pad_mode="same", has_bias=True, bias_init="zeros")


class MultiBox(nn.Cell):
    """A head of its own for each level.

    Args:
        num_classes: C, the background included.
        in_channels: channels of each level.
        num_default: default boxes at a location of each level.
        make_head: input and output channels -> the layers of one level.
    """

    def __init__(self, num_classes: int, in_channels: Sequence[int], num_default: Sequence[int],
                 make_head: Callable[[int, int], nn.Cell] = separable_head) -> None:
        super().__init__()
        levels = list(zip(in_channels, num_default))
        self.multi_loc_layers = nn.CellList([make_head(channels, 4 * boxes) for channels, boxes in levels])
        self.multi_cls_layers = nn.CellList([make_head(channels, num_classes * boxes) for channels, boxes in levels])
        self.num_classes = num_classes
        self.levels = len(levels)

    def construct(self, features: tuple[ms.Tensor, ...]) -> tuple[ms.Tensor, ms.Tensor]:
        locations: tuple[ms.Tensor, ...] = ()  # for each level (B, 4 * boxes, H, W)
        logits: tuple[ms.Tensor, ...] = ()  # for each level (B, C * boxes, H, W)
        for level in range(self.levels):
            locations += (self.multi_loc_layers[level](features[level]),)
            logits += (self.multi_cls_layers[level](features[level]),)
        return flatten_predictions(locations, 4), flatten_predictions(logits, self.num_classes)


def _towers(levels: int, layers: int, channels: int, make_layer: Callable[[int, int], nn.Cell]) -> nn.CellList:
    """For each level a stack of `layers`; the levels share the convolutions and have BatchNorm of their own."""
    towers = [[make_layer(channels, channels) for _ in range(layers)] for _ in range(levels)]
    for tower in towers[1:]:
        for layer, shared in zip(tower, towers[0]):
            for part, cell in enumerate(shared.features):
                if isinstance(cell, nn.Conv2d):
                    layer.features[part] = cell
    return nn.CellList([nn.SequentialCell(tower) for tower in towers])


def _conv_layer(in_channels: int, out_channels: int) -> ConvBNReLU:
    return ConvBNReLU(in_channels, out_channels, has_bias=True)


class WeightSharedMultiBox(nn.Cell):
    """Convolutions that all levels share, with BatchNorm for each level (https://arxiv.org/abs/1708.02002, section 4).

    Args:
        num_classes: C, the background included.
        levels: number of levels.
        num_default: default boxes at a location.
        num_addition_layers: convolutions before each output.
        channels: channels of all levels.
    """

    def __init__(self, num_classes: int, levels: int, num_default: int, num_addition_layers: int,
                 channels: int) -> None:
        super().__init__()
        self.addition_layer_loc = _towers(levels, num_addition_layers, channels, _conv_layer)
        self.addition_layer_cls = _towers(levels, num_addition_layers, channels, _conv_layer)
        self.loc_layers = nn.CellList([self._output(channels, 4 * num_default)])
        self.cls_layers = nn.CellList([self._output(channels, num_classes * num_default)])
        self.num_classes = num_classes
        self.levels = levels

    @staticmethod
    def _output(channels: int, out_channels: int) -> nn.Conv2d:
        return nn.Conv2d(channels, out_channels, kernel_size=3, pad_mode="same", has_bias=True)

    def construct(self, features: tuple[ms.Tensor, ...]) -> tuple[ms.Tensor, ms.Tensor]:
        locations: tuple[ms.Tensor, ...] = ()  # for each level (B, 4 * boxes, H, W)
        logits: tuple[ms.Tensor, ...] = ()  # for each level (B, C * boxes, H, W)
        for level in range(self.levels):
            locations += (self.loc_layers[0](self.addition_layer_loc[level](features[level])),)
            logits += (self.cls_layers[0](self.addition_layer_cls[level](features[level])),)
        return flatten_predictions(locations, 4), flatten_predictions(logits, self.num_classes)


class SharedTowerMultiBox(nn.Cell):
    """The head of SSD FPNLite: separable convolutions that all levels share, and up to the last one locations and
    classes as well; BatchNorm for each level.

    The last convolutions begin with scores of about 0.01 for every class and 0.99 for the background, so that the many
    default boxes without an object do not dominate the loss (https://arxiv.org/abs/1708.02002, section 4.1).

    Args:
        num_classes: C, the background included.
        levels: number of levels.
        num_default: default boxes at a location.
        num_addition_layers: convolutions before the outputs.
        channels: channels of all levels.
    """

    FIRST_LOGIT = 4.6  # of the background; its negative for the classes

    def __init__(self, num_classes: int, levels: int, num_default: int, num_addition_layers: int,
                 channels: int) -> None:
        super().__init__()
        self.towers = _towers(levels, num_addition_layers, channels, SeparableConvBNReLU)
        first_logits = [self.FIRST_LOGIT] + [-self.FIRST_LOGIT] * (num_classes - 1)
        self.loc_layers = nn.CellList([self._output(channels, [0.0] * 4 * num_default)])
        self.cls_layers = nn.CellList([self._output(channels, first_logits * num_default)])
        self.num_classes = num_classes
        self.levels = levels

    @staticmethod
    def _output(channels: int, bias: list[float]) -> nn.SequentialCell:
        return nn.SequentialCell(
            [
                depthwise_conv(channels),
                nn.Conv2d(channels, len(bias), kernel_size=1, has_bias=True, bias_init=Tensor(bias, ms.float32)),
            ]
        )

    def construct(self, features: tuple[ms.Tensor, ...]) -> tuple[ms.Tensor, ms.Tensor]:
        locations: tuple[ms.Tensor, ...] = ()  # for each level (B, 4 * boxes, H, W)
        logits: tuple[ms.Tensor, ...] = ()  # for each level (B, C * boxes, H, W)
        for level in range(self.levels):
            tower = self.towers[level](features[level])
            locations += (self.loc_layers[0](tower),)
            logits += (self.cls_layers[0](tower),)
        return flatten_predictions(locations, 4), flatten_predictions(logits, self.num_classes)
