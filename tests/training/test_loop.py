"""The loop over steps, and what callbacks see of it."""
import mindspore as ms
import pytest

from src.training.loop import TrainingLoop
from src.training.run_state import Position
from src.utils.errors import UserError
from tests.support.numbered_batches import NumberedBatches

pytestmark = pytest.mark.usefixtures("cpu")


class Recorder(ms.Callback):
    """Notes what it is told, with the epoch, the step of the epoch and the step of the run."""

    def __init__(self, at=None, act=None):
        super().__init__()
        self.seen, self.at, self.act = [], at, act

    def _note(self, event, context):
        state = context.original_args()
        self.seen.append((event, state.cur_epoch_num, state.step_of_epoch, state.cur_step_num))
        if self.seen[-1][:3] == self.at:
            self.act(context)

    def on_train_begin(self, context):
        self._note("begin", context)

    def on_train_epoch_begin(self, context):
        self._note("epoch begin", context)

    def on_train_step_end(self, context):
        self._note("step", context)

    def on_train_epoch_end(self, context):
        self._note("epoch end", context)

    def on_train_end(self, context):
        self._note("end", context)


def run(epochs=2, steps=2, position=None, stop_after=None, callback=None, first_epoch=0, data_epoch=None):
    """What the callback saw, the numbers that were trained on, the loop, and the signal that ended it.

    Args:
        stop_after: number of questions before the answer is a signal; None for none.
    """
    trained, asked = [], []
    callback = callback or Recorder()
    dataset = NumberedBatches(steps, first_epoch if data_epoch is None else data_epoch)

    def asked_to_stop():
        asked.append(len(asked))
        return 15 if stop_after is not None and len(asked) > stop_after else 0

    loop = TrainingLoop(lambda batch: trained.append(float(batch.asnumpy()[0])), dataset, [callback], epochs,
                        first_epoch, position, asked_to_stop)
    return callback.seen, trained, loop, loop.run()


def test_a_whole_run():
    seen, trained, loop, stopped_by = run()
    assert trained == [0, 1, 10, 11]
    assert seen == [
        ("begin", 0, 2, 0),
        ("epoch begin", 1, 0, 0), ("step", 1, 1, 1), ("step", 1, 2, 2), ("epoch end", 1, 2, 2),
        ("epoch begin", 2, 0, 2), ("step", 2, 1, 3), ("step", 2, 2, 4), ("epoch end", 2, 2, 4),
        ("end", 2, 2, 4),
    ]
    assert stopped_by == 0 and loop.state.epoch_done and loop.dataset.stopped


def test_steps_are_counted_from_the_beginning_of_the_run():
    seen, trained, _, _ = run(epochs=4, first_epoch=3)
    assert trained == [30, 31]
    assert [entry for entry in seen if entry[0] == "step"] == [("step", 4, 1, 1), ("step", 4, 2, 2)]


def test_resuming_in_the_middle_of_an_epoch():
    seen, trained, _, _ = run(steps=3, position=Position(2, 1, epoch_done=False), data_epoch=1)
    assert trained == [11, 12]
    assert seen[:3] == [("begin", 2, 1, 4), ("epoch begin", 2, 1, 4), ("step", 2, 2, 5)]


def test_resuming_with_the_end_of_an_epoch():
    seen, trained, _, _ = run(position=Position(1, 2, epoch_done=False), data_epoch=1)
    assert trained == [10, 11]
    assert [entry[:2] for entry in seen[:4]] == [("begin", 1), ("epoch begin", 1), ("epoch end", 1), ("epoch begin", 2)]


def test_resuming_after_the_end_of_an_epoch():
    seen, trained, _, _ = run(position=Position(1, 2), data_epoch=1)
    assert trained == [10, 11]
    assert [entry[:2] for entry in seen[:2]] == [("begin", 1), ("epoch begin", 2)]


@pytest.mark.parametrize("position", [Position(2, 2), Position(1, 2, run_done=True)])
def test_nothing_is_left_to_do(position):
    seen, trained, _, _ = run(position=position)
    assert trained == []
    assert [entry[0] for entry in seen] == ["begin", "end"]


def test_a_signal_ends_the_run_after_the_step():
    seen, trained, loop, stopped_by = run(stop_after=1)
    assert trained == [0, 1]
    assert [entry[0] for entry in seen[-2:]] == ["step", "end"]  # the end of the epoch is left to the resumed run
    assert stopped_by == loop.state.stopped_by == 15
    assert not loop.state.epoch_done and loop.dataset.stopped


def test_a_signal_at_the_end_of_an_epoch():
    """The loop asks after each step, and once more after the callbacks have seen the end of the epoch."""
    _, trained, loop, _ = run(stop_after=1, steps=1)
    assert trained == [0]
    assert (loop.state.cur_epoch_num, loop.state.step_of_epoch, loop.state.epoch_done) == (1, 1, True)


def test_an_epoch_whose_end_is_incomplete_is_not_done():
    def leave_incomplete(context):
        context.original_args().epoch_end_incomplete = True

    callback = Recorder(("epoch end", 1, 1), leave_incomplete)
    _, _, loop, _ = run(stop_after=1, steps=1, callback=callback)
    assert not loop.state.epoch_done


def test_a_callback_ends_the_run():
    callback = Recorder(("epoch end", 1, 2), lambda context: context.request_stop())
    seen, trained, _, stopped_by = run(epochs=5, callback=callback)
    assert trained == [0, 1]
    assert seen[-1] == ("end", 1, 2, 2)
    assert stopped_by == 0


class Fails(ms.Callback):
    def __init__(self, error, makes=None):
        super().__init__()
        self.error = error
        if makes:
            self.makes = makes

    def on_train_end(self, context):
        raise self.error


@pytest.mark.parametrize("error", [UserError("no image can be read."), OSError(28, "no space"), ValueError("a fault")])
def test_what_comes_after_a_checkpoint_does_not_end_the_run(error, caplog):
    def trained_with(*callbacks):
        return TrainingLoop(lambda batch: None, NumberedBatches(1, 0), callbacks, epochs=1).run()

    last = Recorder()
    assert trained_with(Fails(error, "model.onnx"), last) == 0
    assert last.seen[-1][0] == "end"
    (record,) = caplog.records
    assert record.getMessage() == (f"model.onnx could not be made: {str(error).rstrip('.')}. Training and checkpoints "
                                   "are not affected")
    assert bool(record.exc_info) == isinstance(error, ValueError)  # a fault of the program keeps its traceback
    with pytest.raises(type(error)):
        trained_with(Fails(error))
