"""What the ranks of a data-parallel run average in each step: gradients, running statistics, a number.

The all-reduces are operators of the training step, so that no parallel mode of MindSpore is needed: 2.11 announces
the end of distributed parallelism by static graphs.
"""
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import mindspore as ms
from mindspore import nn, ops

# Not loops or comprehensions over parameters: MindSpore unrolls those, which takes minutes to compile.
_mean, _assign_part = (ops.MultitypeFuncGraph(name) for name in ("mean", "assign_part"))


@_mean.register("Number", "Function", "Tensor")
def _mean_gradient(share: float, all_reduce: ops.Primitive, gradient: ms.Tensor) -> ms.Tensor:
    return (all_reduce(gradient.astype(ms.float32)) * share).astype(gradient.dtype)


@_assign_part.register("Tensor", "Tensor", "Number")
def _assign_part_of(values: ms.Tensor, target: ms.Tensor, start: int) -> ms.Tensor:
    return ops.assign(target, values[start : start + target.size])


class MeanOverRanks(nn.Cell):
    """A number of each rank -> its mean over all ranks."""

    def __init__(self, ranks: int) -> None:
        super().__init__()
        self.sum = ops.AllReduce()
        self.ranks = ranks

    def construct(self, value: ms.Tensor) -> ms.Tensor:
        return self.sum(value) / self.ranks


class MeanGradients(nn.Cell):
    """Gradients of each rank -> their means over all ranks, in the same order. Sums are float32.

    Args:
        count: number of gradients.
        ranks: number of ranks.
        last_of_groups: indexes of gradients that end a group whose all-reduces MindSpore fuses to one, where the
            device can; empty for one group of all.
    """

    def __init__(self, count: int, ranks: int, last_of_groups: Sequence[int] = ()) -> None:
        super().__init__()
        self.map = ops.HyperMap()
        self.share = 1.0 / ranks
        groups = [_all_reduce(fusion=number) for number in range(1, len(last_of_groups) + 2)]
        self.all_reduces = tuple(groups[number] for number in group_numbers(count, last_of_groups))

    def construct(self, gradients: tuple[ms.Tensor, ...]) -> tuple[ms.Tensor, ...]:
        return self.map(ops.partial(_mean, self.share), self.all_reduces, gradients)


def group_numbers(count: int, last_of_groups: Sequence[int]) -> list[int]:
    """The group, from 0, of each of so many gradients, of which those at some indexes end a group."""
    ends = sorted(last_of_groups)
    return [bisect_left(ends, index) for index in range(count)]


def _all_reduce(fusion: int) -> ops.Primitive:
    """An all-reduce that MindSpore fuses with the others of its number, from 1 on, on Ascend and GPU."""
    return ops.AllReduce().add_prim_attr("fusion", fusion)


class MeanStatistics(nn.Cell):
    """Sets BatchNorm's running statistics, which each rank has of its own images, to the mean of all ranks.

    Args:
        net: the network in training.
        ranks: number of ranks.
    """

    def __init__(self, net: nn.Cell, ranks: int) -> None:
        super().__init__(auto_prefix=False)
        self.map = ops.HyperMap()
        self.mean = MeanOverRanks(ranks)
        self.statistics = tuple(_running_statistics(net))
        sizes = [statistic.size for statistic in self.statistics]
        self.starts = tuple(accumulate(sizes, initial=0))[:-1]

    def construct(self) -> Any:
        if not self.statistics:
            return True
        mean = self.mean(ops.concat(self.statistics))
        return self.map(ops.partial(_assign_part, mean), self.statistics, self.starts)


def _running_statistics(net: nn.Cell) -> Iterator[ms.Parameter]:
    """The running means and variances that training changes, each `(channels,)`."""
    for _, cell in net.cells_and_names():
        if isinstance(cell, nn.BatchNorm2d) and cell.use_batch_statistics is not False:
            yield from (cell.moving_mean, cell.moving_variance)
