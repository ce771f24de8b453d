"""The plots of an evaluation report, as matplotlib figures."""
import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.figure import Figure

from src.evaluation.error_analysis import OBJECT_KINDS
from src.evaluation.report.error_images import OUTCOME_COLOURS
from src.evaluation.results import ClassResult
from src.evaluation.thresholds import OperatingPoint, ScoreCurves
from src.visualization.plot_style import (
    BAR_HEIGHT,
    CELL_SIDE,
    FAINT,
    INK,
    SERIES,
    SHORT_NAME,
    WIDEST,
    WIDTH,
    new_figure,
    plot_style,
    short_name,
)

# Up to so many classes, each has its own colour, and each cell of the confusion matrix its number.
FEW_CLASSES, FEW_CELLS = len(SERIES), 24


def ap_bars(classes: Iterable[ClassResult]) -> Figure:
    """AP of each class as a bar, the best first, in two columns where there are many; AP at IoU 0.5 as a tick.

    Args:
        classes: of all classes; those without objects are left out.
    """
    rows = sorted((one for one in classes if one.ap is not None), key=lambda one: -(one.ap or 0))
    names = [short_name(one.name) for one in rows]
    with plot_style(names):
        num_columns = 1 if len(rows) <= 30 else 2
        length = -(-max(len(rows), 1) // num_columns)
        figure = new_figure(WIDTH, 1.1 + BAR_HEIGHT * length)
        for column, axes in enumerate(figure.subplots(1, num_columns, squeeze=False)[0]):
            part = rows[column * length : (column + 1) * length]
            places = np.arange(len(part))
            bars = axes.barh(places, [one.ap for one in part], height=0.72, color=SERIES[0])
            ticks = axes.plot([one.ap50 for one in part], places, "|", color=INK, markersize=8, markeredgewidth=1.5)
            axes.set_yticks(places, names[column * length : (column + 1) * length])
            axes.tick_params(axis="y", length=0)
            axes.grid(axis="y", visible=False)
            axes.set_xlim(0, 1)
            axes.set_ylim(length - 0.4, -0.6)
        figure.legend([bars, ticks[0]], ["AP (IoU 0.50 to 0.95)", "AP at IoU 0.50"], loc="outside upper left", ncols=2)
        return figure


def precision_recall_curves(names: Sequence[str], precision: np.ndarray) -> Figure:
    """Precision over recall: of each class at IoU 0.5, and of their mean at several IoU.

    With many classes, the mean and the classes at the ends are named, the others lie faint behind.

    Args:
        names: K class names.
        precision: (10, 101, K) at IoU 0.50, 0.55, ... 0.95, recall 0, 0.01, ... 1; -1 where there is no
            ground truth.
    """
    recall = np.linspace(0, 1, precision.shape[1])
    there = np.flatnonzero((precision[0] > -1).all(axis=0))
    order = there[np.argsort(-precision[0][:, there].mean(axis=0), kind="stable")]
    with plot_style(names):
        figure = new_figure(WIDTH, 4.4)
        left, right = figure.subplots(1, 2)
        named = order if len(order) <= FEW_CLASSES else np.concatenate([order[:3], order[-3:]])
        for column in np.setdiff1d(order, named):
            left.plot(recall, precision[0, :, column], color=FAINT, linewidth=0.6)
        for column in named:
            text = f"{short_name(names[column])} {precision[0, :, column].mean():.3f}"
            left.plot(recall, precision[0, :, column], label=text)
        left.set_title("Classes at IoU 0.50")
        for row in range(0, len(precision), 2) if len(there) else ():
            mean = precision[row][:, there].mean(axis=1)
            right.plot(recall, mean, label=f"IoU {0.5 + 0.05 * row:.2f}: {mean.mean():.3f}")
        right.set_title("Mean of the classes at several IoU")
        for axes in (left, right):
            axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision", box_aspect=0.85)
            if axes.lines:
                # Below the axes: inside, it would lie over the curves.
                axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.16), ncols=2, fontsize=8.5, title="AP",
                            alignment="left", handlelength=1.4)
        return figure


