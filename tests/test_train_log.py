import csv
import logging
from types import SimpleNamespace

import mindspore as ms
import pytest

from src.model_utils.errors import UserError
from src.train_log import Results, TrainingLog

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
