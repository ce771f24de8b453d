"""Momentum for groups of parameters with different learning rates, whose graph is compiled in seconds."""
from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn, ops

_choose = ops.MultitypeFuncGraph("choose")


@_choose.register("Tensor", "Tensor", "Bool")
def _choose_rate(scaled: ms.Tensor, other: ms.Tensor, is_scaled: bool) -> ms.Tensor:
    return scaled if is_scaled else other


class GroupMomentum(nn.Momentum):
    """`nn.Momentum` for parameters of which some have another learning rate: gradients -> their update.

    `nn.Optimizer.get_lr` computes the learning rate for each parameter, in a loop that MindSpore unrolls: with 160
    parameters that takes longer to compile than the whole network. Here each of the two rates is computed once. The
    state has the same names, and updates are the same.

    Args:
        groups: as `nn.Optimizer` takes them, each with `lr`, a `(steps,)` tensor, of which two are different.
        is_scaled: for each parameter, in the order of `order_params`, whether it has the rate of the first one for
            which this is true; the others have that of the first for which it is not.
        learning_rates: `(steps,)`, of groups that name none.
    """

    def __init__(self, groups: list[dict[str, Any]], is_scaled: Sequence[bool], learning_rates: np.ndarray,
                 momentum: float, weight_decay: float, loss_scale: float) -> None:
        super().__init__(groups, ms.Tensor(learning_rates), momentum, weight_decay, loss_scale)
        rates = list(self.learning_rate)
        self.is_scaled = tuple(is_scaled)
        self.scaled_rate = rates[self.is_scaled.index(True)]
        self.other_rate = rates[self.is_scaled.index(False)] if False in self.is_scaled else self.scaled_rate

    def get_lr(self) -> tuple[ms.Tensor, ...]:
        """For each parameter the learning rate of this step, a scalar."""
        scaled = self.scaled_rate(self.global_step).reshape(())
        other = self.other_rate(self.global_step).reshape(())
        return self.hyper_map(ops.partial(_choose, scaled, other), self.is_scaled)
