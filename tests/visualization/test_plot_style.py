"""Style and files of plots."""
import cv2
import matplotlib
import pytest

from src.visualization.fonts import DEFAULT_FAMILY, default_font_file, font_families, font_file
from src.visualization.plot_style import figure_svg, new_figure, plot_style, save_plot


def figure_with_a_title_outside():
    with plot_style():
        figure = new_figure(3, 2)
        figure.subplots().text(0.5, 1.9, "far above", ha="center")
    return figure


def test_nothing_of_a_figure_is_cut_off(tmp_path):
    path = tmp_path / "new" / "plot.png"
    save_plot(figure_with_a_title_outside(), path)
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert image.shape[0] > 2 * 130 + 50
    assert (image[:5] == 255).all() and (image[-5:] == 255).all()  # a margin without ink
    assert (image[5:40] < 100).any()  # the text
    assert [entry.name for entry in path.parent.iterdir()] == ["plot.png"]


def test_svg_is_complete_and_the_same_again():
    svg = figure_svg(figure_with_a_title_outside())
    assert svg == figure_svg(figure_with_a_title_outside())
    assert "<svg" in svg and "font-family" not in svg and "<image" not in svg


def test_settings_are_given_back():
    before = dict(matplotlib.rcParams)
    with plot_style(["cat"]):
        assert matplotlib.rcParams["axes.grid"]
    assert dict(matplotlib.rcParams) == before


def test_fonts():
    assert font_file("Größe, Ψ, Ж") == default_font_file()
    assert font_families(["cat", "Größe"]) == [DEFAULT_FAMILY]
    assert font_file("\U0010fffd") is None  # no font has a private letter
    assert font_families(["\U0010fffd"]) == [DEFAULT_FAMILY]


def test_a_font_of_the_system_for_other_letters():
    path = font_file("猫")
    if path is None:
        pytest.skip("no font with Chinese letters is installed")
    assert path != default_font_file()
    assert len(font_families(["猫", "cat"])) == 2
