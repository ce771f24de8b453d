import csv
import logging
import re

import mindspore as ms
import numpy as np
import pytest

from src.training.callbacks.log import TrainingLog
from src.training.results import Results
from src.training.run_state import RunContext, RunState
from src.utils.errors import UserError

pytestmark = pytest.mark.usefixtures("cpu")


def run(log, losses, steps=2, epochs=1):
    """Calls the events of the callback as a `TrainingLoop` does."""
    state = RunState(train_network=None, epoch_num=epochs, batch_num=steps)
    context = RunContext(state)
    log.on_train_begin(context)
    losses = iter(losses)
    for state.cur_epoch_num in range(1, epochs + 1):
        state.step_of_epoch = 0
        log.on_train_epoch_begin(context)
        for state.step_of_epoch in range(1, steps + 1):
            state.net_outputs = ms.Tensor(next(losses), ms.float32)
            log.on_train_step_end(context)
        log.on_train_epoch_end(context)
    log.on_train_end(context)


def stop_at_nan(broken, parts=()):
    """The error of a run whose second step has a loss that is not finite."""
    log = TrainingLog(3, [0.1, 0.2], terminal=False, find_images=lambda epoch, step: [70 + epoch, 70 + step, 9])
    state = RunState(train_network=None, epoch_num=1, batch_num=2, cur_epoch_num=1)
    context = RunContext(state)
    log.on_train_begin(context)
    log.on_train_epoch_begin(context)
    for state.step_of_epoch, loss in ((1, 1.0), (2, float("nan"))):
        state.net_outputs = tuple(ms.Tensor(value) for value in (loss, *parts))
        inputs = np.ones((3, 2, 2), np.float32)
        inputs[broken] = np.inf
        state.train_dataset_element = (ms.Tensor(inputs), ms.Tensor(np.ones((3, 1), np.int32)))
        if state.step_of_epoch == 1:
            log.on_train_step_end(context)
    with pytest.raises(UserError) as error:
        log.on_train_step_end(context)
    return str(error.value)


def test_the_images_of_the_step_are_named():
    text = stop_at_nan([])
    assert "epoch 1, step 2 of 2 (learning rate 0.2), images with the ids 71, 72, 9: the run has diverged" in text


def test_gradients_that_overflow_are_told_from_a_loss_that_is_no_number():
    text = stop_at_nan([], parts=(1.5, 0.75))
    assert text.startswith("the loss is 2.25 and its gradients overflow at epoch 1, step 2 of 2")
    assert "dynamic_loss_scale" in text and "ids 71, 72, 9" in text
    assert stop_at_nan([], parts=(1.5, float("inf"))).startswith("the loss is nan at epoch 1")


def test_images_whose_inputs_are_broken_are_named():
    text = stop_at_nan([1])
    assert "the inputs made from the images with the ids 72 hold numbers that are not finite" in text
    assert "ids 71, 9 hold" in stop_at_nan([0, 2])


def test_a_resumed_epoch_counts_what_was_before(tmp_path):
    results = Results(tmp_path / "results.csv")
    log = TrainingLog(4, [0.1, 0.2, 0.3, 0.4], results, terminal=False)
    log.restore({"losses": [4.0], "parts": [[]], "seconds": 100.0})
    state = RunState(train_network=None, epoch_num=2, batch_num=2, cur_epoch_num=2, step_of_epoch=1, epoch_done=False)
    context = RunContext(state)
    log.on_train_begin(context)
    log.on_train_epoch_begin(context)
    state.step_of_epoch, state.net_outputs = 2, ms.Tensor(2.0)
    log.on_train_step_end(context)
    log.on_train_epoch_end(context)
    (row,) = rows(tmp_path / "results.csv")
    assert (row["loss"], row["step"]) == ("3.0", "4") and float(row["seconds"]) >= 100


def rows(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_lines_and_results(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    results = Results(tmp_path / "results.csv")
    run(TrainingLog(4, [0.1, 0.2, 0.3, 0.4], results, terminal=False), [8.0, 6.0, 4.0, 2.0], epochs=2)
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "epoch: 1 step: 1, loss is 8.0"
    assert re.fullmatch(r"epoch time: \d+\.\d{3} ms, per step time: \d+\.\d{3} ms, \d+:\d\d:\d\d left", lines[2])
    assert lines[3:5] == ["epoch: 2 step: 1, loss is 4.0", "epoch: 2 step: 2, loss is 2.0"]
    table = rows(tmp_path / "results.csv")
    assert [(row["epoch"], row["step"], row["loss"], row["learning_rate"]) for row in table] == [
        ("1", "2", "7.0", "0.2"),
        ("2", "4", "3.0", "0.4"),
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_run(value):
    with pytest.raises(UserError, match=r"epoch 2, step 1 of 2 \(learning rate 0\.3\)"):
        run(TrainingLog(4, [0.1, 0.2, 0.3, 0.4], terminal=False), [8.0, 6.0, value, 2.0], epochs=2)


def test_progress_bar_on_a_terminal(capsys):
    run(TrainingLog(4, [0.1, 0.2], terminal=True), [8.0, 6.0])
    shown = capsys.readouterr().err
    assert "epoch 1" in shown
    assert "images/s" in shown
    assert "loss 6.000" in shown
