"""The loop over epochs and steps, which can begin and end in the middle of an epoch."""
from types import SimpleNamespace
from typing import NamedTuple

import mindspore as ms


class Position(NamedTuple):
    """Where a run is.

    Attributes:
        epoch: number of the epoch, 0 before the first.
        step: steps that are done of it.
        epoch_done: they all are, and evaluation and all else that follows them too.
        run_done: early stopping ended the run there.
    """

    epoch: int
    step: int = 0
    epoch_done: bool = True
    run_done: bool = False


class TrainingLoop:
    """Trains epoch after epoch, and tells callbacks as `mindspore.Model.train` does.

    Beside what `Model.train` gives them, callbacks find in `run_context.original_args()`: `step_of_epoch`, the steps
    that are done of the epoch; `epoch_done`, whether all callbacks have done their work at its end; `end_left_out`,
    which one sets that has not; `stopped_by`, the number of the signal that ended the run, or 0.

    Args:
        train_step: inputs -> loss; it updates the parameters.
        dataset: batches of inputs. Its first epoch is the one with the next step to be done, and has all its batches.
        callbacks: list of `mindspore.Callback`.
        epochs: number of the last epoch.
        first_epoch: epochs that were done before the first step of the run.
        position: `Position` to go on at; by default the beginning of the run.
        asked_to_stop: function -> number of a signal or 0, the same on all ranks; asked after each step and each epoch.
        sink: hand whole epochs to the device.
    """

    def __init__(self, train_step, dataset, callbacks, epochs, first_epoch=0, position=None, asked_to_stop=lambda: 0,
                 sink=False):
        self.train_step = train_step
        self.dataset = dataset
        self.callbacks = callbacks
        self.first_epoch = first_epoch
        self.asked_to_stop = asked_to_stop
        self.sink = sink
        steps = dataset.get_dataset_size()
        position = position or Position(first_epoch, steps)
        self.stop_requested = position.run_done
        self.params = SimpleNamespace(train_network=train_step, epoch_num=epochs, batch_num=steps,
                                      cur_epoch_num=position.epoch, step_of_epoch=position.step,
                                      epoch_done=position.epoch_done, end_left_out=False, stopped_by=0,
                                      net_outputs=None, train_dataset_element=None)
        self._count_steps()

    # What callbacks get as their `run_context`.

    def original_args(self):
        return self.params

    def request_stop(self):
        self.stop_requested = True

    def get_stop_requested(self):
        return self.stop_requested

    def run(self):
        """Trains until the last epoch is done, or a callback or a signal wants the end; returns the signal or 0."""
        self._tell("on_train_begin")
        if self._begin():
            if self.sink:
                self._run_sunk()
            else:
                self._run_steps()
        self._tell("on_train_end")
        if self.params.stopped_by:
            self.asked_to_stop()  # once more, so that all ranks wait for the first, which saves
        return self.params.stopped_by

    def _begin(self):
        """Comes to the first step that is to be done; returns whether there is one."""
        params = self.params
        if not params.epoch_done and params.step_of_epoch < params.batch_num:
            return True
        if not params.epoch_done:
            self._tell("on_train_epoch_begin")
            if not self._end_epoch():
                return False
        return self._next_epoch()

    def _run_steps(self):
        params = self.params
        batches = self.dataset.create_tuple_iterator(num_epochs=params.epoch_num - params.cur_epoch_num + 1)
        try:
            while True:
                self._tell("on_train_epoch_begin")
                done = params.step_of_epoch
                for index, batch in enumerate(batches):
                    if index < done:
                        continue
                    self._step(batch)
                    if self._must_stop():
                        return
                if not (self._end_epoch() and self._next_epoch()):
                    return
        finally:
            batches.stop()

    def _step(self, batch):
        params = self.params
        params.train_dataset_element = batch
        params.net_outputs = self.train_step(*batch)
        params.step_of_epoch += 1
        self._count_steps()
        self._tell("on_train_step_end")

    def _end_epoch(self):
        """Lets the callbacks see the end of an epoch; returns whether the run goes on."""
        self._tell("on_train_epoch_end")
        self.params.epoch_done = not self.params.end_left_out
        return not (self._must_stop() or self.stop_requested)

    def _next_epoch(self):
        """Goes to the beginning of the next epoch; returns whether there is one."""
        params = self.params
        if self.stop_requested or params.cur_epoch_num >= params.epoch_num:
            return False
        params.cur_epoch_num += 1
        params.step_of_epoch, params.epoch_done = 0, False
        return True

    def _must_stop(self):
        self.params.stopped_by = self.asked_to_stop()
        return bool(self.params.stopped_by)

    def _run_sunk(self):
        """Whole epochs, by `Model.train`."""
        ms.Model(self.train_step).train(self.params.epoch_num, self.dataset, callbacks=_Relay(self),
                                        dataset_sink_mode=True, initial_epoch=self.params.cur_epoch_num - 1)

    def _count_steps(self):
        params = self.params
        done = params.cur_epoch_num - 1 - self.first_epoch
        params.cur_step_num = done * params.batch_num + params.step_of_epoch

    def _tell(self, event):
        for callback in self.callbacks:
            getattr(callback, event)(self)


class _Relay(ms.Callback):
    """Passes on what `Model.train` tells, with the numbers of a loop that began before."""

    def __init__(self, loop):
        super().__init__()
        self.loop = loop

    def on_train_epoch_begin(self, run_context):
        self.loop._tell("on_train_epoch_begin")

    def on_train_step_end(self, run_context):
        given, params = run_context.original_args(), self.loop.params
        params.net_outputs = given.net_outputs
        params.step_of_epoch = (given.cur_step_num - 1) % params.batch_num + 1
        self.loop._count_steps()
        self.loop._tell("on_train_step_end")

    def on_train_epoch_end(self, run_context):
        if not (self.loop._end_epoch() and self.loop._next_epoch()):
            run_context.request_stop()
