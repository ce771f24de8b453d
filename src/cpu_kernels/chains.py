"""Chains of layers: where the result of a layer goes to the next layer alone.

There it can be stored in bfloat16. Elsewhere it stays float32: MindSpore has hardly any operators for bfloat16 on a
CPU, not even the one that adds the gradients of a result with two users.
"""
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mindspore import nn

from src.backbones.efficientnet_lite import EfficientNetLite
from src.backbones.mindcv import MindCVBackbone
from src.backbones.mobilenet_v1 import MobileNetV1
from src.backbones.mobilenet_v2 import STRIDE_8_TAP, MobileNetV2
from src.backbones.resnet import Bottleneck, ResNet50
from src.backbones.vgg16 import VGG16
from src.layers.blocks import BottleneckConv, ConvBNReLU, InvertedResidual, SeparableConvBNReLU


def layers_with_one_user(net: nn.Cell, kinds: tuple[type[nn.Cell], ...]) -> set[int]:
    """`id` of each layer of one of these kinds whose result goes to another such layer, and nowhere else."""
    with_one_user: set[int] = set()
    others: set[int] = set()
    for chain in _chains(net):
        for number, layer in enumerate(chain):
            following = chain[number + 1] if number + 1 < len(chain) else None
            both = isinstance(layer, kinds) and isinstance(following, kinds)
            (with_one_user if both else others).add(id(layer))
    return with_one_user - others  # a layer that several chains share may end one of them


def _chains(net: nn.Cell) -> Iterator[list[nn.Cell]]:
    """Layers that are called one after the other, as far as the classes of the cells tell; none in two of them,
    but for one that is itself called from two."""
    seen: set[int] = set()  # parts of a longer chain, and sequences that are not called as a whole
    for _, cell in net.cells_and_names():  # what is around a cell comes before it
        if isinstance(cell, MindCVBackbone):
            seen.update(id(part) for _, part in cell.mindcv.cells_and_names())
        elif isinstance(cell, MobileNetV1):
            yield from _chains_of(_parts_of_mobilenet_v1(cell, seen))
        elif isinstance(cell, MobileNetV2):
            yield from _chains_of(_parts_of_mobilenet_v2(cell, seen))
        elif isinstance(cell, EfficientNetLite):
            yield from _chains_of(_parts_of_efficientnet(cell, seen))
        elif isinstance(cell, VGG16):  # what lies between these blocks, a pooling, keeps the type of its input
            yield [layer for block in (cell.b1, cell.b2, cell.b3, cell.b4) for layer in _layers(block, seen)]
        elif isinstance(cell, ResNet50):
            yield [cell.conv1, cell.bn1]
        elif isinstance(cell, Bottleneck):
            yield [cell.conv1, cell.bn1, cell.conv2, cell.bn2, cell.conv3, cell.bn3]
        elif isinstance(cell, (InvertedResidual, nn.SequentialCell)) and id(cell) not in seen:
            yield _layers(cell, seen)


class _Part(NamedTuple):
    """Layers of a network whose parts are called one after the other."""

    layers: list[nn.Cell]
    residual: bool = False  # the input is added to the result
    tapped: bool = False  # others use the result too


def _chains_of(parts: Iterable[_Part]) -> Iterator[list[nn.Cell]]:
    chain: list[nn.Cell] = []
    for part in parts:
        if part.residual:  # so its input has two users
            yield chain
            chain = []
        chain += part.layers
        if part.residual or part.tapped:
            yield chain
            chain = []
    yield chain


def _parts_of_mobilenet_v1(cell: MobileNetV1, seen: set[int]) -> Iterator[_Part]:
    seen.add(id(cell.network))
    for number, layer in enumerate(cell.network):
        yield _Part(_layers(layer, seen), tapped=number in cell.taps)


def _parts_of_mobilenet_v2(cell: MobileNetV2, seen: set[int]) -> Iterator[_Part]:
    for features in (cell.features_1, cell.features_2):
        seen.add(id(features))
        for number, part in enumerate(features):
            tapped = number == len(features) - 1 or (features is cell.features_1 and number == STRIDE_8_TAP
                                                     and cell.pyramid)
            yield _Part(_layers(part, seen), isinstance(part, InvertedResidual) and part.residual, tapped)


def _parts_of_efficientnet(cell: EfficientNetLite, seen: set[int]) -> Iterator[_Part]:
    yield _Part(_layers(cell.stem, seen))
    for number, block in enumerate(cell.blocks):
        tapped = number in cell.taps
        expansion = [] if block.expand is None else _layers(block.expand, seen)
        if tapped and not cell.pyramid:
            yield _Part(expansion, tapped=True)
            expansion = []
        rest = [*_layers(block.depthwise, seen), *_layers(block.project, seen)]
        yield _Part([*expansion, *rest], block.residual, tapped and cell.pyramid)
    if not cell.pyramid:
        yield _Part(_layers(cell.head, seen))


def _layers(cell: nn.Cell, seen: set[int]) -> list[nn.Cell]:
    """The layers of a cell in the order of their calls; a cell of which nothing is known is one."""
    seen.add(id(cell))
    if isinstance(cell, nn.Identity):
        return []
    if isinstance(cell, (ConvBNReLU, SeparableConvBNReLU)):
        return _layers(cell.features, seen)
    if isinstance(cell, BottleneckConv):
        return _layers(cell.conv, seen)
    if isinstance(cell, InvertedResidual):
        return [*_layers(cell.conv, seen), *([] if cell.last_relu is None else [cell.last_relu])]
    if isinstance(cell, nn.SequentialCell):
        return [layer for part in cell for layer in _layers(part, seen)]
    return [cell]
