import csv
import logging
import time
from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest

from src.training.callbacks.log import TrainingLog
from src.training.results import Results
from src.utils.errors import UserError

pytestmark = pytest.mark.usefixtures("cpu")


def run(log, losses, steps=2, epochs=1):
    """Calls the callback as `Model.train` does."""
    params = SimpleNamespace(batch_num=steps, epoch_num=epochs, cur_step_num=0, train_network=None)
    context = SimpleNamespace(original_args=lambda: params)
    log.on_train_begin(context)
    for epoch in range(1, epochs + 1):
        params.cur_epoch_num = epoch
        log.on_train_epoch_begin(context)
        for _ in range(steps):
            params.cur_step_num += 1
            params.net_outputs = ms.Tensor(losses[params.cur_step_num - 1], ms.float32)
            log.on_train_step_end(context)
        log.on_train_epoch_end(context)
    log.on_train_end(context)


def stop_at_nan(broken, parts=()):
    """The error of a run whose second step has no number for a loss."""
    log = TrainingLog(3, [0.1, 0.2], terminal=False, find_images=lambda epoch, step: [70 + epoch, 70 + step, 9])
    params = SimpleNamespace(batch_num=2, epoch_num=1, cur_step_num=0, cur_epoch_num=1, train_network=None)
    context = SimpleNamespace(original_args=lambda: params)
    log.on_train_begin(context)
    log.on_train_epoch_begin(context)
    for params.cur_step_num, loss in ((1, 1.0), (2, float("nan"))):
        params.net_outputs = tuple(ms.Tensor(value) for value in (loss, *parts))
        inputs = np.ones((3, 2, 2), np.float32)
        inputs[broken] = np.inf
        params.train_dataset_element = (ms.Tensor(inputs), ms.Tensor(np.ones((3, 1), np.int32)))
        if params.cur_step_num == 1:
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


def test_a_run_goes_on(tmp_path):
    first = Results(tmp_path / "results.csv")
    log = TrainingLog(4, [0.1, 0.2, 0.3, 0.4], first, terminal=False)
    run(log, [8.0, 6.0, 4.0, 2.0], epochs=2)
    first.add(3, loss=9.0)  # after the checkpoint
    again = Results(tmp_path / "results.csv")
    again.restore(first.state()[:1])
    again.add(2, loss=7.0)
    assert [(row["epoch"], row["loss"]) for row in rows(tmp_path / "results.csv")] == [("1", "7.0"), ("2", "7.0")]
    assert not (tmp_path / "results-1.csv").exists()

    going_on = TrainingLog(4, [0.1, 0.2, 0.3, 0.4], again, terminal=False)
    going_on.restore({"losses": [4.0], "parts": [[]], "seconds": 100.0})
    params = SimpleNamespace(batch_num=2, epoch_num=2, cur_step_num=3, cur_epoch_num=2, train_network=None)
    context = SimpleNamespace(original_args=lambda: params)
    going_on.on_train_begin(context)
    going_on.on_train_epoch_begin(context)
    params.cur_step_num, params.net_outputs = 4, ms.Tensor(2.0)
    time.sleep(0.01)  # a step that takes time, so that it is seen in the thousandths of results.csv
    going_on.on_train_step_end(context)
    going_on.on_train_epoch_end(context)
    row = rows(tmp_path / "results.csv")[1]
    assert (row["loss"], row["step"]) == ("3.0", "4") and float(row["seconds"]) > 100


def rows(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_lines_and_results(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    results = Results(tmp_path / "results.csv")
    run(TrainingLog(4, [0.1, 0.2, 0.3, 0.4], results, terminal=False), [8.0, 6.0, 4.0, 2.0], epochs=2)
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "epoch: 1 step: 1, loss is 8.0"
    assert lines[4] == "epoch: 2 step: 2, loss is 2.0" or lines[4] == "epoch: 2 step: 1, loss is 4.0"
    assert any(line.startswith("epoch time: ") and " ms, per step time: " in line for line in lines)
    table = rows(tmp_path / "results.csv")
    assert [(row["epoch"], row["step"], row["loss"], row["learning_rate"]) for row in table] == [
        ("1", "2", "7.0", "0.2"),
        ("2", "4", "3.0", "0.4"),
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_the_run(value):
    with pytest.raises(UserError, match=r"epoch 2, step 1 of 2 \(learning rate 0\.3\)"):
        run(TrainingLog(4, [0.1, 0.2, 0.3, 0.4], terminal=False), [8.0, 6.0, value, 2.0], epochs=2)


def test_results_of_an_earlier_run_are_kept(tmp_path):
    for number in range(3):
        results = Results(tmp_path / "results.csv")
        results.add(1, loss=number)
        results.add(2, loss=10)
    assert [row["loss"] for row in rows(tmp_path / "results.csv")] == ["2", "10"]
    assert rows(tmp_path / "results-1.csv")[0]["loss"] == "0"
    assert rows(tmp_path / "results-2.csv")[0]["loss"] == "1"


def test_values_of_one_epoch_come_together(tmp_path):
    results = Results(tmp_path / "results.csv")
    results.add(3, loss=1.5)
    results.add(3, mAP=0.25)
    (row,) = rows(tmp_path / "results.csv")
    assert (row["epoch"], row["loss"], row["mAP"]) == ("3", "1.5", "0.25")


def test_progress_bar_on_a_terminal(capsys):
    run(TrainingLog(4, [0.1, 0.2], terminal=True), [8.0, 6.0])
    shown = capsys.readouterr().err
    assert "epoch 1" in shown
    assert "images/s" in shown
    assert "loss 6.000" in shown
