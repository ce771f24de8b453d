"""`results.csv`: a row for each epoch."""
import csv
from pathlib import Path

from src.utils.files import whole_file

COLUMNS = ("epoch", "step", "loss", "learning_rate", "seconds", "images_per_second", "mAP", "AP50", "protocol",
           "classification_loss", "localisation_loss")


class Results:
    """`results.csv`: one row per epoch, written anew after each. The file of an earlier run is kept under a number."""

    def __init__(self, path):
        self.path = Path(path)
        self.rows = {}
        self._goes_on = False

    def state(self):
        """The rows, for a run that goes on."""
        return list(self.rows.values())

    def restore(self, rows):
        """Goes on after these rows, in the place of a file that is there."""
        self.rows = {row["epoch"]: row for row in rows}
        self._goes_on = True

    def add(self, epoch, **values):
        """Adds values, named as in `COLUMNS`, to the row of an epoch."""
        if not self.rows and not self._goes_on:
            self._keep_earlier()
        self.rows.setdefault(epoch, {"epoch": epoch}).update(values)
        with whole_file(self.path) as part, open(part, "w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows.values())

    def _keep_earlier(self):
        if self.path.exists():
            number = 1
            while (kept := self.path.with_name(f"{self.path.stem}-{number}{self.path.suffix}")).exists():
                number += 1
            self.path.rename(kept)
