"""Where a training run is: the loop writes it, callbacks read it."""
import dataclasses
from typing import Any, NamedTuple

import mindspore as ms
from mindspore import nn


class Position(NamedTuple):
    """Where a run begins or resumes.

    Attributes:
        epoch: number of the epoch, 0 before the first.
        step: steps of that epoch that are done.
        epoch_done: all its steps are done, and so is evaluation and all else that follows them.
        run_done: early stopping ended the run there.
    """

    epoch: int
    step: int = 0
    epoch_done: bool = True
    run_done: bool = False


@dataclasses.dataclass
class RunState:
    """Where a run is; callbacks find it in `run_context.original_args()`.

    Attributes:
        train_network, epoch_num, batch_num, cur_epoch_num, net_outputs, train_dataset_element: as
            `mindspore.Model.train` names the training step, the number of the last epoch, the steps of an epoch, the
            number of the present epoch, and outputs and inputs of the last step.
        first_epoch: epochs before the first step of the run.
        step_of_epoch: steps of the present epoch that are done.
        epoch_done: the present epoch is done, and all callbacks have done what follows it.
        epoch_end_incomplete: a callback could not finish what follows the epoch, because the run has to end.
        stop_requested: a callback asked for the end of the run.
        stopped_by: number of the signal that ended the run, 0 for none.
    """

    train_network: nn.Cell
    epoch_num: int
    batch_num: int
    cur_epoch_num: int = 0
    first_epoch: int = 0
    step_of_epoch: int = 0
    epoch_done: bool = True
    epoch_end_incomplete: bool = False
    stop_requested: bool = False
    stopped_by: int = 0
    net_outputs: Any = None
    train_dataset_element: tuple[ms.Tensor, ...] | None = None

    @property
    def cur_step_num(self) -> int:
        """Steps of the run that are done."""
        return (self.cur_epoch_num - 1 - self.first_epoch) * self.batch_num + self.step_of_epoch


class RunContext:
    """What the events of a callback are given, with the methods of `mindspore.RunContext`."""

    def __init__(self, state: RunState):
        self._state = state

    def original_args(self) -> RunState:
        return self._state

    def request_stop(self) -> None:
        self._state.stop_requested = True

    def get_stop_requested(self) -> bool:
        return self._state.stop_requested
