"""The plots of the report: what they show, and that nothing is cut off or lies over something else."""
import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from src.evaluation.report import charts
from src.evaluation.results import ClassResult
from src.evaluation.thresholds import Outcomes, build_score_curves

NAMES = [f"a class with the long name {number}" for number in range(80)]


def results(number):
    return [ClassResult(name, 0.9 - 0.01 * index, 1 - 0.01 * index, 0.3, 5)
            for index, name in enumerate(NAMES[:number])]


def precision_of(number):
    steps = (np.arange(101)[:, None] < 20 + np.arange(number)).astype(float)
    return np.repeat(steps[None], 10, axis=0)


def matrix_of(number):
    return np.random.default_rng(0).integers(0, 20_000, (number + 1, number + 1))


def thresholds_of(number):
    outcomes = [Outcomes(np.linspace(0.95, 0.15, 20), np.arange(20) < 5 + index % 10, 15) for index in range(number)]
    curves = build_score_curves(NAMES[:number], outcomes, 0.1)
    return charts.threshold_curves(curves, curves.all_classes.best_f1() if number else None)


FIGURES = {
    "bars": lambda number: charts.ap_bars(results(number)),
    "curves": lambda number: charts.precision_recall_curves(NAMES[:number], precision_of(number)),
    "thresholds": thresholds_of,
    "confusion": lambda number: charts.confusion_plot(NAMES[:number], matrix_of(number)),
    "sizes": lambda number: charts.size_plot((0, 16, 32, np.inf), np.full((3, 4), number)),
}


def shown_texts(axes, renderer):
    texts = [*axes.texts, axes.title, axes.xaxis.label, axes.yaxis.label, *axes.get_xticklabels(),
             *axes.get_yticklabels()]
    legend = axes.get_legend()
    texts += legend.get_texts() if legend else []
    return [text.get_window_extent(renderer) for text in texts if text.get_text()]


@pytest.mark.parametrize("number", [1, 3, 23, 80])
@pytest.mark.parametrize("kind", FIGURES)
def test_texts_do_not_overlap(kind, number):
    figure = FIGURES[kind](number)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = [box for axes in figure.axes for box in shown_texts(axes, renderer)]
    assert len(boxes) > 5
    for first, second in itertools.combinations(boxes, 2):
        width = min(first.x1, second.x1) - max(first.x0, second.x0)
        height = min(first.y1, second.y1) - max(first.y0, second.y0)
        # Boxes of letters have some room above and below the ink.
        assert min(width, height) < 3, (kind, number, first, second)


def test_best_class_first_and_classes_without_objects_left_out():
    axes = charts.ap_bars([ClassResult("a", 0.2, 0.5, 0.1, 1), ClassResult("none", None, None, None, 0),
                           ClassResult("b", 0.7, 0.9, 0.1, 1)]).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a"]
    assert [bar.get_width() for bar in axes.patches] == [0.7, 0.2]
    assert list(axes.lines[0].get_xdata()) == [0.9, 0.5]


def test_curves_of_many_classes_are_named_at_the_ends_only():
    axes = charts.precision_recall_curves([str(n) for n in range(12)], precision_of(12)).axes[0]
    names = [text.get_text().split()[0] for text in axes.get_legend().get_texts()]
    assert names == ["11", "10", "9", "2", "1", "0"]
    assert len(axes.lines) == 12


def test_classes_without_objects_have_no_curve():
    precision = precision_of(3)
    precision[:, :, 1] = -1
    left, right = charts.precision_recall_curves(["a", "b", "c"], precision).axes
    assert [text.get_text().split()[0] for text in left.get_legend().get_texts()] == ["c", "a"]
    np.testing.assert_allclose(right.lines[0].get_ydata(), precision[0][:, [0, 2]].mean(axis=1))


def test_nothing_at_all():
    charts.ap_bars([ClassResult("a", None, None, None, 0)])
    charts.precision_recall_curves(["a"], np.full((10, 101, 1), -1.0))
    charts.confusion_plot(["a"], np.zeros((2, 2), int))
    assert charts.size_plot((0, 32, np.inf), np.zeros((2, 4), int)).axes[0].get_xticklabels() == []


def test_confusion_matrix_has_the_background_last():
    axes = charts.confusion_plot(["cat", "dog"], np.array([[0, 5, 6], [1, 2, 1], [0, 3, 3]])).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog", "missed"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "no object"]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.5, 0.25, 0.25], [0.5, 0.5, 0], [0, 0, 0]])
    assert {(text.get_position(), text.get_text()) for text in axes.texts} == {
        ((0, 0), "2"), ((1, 0), "1"), ((2, 0), "1"), ((0, 1), "3"), ((1, 1), "3"), ((0, 2), "5"), ((1, 2), "6")}


def test_sizes_are_shares_with_the_numbers_above():
    axes = charts.size_plot((0, 16, 32, 64, np.inf), np.array([[0] * 4, [3, 0, 0, 1], [0] * 4, [1, 1, 1, 1]])).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["16 to 32", "32 to 64", "from 64"]
    assert [bar.get_height() for bar in axes.patches[:3]] == [0.75, 0, 0.25]
    assert [text.get_text() for text in axes.texts] == ["4", "0", "4"]