def threshold_curves(curves: ScoreCurves, chosen: OperatingPoint | None) -> Figure:
    """Over the confidence threshold: precision, recall and F1 of all classes together, and F1 of each class.

    Args:
        curves: of the evaluation.
        chosen: the point to mark; None for none.
    """
    names = list(curves.classes)
    with plot_style(names):
        figure = new_figure(WIDTH, 4.4)
        left, right = figure.subplots(1, 2)
        points = curves.all_classes.sampled() if curves.all_classes else []
        for measure, colour in (("precision", SERIES[0]), ("recall", SERIES[1]), ("f1", SERIES[2])):
            left.plot([point.score for point in points], [getattr(point, measure) for point in points], color=colour,
                      label={"f1": "F1"}.get(measure, measure))
        if chosen:
            left.axvline(chosen.score, color=FAINT, linewidth=1)
            left.plot([chosen.score], [chosen.f1], "o", color=SERIES[2],
                      label=f"F1 {chosen.f1:.3f} at {chosen.score:g}")
        left.set_title("All classes")
        best = {name: point for name, curve in curves.classes.items() if (point := curve.best_f1())}
        order = sorted(best, key=lambda name: -best[name].f1)
        shown = order if len(order) <= FEW_CLASSES else [*order[:3], *order[-3:]]
        for name in (*(name for name in order if name not in shown), *shown):
            points = curves.classes[name].sampled()
            right.plot([point.score for point in points], [point.f1 for point in points],
                       **({"label": f"{short_name(name)} {best[name].f1:.3f}"} if name in shown
                          else {"color": FAINT, "linewidth": 0.6}))
        right.set_title("F1 of the classes")
        for axes in (left, right):
            axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence threshold", box_aspect=0.85)
            if axes.lines:
                axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.16), ncols=2, fontsize=8.5, handlelength=1.4)
        return figure


def confusion_plot(names: Sequence[str], matrix: np.ndarray) -> Figure:
    """A confusion matrix as a picture: shares of the objects of each class.

    Args:
        names: C - 1 class names, without the background.
        matrix: (C, C) counts, row the class of the object, column that of the detection, 0 none; see
            `error_analysis.confusion_matrix`.
    """
    few = len(matrix) <= FEW_CELLS
    # The background comes last. Its row means little without numbers.
    columns = [*range(1, len(matrix)), 0]
    rows = columns if few else columns[:-1]
    counts = matrix[np.ix_(rows, columns)]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shares[len(names):] = 0  # shares are of objects
    shown = [short_name(name) for name in names]
    with plot_style(names):
        side, size = (min(0.42, (WIDEST - 2.4) / len(columns)), 9) if few else (CELL_SIDE, 7)
        figure = new_figure(max(4.6, side * len(columns) + 2.4) if few else side * len(columns) + 1.3,
                            max(3.4, side * len(rows) + 1.8))
        axes = figure.subplots()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal", interpolation="nearest")
        is_upright = len(columns) > 5 or max(map(len, shown)) > SHORT_NAME
        axes.set_xticks(range(len(columns)), [*shown, "missed"], rotation=90 if is_upright else 0, fontsize=size)
        axes.set_yticks(range(len(rows)), [*shown, "no object"][: len(rows)], fontsize=size)
        axes.set(xlabel="detected as", ylabel="is")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.axhline(len(names) - 0.5, color=FAINT, linewidth=1)
        axes.axvline(len(names) - 0.5, color=FAINT, linewidth=1)
        if few:
            for row, column in zip(*np.nonzero(counts)):
                axes.text(column, row, _short_number(counts[row, column]), ha="center", va="center", fontsize=8,
                          color="white" if shares[row, column] > 0.55 else INK)
            bar = figure.colorbar(image, ax=axes, shrink=0.7, label="share of the row")
            bar.outline.set_visible(False)
        return figure


def _short_number(number: int) -> str:
    return str(number) if number < 10_000 else f"{number / 1000:.0f}k"


def size_plot(edges: Sequence[float], counts: np.ndarray) -> Figure:
    """What became of objects by their size, as stacked bars of shares with the number of objects above.

    Args:
        edges: S + 1 borders, square roots of areas, pixels; the last may be infinite.
        counts: (S, 4), columns as `OBJECT_KINDS`.
    """
    totals = counts.sum(axis=1)
    filled = np.flatnonzero(totals)
    rows = np.arange(filled[0], filled[-1] + 1) if len(filled) else np.arange(0)
    with plot_style():
        figure = new_figure(WIDTH, 3.4)
        axes = figure.subplots()
        shares = counts[rows] / np.maximum(totals[rows, None], 1)
        bottom = np.zeros(len(rows))
        for column, kind in enumerate(OBJECT_KINDS):
            axes.bar(rows, shares[:, column], bottom=bottom, width=0.75, color=OUTCOME_COLOURS[kind], label=kind)
            bottom += shares[:, column]
        for row in rows:
            axes.text(row, 1.02 if totals[row] else 0.02, _short_number(totals[row]), ha="center", va="bottom",
                      fontsize=8.5)
        ends = [f"{low} to {high}" if np.isfinite(high) else f"from {low}" for low, high in itertools.pairwise(edges)]
        axes.set_xticks(rows, [ends[row] for row in rows])
        axes.grid(axis="x", visible=False)
        axes.set(ylim=(0, 1.1), xlabel="size of the object (square root of its area), pixels",
                 ylabel="share of objects")
        axes.set_yticks(np.linspace(0, 1, 6))
        axes.tick_params(axis="x", length=0)
        figure.legend(loc="outside upper left", ncols=len(OBJECT_KINDS))
        return figure
