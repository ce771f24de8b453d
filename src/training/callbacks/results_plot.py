"""The plot of the results: `results.png`."""
from collections.abc import Mapping, Sequence
from typing import Any

import mindspore as ms
from matplotlib.figure import Figure

from src.training.results import Results
from src.training.run_state import RunContext
from src.visualization.plot_style import INK, SERIES, new_figure, plot_style, save_plot

PANEL_WIDTH, HEIGHT = 4.1, 3.9
LOSSES = (("loss", INK), ("classification_loss", SERIES[0]), ("localisation_loss", SERIES[1]))
PRECISIONS = (("mAP", SERIES[0]), ("AP50", SERIES[1]))
NAMES = {"classification_loss": "classification", "localisation_loss": "localisation", "AP50": "AP at IoU 0.5"}


def results_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Loss with its parts, learning rate and mAP over the epochs, side by side; mAP only if it was measured.

    Args:
        rows: one for each epoch, as `Results` has them.
    """
    panels = [("Loss", LOSSES), ("Learning rate", (("learning_rate", SERIES[4]),))]
    if any("mAP" in row for row in rows):
        panels.append(("Evaluation", PRECISIONS))
    with plot_style():
        figure = new_figure(PANEL_WIDTH * len(panels), HEIGHT)
        for axes, (title, columns) in zip(figure.subplots(1, len(panels)), panels):
            for column, colour in columns:
                points = [(row["epoch"], float(row[column])) for row in rows if column in row]
                if points:
                    axes.plot(*zip(*points), marker="o" if len(points) < 30 else None, markersize=3.5, color=colour,
                              label=NAMES.get(column, column))
            axes.set(title=title, xlabel="epoch")
            axes.set_ylim(bottom=0)
            axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
            axes.locator_params(axis="x", nbins=6)
            if len(axes.lines) > 1:
                axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.16), ncols=3, fontsize=8.5, handlelength=1.2,
                            columnspacing=1.0)
        return figure


class PlotResults(ms.Callback):
    """Draws `results.png` beside `results.csv`: after each evaluation, and at the end of a run that wrote results.

    Args:
        results: `Results` that callbacks before this one add to.
    """

    makes = "results.png"

    def __init__(self, results: Results):
        super().__init__()
        self.results = results

    def on_train_epoch_end(self, run_context: RunContext) -> None:
        if "mAP" in self.results.rows[run_context.original_args().cur_epoch_num]:
            self._draw()

    def on_train_end(self, run_context: RunContext) -> None:
        if self.results.is_written:
            self._draw()

    def _draw(self) -> None:
        save_plot(results_figure(list(self.results.rows.values())), self.results.path.with_suffix(".png"))
