"""Untrusted names in messages, pictures, plots and files."""
import io

import numpy as np
import pytest
import yaml

from src.dataset_check.text import _quoted
from src.evaluation.report.charts import confusion_plot
from src.inference.inputs import find_inputs
from src.inference.outputs import folder_name
from src.utils.safe_io import SHOWN, SHOWN_TEXTS, shown, shown_list, spreadsheet_text
from src.visualization.draw import draw_detections
from src.visualization.plot_style import short_name

NAMES = ["$\\frac{$", "a\nb", "\0\x1b[31m", "\udce4", "x" * 100_000, "", "a\u202eb", "$$", "ねこ"]


def test_messages_are_short_and_on_one_line():
    assert shown("a cat\n\x1b[31m") == r"a cat\n\x1b[31m"
    assert shown("\udce4 \u2028 \u202e") == r"\udce4 \u2028 \u202e"
    assert shown("Katze, ねこ, قطة") == "Katze, ねこ, قطة"
    assert shown("x" * SHOWN) == "x" * SHOWN
    assert shown("x" * 1000, 5) == "xxxxx... (1000 characters)"
    assert shown_list("ab") == "a, b"
    assert shown_list("abcd", most=2, separator="; ") == "a; b; ... (2 more)"
    assert shown_list("ab", most=2, total=7) == "a, b, ... (5 more)"
    assert shown_list(map(str, range(SHOWN_TEXTS + 5))).endswith("99, ... (5 more)")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_spreadsheets_compute_nothing(name):
    assert spreadsheet_text(name) == f"'{shown(name)}"
    assert spreadsheet_text(f"cat {name}") == f"cat {shown(name)}"


def test_cells_have_no_control_characters_and_are_not_cut():
    assert spreadsheet_text("a\x1b[31m\r\nb\u202e") == r"a\x1b[31m\r\nb\u202e"
    assert spreadsheet_text("ねこ, " + "x" * 1000) == "ねこ, " + "x" * 1000


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_pictures_and_plots_of_any_name(name):
    picture = draw_detections(np.zeros((90, 120, 3), np.uint8), [[10, 10, 60, 80]], [1], [0.5], ["background", name])
    assert picture.shape == (90, 120, 3) and picture.any()
    confusion_plot([name, "cat"], np.ones((3, 3), int)).savefig(io.BytesIO(), format="svg")


def test_dollars_begin_no_formula():
    assert short_name("$x$") == r"\$x\$"


@pytest.mark.parametrize("name", [*NAMES, "..", ".", "../../a", "C:\\a", "a/b", "/"])
def test_folders_of_any_class_stay_inside(tmp_path, name):
    folder = tmp_path / folder_name(name)
    folder.mkdir()
    assert folder.resolve().parent == tmp_path.resolve()


def test_long_names_of_inputs_leave_room_for_suffixes(tmp_path):
    for name in ("x" * 250, "é" * 125):
        (tmp_path / f"{name}.jpg").touch()
    names = [entry.name for entry in find_inputs([tmp_path])]
    assert len(set(names)) == 2 and all(100 <= len(name.encode()) <= 200 for name in names)


@pytest.mark.parametrize("name", ['a "b"', "a\\b", "- a", "# a", "{a", "7", "yes or no", "ねこ", "a: b"])
def test_names_that_a_check_suggests_are_yaml(name):
    assert yaml.safe_load(f"classes: [{_quoted(name)}]") == {"classes": [name]}
