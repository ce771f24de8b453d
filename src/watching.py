"""Callbacks to watch and end a run by: a plot of the results, TensorBoard, early stopping."""
import mindspore as ms

from src.model_utils.errors import UserError
from src.plots import INK, SERIES, new_figure, plot_style, save_plot

PANEL_WIDTH, HEIGHT = 4.1, 3.9
LOSSES = (("loss", INK), ("classification_loss", SERIES[0]), ("localisation_loss", SERIES[1]))
PRECISIONS = (("mAP", SERIES[0]), ("AP50", SERIES[1]))
NAMES = {"classification_loss": "classification", "localisation_loss": "localisation", "AP50": "AP at IoU 0.5"}


def results_figure(rows):
    """Loss with its parts, learning rate and mAP over the epochs, side by side; mAP only where there is any.

    Args:
        rows: dictionaries as `Results` has them.
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
    """Draws `results.png` beside `results.csv`: after each evaluation, and at the end of the run.

    Args:
        results: `Results` that other callbacks, which come before this one, add to.
    """

    def __init__(self, results):
        super().__init__()
        self.results = results

    def on_train_epoch_end(self, run_context):
        if "mAP" in self.results.rows[run_context.original_args().cur_epoch_num]:
            self._draw()

    def on_train_end(self, run_context):
        self._draw()

    def _draw(self):
        save_plot(results_figure(list(self.results.rows.values())), self.results.path.with_suffix(".png"))


class TensorBoard(ms.Callback):
    """Writes what `Results` gets, epoch by epoch, for TensorBoard.

    Args:
        folder: where to.
        results: `Results` that other callbacks, which come before this one, add to.
        pictures: name -> (H, W, 3) uint8, to show.
        first_epoch: of a run that goes on; what was written for it and later ones is not shown. None for a new run.

    Raises:
        UserError: tensorboardX is not installed.
    """

    def __init__(self, folder, results, pictures, first_epoch=None):
        super().__init__()
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise UserError("tensorboard needs the package tensorboardX: pip install tensorboardX tensorboard, or "
                            "leave --tensorboard out") from error
        self.results = results
        self.writer = SummaryWriter(str(folder), purge_step=first_epoch)
        for name, picture in pictures.items():
            self.writer.add_image(name, picture, 0, dataformats="HWC")

    def on_train_epoch_end(self, run_context):
        epoch = run_context.original_args().cur_epoch_num
        for name, value in self.results.rows[epoch].items():
            if name not in ("epoch", "protocol"):
                self.writer.add_scalar(name, float(value), epoch)
        self.writer.flush()

    def on_train_end(self, run_context):
        self.writer.close()


class StopTogether(ms.Callback):
    """Ends the run on all ranks after an epoch in which the first rank wants it.

    Args:
        evaluation: the `EvalCallback` of the first rank, which comes before this one; None on the others.
        decide: a number -> that of the first rank, see `FirstRankDecides.of`.
    """

    def __init__(self, evaluation, decide):
        super().__init__()
        self.evaluation = evaluation
        self.decide = decide

    def on_train_epoch_end(self, run_context):
        if self.decide(int(self.evaluation is not None and self.evaluation.wants_end)):
            run_context.request_stop()
