"""What all plots share: style, colours, and files that are written whole.

Figures are made without pyplot: nothing is kept between two plots, and no display is needed.
"""
import contextlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib.figure import Figure

from src.utils.files import whole_file
from src.utils.safe_io import shown
from src.visualization.fonts import font_families

INK, FAINT = "#222222", "#b8bcc2"
# Colours of series: by M. Petroff (Accessible Color Sequences for Data Visualization, 2021), told apart also with
# colour-deficient vision. Those after the tenth begin anew.
SERIES = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")
DOTS_PER_INCH = 130
_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.prop_cycle": cycler(color=SERIES),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "font.size": 9.5,
    "grid.color": "#e8eaed",
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    # Letters as outlines, so that a plot looks the same without its font; and the same bytes for the same plot.
    "svg.fonttype": "path",
    "svg.hashsalt": "plot",
}
# The picture ends where its content ends: the layout alone lets texts stick out beside axes of a fixed aspect.
_WHOLE: dict[str, Any] = {"bbox_inches": "tight", "pad_inches": 0.08}
# Inches that one bar, and one class of a large matrix, need to be read: those of COCO fit into the page.
BAR_HEIGHT, CELL_SIDE = 0.21, 0.1145
WIDTH, WIDEST = 9.0, 10.6
LONGEST_NAME, SHORT_NAME = 24, 9


@contextlib.contextmanager
def plot_style(texts: Iterable[str] = ()) -> Iterator[None]:
    """Context manager: matplotlib's settings inside which figures are made; `texts` are names that will be written."""
    with matplotlib.rc_context({**_STYLE, "font.family": font_families(texts)}):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of about so many inches."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def figure_svg(figure: Figure) -> str:
    """The figure as SVG text."""
    stream = io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(stream, format="svg", metadata={"Date": None}, **_WHOLE)
    return stream.getvalue().decode()


def save_plot(figure: Figure, path: Path | str) -> None:
    """Writes the figure as the format that the ending of `path` says (.png, .svg, .pdf), whole or not at all."""
    path = Path(path)
    with whole_file(path) as part, matplotlib.rc_context(_STYLE):
        figure.savefig(part, dpi=DOTS_PER_INCH, **_WHOLE)


def short_name(name: str) -> str:
    """A class name that leaves room for the plot, and in which no sign begins a formula."""
    name = shown(name, LONGEST_NAME) if len(name) <= LONGEST_NAME else f"{shown(name[:LONGEST_NAME - 1])}…"
    return name.replace("$", r"\$")
