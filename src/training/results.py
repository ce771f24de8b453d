"""`results.csv`: a row for each epoch."""
import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from src.utils.files import keep_earlier_pair, whole_file

COLUMNS = ("epoch", "step", "loss", "learning_rate", "seconds", "images_per_second", "mAP", "AP50", "protocol",
           "classification_loss", "localisation_loss")


def keep_earlier_results(path: Path) -> None:
    """Renames `results.csv` of an earlier run, and its plot, to the first free number."""
    keep_earlier_pair(path, ".png")


class Results:
    """`results.csv`: one row per epoch, written again after each.

    Args:
        path: of the file.
        keep: called with `path` before the file is first written; it renames that of an earlier run.

    Attributes:
        rows: number of the epoch -> values by the names in `COLUMNS`.
        is_written: a row was added, since the process began.
    """

    def __init__(self, path: Path | str, keep: Callable[[Path], None] = keep_earlier_results):
        self.path = Path(path)
        self.keep = keep
        self.rows: dict[int, dict[str, Any]] = {}
        self.is_written = False

    def state(self) -> list[dict[str, Any]]:
        """The rows, for a resumed run."""
        return list(self.rows.values())

    def restore(self, rows: Iterable[dict[str, Any]]) -> None:
        """Begins with these rows."""
        self.rows = {int(row["epoch"]): _checked(row) for row in rows}

    def add(self, epoch: int, **values: Any) -> None:
        """Adds values, named as in `COLUMNS`, to the row of an epoch."""
        if not self.is_written:
            self.keep(self.path)
        self.rows.setdefault(epoch, {"epoch": epoch}).update(values)
        with whole_file(self.path) as part, open(part, "w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows.values())
        self.is_written = True


def _checked(row: dict[str, Any]) -> dict[str, Any]:
    """A row that was read from a file; a `ValueError` or `TypeError` for values that no row has."""
    for name, value in row.items():
        if name not in COLUMNS:
            raise ValueError(f"{name} is no column")
        if name != "protocol":
            float(value)
    return row
