"""`results.csv`."""
import csv

from src.training.results import Results


def rows(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_results_of_an_earlier_run_are_kept(tmp_path):
    for number in range(3):
        results = Results(tmp_path / "results.csv")
        results.add(1, loss=number)
        results.add(2, loss=10)
    assert [row["loss"] for row in rows(tmp_path / "results.csv")] == ["2", "10"]
    assert rows(tmp_path / "results-1.csv")[0]["loss"] == "0"
    assert rows(tmp_path / "results-2.csv")[0]["loss"] == "1"


def test_values_of_one_epoch_come_together(tmp_path):
    results = Results(tmp_path / "results.csv")
    results.add(3, loss=1.5)
    results.add(3, mAP=0.25)
    (row,) = rows(tmp_path / "results.csv")
    assert (row["epoch"], row["loss"], row["mAP"]) == ("3", "1.5", "0.25")


def test_a_resumed_run_replaces_its_file(tmp_path):
    first = Results(tmp_path / "results.csv")
    first.add(1, loss=7.0)
    first.add(2, loss=3.0)
    state = first.state()[:2]
    first.add(3, loss=9.0)  # after the checkpoint
    again = Results(tmp_path / "results.csv", keep=lambda path: None)
    again.restore(state)
    again.add(2, mAP=0.5)
    assert [(row["loss"], row["mAP"]) for row in rows(again.path)] == [("7.0", ""), ("3.0", "0.5")]
    assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]
