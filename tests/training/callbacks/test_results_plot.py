"""The plot of the results."""
import cv2

from src.training.callbacks import results_plot
from src.training.callbacks.results_plot import PlotResults, results_figure
from src.training.results import Results
from src.training.run_state import RunContext, RunState


def context(epoch):
    return RunContext(RunState(train_network=None, epoch_num=3, batch_num=1, cur_epoch_num=epoch))


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


def test_a_run_without_evaluation():
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


def test_a_run_without_an_epoch_of_its_own_draws_nothing(tmp_path):
    """Its rows are those of the checkpoint that it began from; the plot there is that of an earlier run."""
    results = Results(tmp_path / "results.csv")
    results.restore(rows(2))
    PlotResults(results).on_train_end(context(2))
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_a_picture(tmp_path):
    results = Results(tmp_path / "results.csv")
    results.add(1, loss=1.0, mAP=0.1)
    PlotResults(results).on_train_end(context(1))
    assert cv2.imread(str(tmp_path / "results.png")) is not None
