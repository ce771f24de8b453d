from types import SimpleNamespace

import pytest
from mindspore import nn

from src.training.callbacks import evaluate as module
from src.training.callbacks.evaluate import EvalCallback, EvaluationInterruptedError, unless_stopped
from src.training.results import Results
from src.training.run_state import RunContext, RunState
from src.weights.thresholds_file import thresholds_path

pytestmark = pytest.mark.usefixtures("cpu")


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Function: mAP of each evaluation, arguments -> epochs evaluated, epochs saved, the callback."""

    def run(maps, epochs, **arguments):
        net, evaluated, saved = nn.Dense(2, 2).set_train(True), [], []
        state = RunState(net, epochs, batch_num=1)

        def evaluate():
            assert not net.training
            evaluated.append(state.cur_epoch_num)
            protocols = {"reference": SimpleNamespace(stats=(0.0, 0.5))}
            return SimpleNamespace(map=maps[len(evaluated) - 1], protocol="reference", stats={"reference": (0.0, 0.5)},
                                   protocols=protocols, thresholds=f"of epoch {state.cur_epoch_num}")

        monkeypatch.setattr(module, "save_checkpoint", lambda net, path: saved.append(state.cur_epoch_num))
        monkeypatch.setattr(module, "write_thresholds",
                            lambda path, thresholds: thresholds_path(path).write_text(thresholds))
        monkeypatch.setattr(module, "format_result", lambda result: f"mAP: {result.map}")
        arguments = {"best_path": tmp_path / "best_map.ckpt", **arguments}
        callback = EvalCallback(evaluate, net, results=Results(tmp_path / "results.csv"), **arguments)
        for state.cur_epoch_num in range(1, epochs + 1):
            callback.on_train_epoch_end(RunContext(state))
            assert net.training
        callback.on_train_end(RunContext(state))
        return evaluated, saved, callback

    return run


def test_start_and_interval(run):
    assert run([0.1] * 9, epochs=9, start=3, interval=2)[0] == [3, 5, 7, 9]


def test_the_best_is_kept_and_a_tie_replaces_it(run):
    _, saved, callback = run([0.2, 0.1, 0.2, 0.3, 0.0], epochs=5, start=1, interval=1)
    assert saved == [1, 3, 4]
    assert callback.best == (0.3, 4)


def test_the_best_checkpoint_of_an_earlier_run_is_kept(run, tmp_path):
    (tmp_path / "best_map.ckpt").write_text("earlier")
    run([0.2, 0.1, 0.3], epochs=3, start=1, interval=1, keep=lambda path: None)  # its own, from before it was resumed
    assert (tmp_path / "best_map.ckpt").read_text() == "earlier"
    assert (tmp_path / "best_map.thresholds.json").read_text() == "of epoch 3"
    (tmp_path / "best_map-1.ckpt").write_text("before that")
    run([0.4, 0.1], epochs=2, start=1, interval=1)
    assert {path.name: path.read_text() for path in tmp_path.glob("best*")} == {
        "best_map-1.ckpt": "before that", "best_map-2.ckpt": "earlier", "best_map-2.thresholds.json": "of epoch 3",
        "best_map.thresholds.json": "of epoch 1"}


@pytest.mark.parametrize("function", ["save_checkpoint", "write_thresholds"])
def test_the_best_is_the_one_in_the_file_where_a_later_one_cannot_be_saved(run, monkeypatch, function):
    _, _, callback = run([0.3], epochs=1, start=1, interval=1, patience=3)

    def full_disk(*arguments):
        raise OSError(28, "No space left on device")

    callback.evaluation = lambda: SimpleNamespace(map=0.6, protocol="coco", stats={"coco": (0.6, 0.7)}, thresholds="")
    callback.results = None
    monkeypatch.setattr(module, function, full_disk)
    with pytest.raises(OSError, match="No space left"):
        callback.on_train_epoch_end(RunContext(RunState(callback.net, 2, batch_num=1, cur_epoch_num=2)))
    assert callback.state() == {"best": (0.3, 1), "since_better": 0, "wants_end": False}


def test_no_best_checkpoint_if_not_wanted(run):
    _, saved, callback = run([0.2, 0.3], epochs=2, start=1, interval=1, best_path=None)
    assert saved == []
    assert callback.best == (0.3, 2)


def test_a_resumed_run_counts_on(run):
    _, _, callback = run([0.2, 0.3, 0.1], epochs=3, start=1, interval=1, patience=3)
    assert callback.state() == {"best": (0.3, 2), "since_better": 1, "wants_end": False}
    other = EvalCallback(None, None, start=1, interval=1)
    other.restore({"best": [0.3, 2], "since_better": 1, "wants_end": False})
    assert other.state() == callback.state()


def test_a_best_checkpoint_that_is_no_longer_there_is_not_the_best(tmp_path):
    callback = EvalCallback(None, None, start=1, interval=1, best_path=tmp_path / "best_map.ckpt")
    state = {"best": [0.3, 2], "since_better": 1, "wants_end": False}
    callback.restore(state)
    assert callback.best is None
    callback.best_path.write_text("weights")
    callback.restore(state)
    assert callback.best == (0.3, 2)


def test_an_evaluation_that_a_signal_ends_is_left_for_later():
    signals = SimpleNamespace(number=0)
    predict = unless_stopped(lambda images: images + 1, signals)
    assert predict(1) == 2
    signals.number = 15
    with pytest.raises(EvaluationInterruptedError):
        predict(1)
    net = nn.Dense(2, 2).set_train(True)
    callback = EvalCallback(lambda: predict(1), net, start=1, interval=1)
    state = RunState(net, epoch_num=1, batch_num=1, cur_epoch_num=1)
    callback.on_train_epoch_end(RunContext(state))
    assert state.epoch_end_incomplete and net.training and callback.best is None
