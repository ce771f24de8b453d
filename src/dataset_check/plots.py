"""Plots and pictures of the content of a dataset."""
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from src.dataset.images import load_image
from src.dataset_check.content import CheckedImage
from src.visualization.draw import draw_detections, grid, resize_to_view, with_title
from src.visualization.plot_style import BAR_HEIGHT, FAINT, INK, SERIES, WIDTH, new_figure, plot_style, short_name

# Pixels of one sample: a shorter side is enlarged to the first, a longer one then reduced to the second.
SAMPLE_SHORT_SIDE, SAMPLE_LONG_SIDE = 380, 560
MOST_POINTS = 5000
# Counts that differ by more are shown on a logarithmic axis.
LARGE_RATIO = 50


def class_bars(classes: Sequence[str], counts: Mapping[str, np.ndarray]) -> Figure:
    """Boxes of each class as bars, one colour for each part of the dataset.

    Args:
        classes: names without the background.
        counts: name of a part -> `(len(classes),)` numbers of boxes.
    """
    order = np.argsort(-sum(counts.values()), kind="stable")
    with plot_style(classes):
        num_columns = 1 if len(classes) <= 30 else 2
        length = -(-len(classes) // num_columns)
        figure = new_figure(WIDTH, 1.2 + BAR_HEIGHT * length * max(1, len(counts) * 0.8))
        values = np.concatenate([np.zeros(0), *counts.values()])
        uneven = values.max(initial=0) > LARGE_RATIO * max(1, values[values > 0].min(initial=np.inf))
        for column, axes in enumerate(figure.subplots(1, num_columns, squeeze=False)[0]):
            rows = order[column * length : (column + 1) * length]
            places, height = np.arange(len(rows)), 0.8 / len(counts)
            for number, (part, of_class) in enumerate(counts.items()):
                offset = (number - (len(counts) - 1) / 2) * height
                axes.barh(places + offset, of_class[rows], height=height * 0.92, color=SERIES[number], label=part)
            axes.set_yticks(places, [short_name(classes[row]) for row in rows])
            axes.tick_params(axis="y", length=0)
            axes.grid(axis="y", visible=False)
            if uneven:
                axes.set_xscale("symlog", linthresh=1)
                axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
            axes.set_xlim(0, max(1.0, values.max(initial=0)) * (2 if uneven else 1.05))
            axes.set_ylim(length - 0.4, -0.6)
            axes.set_xlabel("boxes")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=len(counts))
        return figure


def box_sizes_plot(boxes: np.ndarray, overlaps: np.ndarray, anchors: np.ndarray, image_size: Sequence[int]) -> Figure:
    """Widths and heights of boxes beside those of the default boxes, and how well they overlap at best.

    Args:
        boxes: `(N, 4)` ymin, xmin, ymax, xmax in [0, 1].
        overlaps: `(N,)` IoU with the best default box.
        anchors: `(A, 4)` cy, cx, h, w in [0, 1].
        image_size: (height, width) of the network's input.
    """
    with plot_style():
        figure = new_figure(WIDTH, 4.6)
        left, right = figure.subplots(1, 2)
        sides = (boxes[:, 2:] - boxes[:, :2]) * image_size  # (N, 2) height, width
        good = overlaps >= 0.5
        for chosen, colour, label in ((good, SERIES[0], "fit: IoU 0.5 or more"), (~good, SERIES[2], "fit badly")):
            points = sides[chosen][:MOST_POINTS]
            left.plot(points[:, 1], points[:, 0], ".", color=colour, markersize=4, alpha=0.5, markeredgewidth=0,
                      label=label)
        shapes = np.unique((anchors[:, 2:] * image_size).round(2), axis=0)
        left.plot(shapes[:, 1], shapes[:, 0], "s", color=INK, markersize=5, fillstyle="none", label="default boxes")
        left.set(xscale="log", yscale="log", xlabel="width in the network's input, pixels", ylabel="height, pixels",
                 title="Sizes", box_aspect=0.85)
        for axis in (left.xaxis, left.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        left.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.16), ncols=3, fontsize=8.5, handletextpad=0.2,
                    columnspacing=1.2, markerscale=1.4)
        right.hist(overlaps[good], bins=np.linspace(0, 1, 21), color=SERIES[0])
        right.hist(overlaps[~good], bins=np.linspace(0, 1, 21), color=SERIES[2])
        right.axvline(0.5, color=FAINT, linestyle="--", linewidth=1.2)
        right.set(xlim=(0, 1), xlabel="IoU with the best default box", ylabel="boxes", title="Overlap", box_aspect=0.85)
        right.yaxis.get_major_locator().set_params(integer=True)
        return figure


def sample_sheet(images: Sequence[CheckedImage], classes: Sequence[str], columns: int = 4,
                 upright: bool = True) -> np.ndarray:
    """Annotated images on one sheet, each below the name of its file: (H, W, 3) uint8.

    Args:
        images: what is drawn.
        classes: names, index = label.
        columns: images side by side.
        upright: see `load_image`.
    """
    pictures = []
    for image in images:
        pixels, boxes = resize_to_view(load_image(image.path, upright), image.pixel_boxes[:, :4], SAMPLE_SHORT_SIDE,
                                       SAMPLE_LONG_SIDE)
        drawn = draw_detections(pixels, boxes, image.pixel_boxes[:, 4], None, classes)
        pictures.append(with_title(drawn, _file_title(image.path, drawn.shape[1])))
    return grid(pictures, columns, gap=8)


def _file_title(path: str, width: int) -> str:
    """The name of a file, without its beginning if it is longer than `width` pixels."""
    name, most = path.replace("\\", "/").rpartition("/")[2], max(6, width // 9)
    return name if len(name) <= most else f"…{name[-most + 1:]}"
