"""The loop over epochs and steps, which can begin and end in the middle of an epoch."""
import logging
from collections.abc import Callable, Sequence
from typing import Any

import mindspore as ms

from src.dataset.mindrecord.opening import readable
from src.training.run_state import Position, RunContext, RunState
from src.utils.errors import UserError

logger = logging.getLogger(__name__)


class TrainingLoop:
    """Trains epoch after epoch, and calls the events of callbacks as `mindspore.Model.train` does.

    Args:
        train_step: inputs -> loss; it updates the parameters.
        dataset: batches of inputs. Its first epoch is the one with the next step to be done, and has all its batches.
        callbacks: called in this order at each event; `RunState` tells them where the run is. An error ends the run,
            unless the callback has an attribute `makes`: what it makes is then told to be missing.
        epochs: number of the last epoch.
        first_epoch: epochs before the first step of the run.
        position: `Position` to resume at; by default the beginning of the run.
        asked_to_stop: function -> number of a signal or 0, the same on all ranks; asked after each step and each epoch.
        sink: hand whole epochs to the device.

    Attributes:
        state: the `RunState`.
    """

    def __init__(self, train_step: Callable[..., Any], dataset: Any, callbacks: Sequence[ms.Callback], epochs: int,
                 first_epoch: int = 0, position: Position | None = None,
                 asked_to_stop: Callable[[], int] = lambda: 0, sink: bool = False):
        self.train_step = train_step
        self.dataset = dataset
        self.callbacks = callbacks
        self.asked_to_stop = asked_to_stop
        self.sink = sink
        steps = dataset.get_dataset_size()
        position = position or Position(first_epoch, steps)
        self.state = RunState(
            train_network=train_step,
            epoch_num=epochs,
            batch_num=steps,
            cur_epoch_num=position.epoch,
            first_epoch=first_epoch,
            step_of_epoch=position.step,
            epoch_done=position.epoch_done,
            stop_requested=position.run_done,
        )
        self._context = RunContext(self.state)

    def run(self) -> int:
        """Trains until the last epoch is done, or a callback or a signal ends the run; returns the signal or 0."""
        self._tell("on_train_begin")
        if self._begin():
            if self.sink:
                self._run_sunk()
            else:
                self._run_steps()
        self._tell("on_train_end")
        if self.state.stopped_by:
            self.asked_to_stop()  # once more, so that all ranks wait for the first, which saves
        return self.state.stopped_by

    def _begin(self) -> bool:
        """Comes to the first step that is to be done; returns whether there is one."""
        state = self.state
        if not state.epoch_done and state.step_of_epoch < state.batch_num:
            return True
        if not state.epoch_done:
            self._tell("on_train_epoch_begin")
            if not self._end_epoch():
                return False
        return self._next_epoch()

    def _run_steps(self) -> None:
        state = self.state
        batches = self.dataset.create_tuple_iterator(num_epochs=state.epoch_num - state.cur_epoch_num + 1)
        try:
            while True:
                self._tell("on_train_epoch_begin")
                done = state.step_of_epoch
                for index, batch in enumerate(readable(batches)):
                    if index < done:
                        continue
                    self._step(batch)
                    if self._must_stop():
                        return
                if not (self._end_epoch() and self._next_epoch()):
                    return
        finally:
            batches.stop()

    def _step(self, batch: Sequence[ms.Tensor]) -> None:
        self.state.train_dataset_element = tuple(batch)
        self.state.net_outputs = self.train_step(*batch)
        self.state.step_of_epoch += 1
        self._tell("on_train_step_end")

    def _end_epoch(self) -> bool:
        """Lets the callbacks see the end of an epoch; returns whether the run continues."""
        self._tell("on_train_epoch_end")
        self.state.epoch_done = not self.state.epoch_end_incomplete
        return not (self._must_stop() or self.state.stop_requested)

    def _next_epoch(self) -> bool:
        """Goes to the beginning of the next epoch; returns whether there is one."""
        state = self.state
        if state.stop_requested or state.cur_epoch_num >= state.epoch_num:
            return False
        state.cur_epoch_num += 1
        state.step_of_epoch, state.epoch_done = 0, False
        return True

    def _must_stop(self) -> bool:
        self.state.stopped_by = self.asked_to_stop()
        return bool(self.state.stopped_by)

    def _run_sunk(self) -> None:
        """Whole epochs, by `Model.train`."""
        ms.Model(self.train_step).train(self.state.epoch_num, self.dataset, callbacks=_Relay(self),
                                        dataset_sink_mode=True, initial_epoch=self.state.cur_epoch_num - 1)

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            try:
                getattr(callback, event)(self._context)
            except Exception as error:
                makes = getattr(callback, "makes", None)
                if makes is None:
                    raise
                is_known = isinstance(error, (UserError, OSError))
                logger.warning("%s could not be made: %s. Training and checkpoints are not affected", makes,
                               str(error).rstrip("."), exc_info=None if is_known else error)


class _Relay(ms.Callback):
    """Passes the events of `Model.train` on to the callbacks of a loop, with the numbers of the loop."""

    def __init__(self, loop: TrainingLoop):
        super().__init__()
        self.loop = loop

    def on_train_epoch_begin(self, run_context: ms.RunContext) -> None:
        self.loop._tell("on_train_epoch_begin")

    def on_train_step_end(self, run_context: ms.RunContext) -> None:
        given, state = run_context.original_args(), self.loop.state
        state.net_outputs = given.net_outputs
        state.step_of_epoch = (given.cur_step_num - 1) % state.batch_num + 1
        self.loop._tell("on_train_step_end")

    def on_train_epoch_end(self, run_context: ms.RunContext) -> None:
        if not (self.loop._end_epoch() and self.loop._next_epoch()):
            run_context.request_stop()
