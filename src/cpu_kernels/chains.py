"""Chains of layers: where the result of a layer goes to the next layer alone.

There it can be stored in bfloat16. Elsewhere it stays float32: MindSpore has hardly any operators for bfloat16 on a
CPU, not even the one that adds the gradients of a result with two users.
"""
from collections.abc import Iterator, Sequence

from mindspore import nn

from src.backbones.efficientnet_lite import Block, EfficientNetLite
from src.backbones.mindcv import MindCVBackbone
from src.backbones.mobilenet_v1 import MobileNetV1
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
    seen: set[int] = set()  # sequences that are part of a longer chain, or are not called as a whole
    for _, cell in net.cells_and_names():  # what is around a cell comes before it
        if isinstance(cell, MindCVBackbone):
            seen.update(id(part) for _, part in cell.mindcv.cells_and_names())
        elif isinstance(cell, MobileNetV1):
            seen.add(id(cell.network))
            yield from _between_taps(list(cell.network), cell.taps, seen)
        elif isinstance(cell, VGG16):  # what lies between these blocks, a pooling, keeps the type of its input
            yield [layer for block in (cell.b1, cell.b2, cell.b3, cell.b4) for layer in _layers(block, seen)]
        elif isinstance(cell, EfficientNetLite):
            for number, block in enumerate(cell.blocks):
                yield _layers_of_block(block, not cell.pyramid and number in cell.taps, seen)
        elif isinstance(cell, (InvertedResidual, nn.SequentialCell)) and id(cell) not in seen:
            yield _layers(cell.conv if isinstance(cell, InvertedResidual) else cell, seen)


def _between_taps(layers: Sequence[nn.Cell], taps: Sequence[int], seen: set[int]) -> Iterator[list[nn.Cell]]:
    chain: list[nn.Cell] = []
    for number, layer in enumerate(layers):
        chain += _layers(layer, seen)
        if number in taps:
            yield chain
            chain = []
    yield chain


def _layers_of_block(block: Block, tapped: bool, seen: set[int]) -> list[nn.Cell]:
    expansion = [] if block.expand is None or tapped else _layers(block.expand, seen)
    return [*expansion, *_layers(block.depthwise, seen), *_layers(block.project, seen)]


def _layers(cell: nn.Cell, seen: set[int]) -> list[nn.Cell]:
    """The layers of a cell in the order of their calls; a cell of which nothing is known is one."""
    if isinstance(cell, nn.Identity):
        return []
    if isinstance(cell, (ConvBNReLU, SeparableConvBNReLU)):
        return _layers(cell.features, seen)
    if isinstance(cell, BottleneckConv):
        return _layers(cell.conv, seen)
    if isinstance(cell, nn.SequentialCell):
        seen.add(id(cell))
        return [layer for part in cell for layer in _layers(part, seen)]
    return [cell]
