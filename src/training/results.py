"""`results.csv`: a row for each epoch."""
import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from src.utils.files import keep_earlier, whole_file

COLUMNS = ("epoch", "step", "loss", "learning_rate", "seconds", "images_per_second", "mAP", "AP50", "protocol",
           "classification_loss", "localisation_loss")


class Results:
    """`results.csv`: one row per epoch, written again after each. The file of an earlier run is renamed to a number.

    Attributes:
        rows: number of the epoch -> values by the names in `COLUMNS`.
    """

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self.rows: dict[int, dict[str, Any]] = {}
        self._resumed = False

    def state(self) -> list[dict[str, Any]]:
        """The rows, for a resumed run."""
        return list(self.rows.values())

    def restore(self, rows: Iterable[dict[str, Any]]) -> None:
        """Begins with these rows; the first new one replaces the file."""
        self.rows = {int(row["epoch"]): _checked(row) for row in rows}
        self._resumed = True

    def add(self, epoch: int, **values: Any) -> None:
        """Adds values, named as in `COLUMNS`, to the row of an epoch."""
        if not self.rows and not self._resumed:
            keep_earlier(self.path)
        self.rows.setdefault(epoch, {"epoch": epoch}).update(values)
        with whole_file(self.path) as part, open(part, "w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows.values())


def _checked(row: dict[str, Any]) -> dict[str, Any]:
    """A row that was read from a file; a `ValueError` or `TypeError` for values that no row has."""
    for name, value in row.items():
        if name not in COLUMNS:
            raise ValueError(f"{name} is no column")
        if name != "protocol":
            float(value)
    return row
