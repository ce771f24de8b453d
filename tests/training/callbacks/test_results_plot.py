"""The plot of the results, TensorBoard, the summary of a run."""
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from src.ssd import build_training_net
from src.training.callbacks import results_plot
from src.training.callbacks.results_plot import PlotResults, results_figure
from src.training.callbacks.summary import EndSummary, create_start_summary
from src.training.callbacks.tensorboard import TensorBoard
from src.training.results import Results
from src.utils.errors import UserError


def context(epoch):
    return SimpleNamespace(original_args=lambda: SimpleNamespace(cur_epoch_num=epoch))


def rows(epochs, **evaluated):
    return [{"epoch": epoch, "loss": 3 / epoch, "classification_loss": 2 / epoch, "localisation_loss": 1 / epoch,
             "learning_rate": "0.01", **evaluated} for epoch in range(1, epochs + 1)]


def test_lines_of_the_plot():
    loss, rate, evaluation = results_figure([*rows(4), {**rows(1, mAP=0.3, AP50=0.5)[0], "epoch": 5}]).axes
    shown = {line.get_label(): list(line.get_ydata()) for line in loss.lines}
    assert shown["loss"] == [3, 1.5, 1, 0.75, 3]
    assert shown["classification"] == [2, 1, 2 / 3, 0.5, 2]
    assert list(rate.lines[0].get_ydata()) == [0.01] * 5
    points = [(list(line.get_xdata()), list(line.get_ydata())) for line in evaluation.lines]
    assert points == [([5], [0.3]), ([5], [0.5])]


def test_only_what_there_is():
    figure = results_figure([{"epoch": 1, "loss": 2.0, "learning_rate": "0.1"}])
    assert [[line.get_label() for line in axes.lines] for axes in figure.axes] == [["loss"], ["learning_rate"]]
    for axes in figure.axes:
        assert all(tick == round(tick) for tick in axes.get_xticks()), "parts of an epoch"


def test_the_plot_is_refreshed_by_evaluations_and_at_the_end(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(results_plot, "save_plot", lambda figure, path: drawn.append((len(results.rows), path.name)))
    results = Results(tmp_path / "results.csv")
    plot = PlotResults(results)
    for epoch, more in ((1, {}), (2, {"mAP": 0.2}), (3, {})):
        results.add(epoch, loss=1.0, **more)
        plot.on_train_epoch_end(context(epoch))
    assert drawn == [(2, "results.png")]
    plot.on_train_end(context(3))
    assert drawn[1:] == [(3, "results.png")]


def test_the_file_is_a_picture(tmp_path):
    results = Results(tmp_path / "results.csv")
    results.add(1, loss=1.0, mAP=0.1)
    PlotResults(results).on_train_end(context(1))
    assert cv2.imread(str(tmp_path / "results.png")).shape[1] > 1000


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    results = Results(tmp_path / "results.csv")
    board = TensorBoard(tmp_path / "tensorboard", results, {"first": np.zeros((8, 8, 3), np.uint8)})
    results.add(1, loss=1.5, learning_rate="0.25", mAP=0.125, protocol="reference")
    board.on_train_epoch_end(context(1))
    board.on_train_end(context(1))
    (file,) = (tmp_path / "tensorboard").iterdir()
    content = file.read_bytes()
    assert all(name in content for name in (b"first", b"loss", b"learning_rate", b"mAP"))
    for value in (1.5, 0.25, 0.125):
        assert np.float32(value).tobytes() in content


def test_tensorboard_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(UserError, match="pip install tensorboardX"):
        TensorBoard(tmp_path, Results(tmp_path / "results.csv"), {})


def test_summary_at_the_start(cpu, config_of):
    config = config_of("ssd300_config.yaml", "--device_target=CPU", "--cpu_threads=2", "--use_ema", "--run_eval=True",
                       "--accumulation_steps=4", "--seed=5")
    text = create_start_summary(config, build_training_net(config).network, 120, 30, steps=3, ranks=2)
    for part in ("ssd300, 80 classes, input 300 x 300, 1917 default boxes",
                 "120 images to train on, 30 to evaluate with",
                 "3 an epoch, each with 32 images on each of 2 ranks, 4 steps for one update; epochs 1 to 500",
                 "CPU, 2 threads", "use_ema: true", "seed:     5", "MindSpore 2.", "million parameters", "GFLOPs"):
        assert part in text
    assert "freeze_layer" not in text


def test_summary_at_the_end(tmp_path):
    (tmp_path / "results.csv").touch()
    checkpoints = SimpleNamespace(saved=[tmp_path / "ssd-9_3.ckpt"])
    evaluation = SimpleNamespace(best=(0.25, 7), best_path=tmp_path / "best_map.ckpt")
    summary = EndSummary(tmp_path, checkpoints, evaluation, "my out/config.yaml", "ssd300")
    summary.on_train_begin(None)
    text = summary.text()
    assert f"mAP 0.250 after epoch 7, {tmp_path / 'best_map.ckpt'}" in text
    assert f"to see:   {tmp_path / 'results.csv'}\n" in text
    assert ("python export.py '--config_path=my out/config.yaml' "
            f"--checkpoint_file_path={tmp_path / 'best_map.ckpt'} --file_format=ONNX") in text
    summary.evaluation = None
    assert f"python eval.py '--config_path=my out/config.yaml' --checkpoint_file_path={checkpoints.saved[-1]}" in (
        summary.text())
