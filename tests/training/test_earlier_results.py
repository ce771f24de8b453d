"""Results of an earlier run in the same folder stay, also where the later one is interrupted and resumed."""
from functools import partial

import pytest

from src.training.earlier_results import keep_earlier_once
from src.training.results import Results, keep_earlier_results
from src.training.resume import last_run, new_run


@pytest.fixture
def start(tmp_path):
    """Function: rows restored -> `Results` of a process of the run that last began in the folder."""

    def start(rows=()):
        results = Results(tmp_path / "results.csv",
                          partial(keep_earlier_once, keep=keep_earlier_results, checkpoints=tmp_path / "ckpt_0"))
        results.restore(rows)
        return results

    return start


def contents(folder):
    return {path.name: path.read_text().splitlines()[-1][:3] for path in folder.glob("results*")}


def test_each_run_keeps_the_files_of_the_one_before_once(tmp_path, start):
    for run in range(1, 3):
        new_run(tmp_path / "ckpt_0")
        start()  # interrupted before its first row
        start().add(run, loss=1.0)
        (tmp_path / "results.png").write_text(f"plot {run}")
        start([{"epoch": run, "loss": 1.0}]).add(run + 1, loss=0.5)
        start().add(run, loss=1.0)  # killed before its first checkpoint, and resumed from one before
    assert contents(tmp_path) == {"results-1.csv": "1,,", "results-1.png": "plo", "results.csv": "2,,",
                                  "results.png": "plo"}
    assert (tmp_path / "results-1.png").read_text() == "plot 1"


def test_rows_of_another_run_are_no_reason_to_replace_its_file(tmp_path, start):
    """A run that begins from a checkpoint of an earlier one has the rows of that run until then."""
    earlier = new_run(tmp_path / "ckpt_0")
    start().add(9, loss=1.0)
    assert new_run(tmp_path / "ckpt_0", tmp_path / "ckpt_0" / "ssd-5_1.ckpt") != earlier
    start([{"epoch": 5, "loss": 2.0}]).add(6, loss=1.5)
    assert contents(tmp_path) == {"results-1.csv": "9,,", "results.csv": "6,,"}


def test_a_plot_without_its_results_is_kept_too(tmp_path, start):
    new_run(tmp_path / "ckpt_0")
    (tmp_path / "results.png").write_text("plot")
    start().add(1, loss=1.0)
    assert contents(tmp_path) == {"results-1.png": "plo", "results.csv": "1,,"}


def test_the_note_still_names_the_run(tmp_path, start):
    name = new_run(tmp_path / "ckpt_0")
    start().add(1, loss=1.0)
    assert last_run(tmp_path / "ckpt_0") == (name, None)


@pytest.mark.parametrize("note", [None, "", "[]", '{"own files": 5}'])
def test_without_a_note_the_file_is_kept(tmp_path, start, note):
    if note is not None:
        (tmp_path / "ckpt_0").mkdir()
        (tmp_path / "ckpt_0" / "run.json").write_text(note)
    (tmp_path / "results.csv").write_text("old")
    start().add(1, loss=1.0)
    start().add(2, loss=1.0)
    assert contents(tmp_path) == {"results-1.csv": "old", "results.csv": "2,,"}
