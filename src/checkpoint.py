"""Checkpoints of a training run."""
import logging
import stat
from pathlib import Path

import mindspore as ms

from src.model_utils.files import whole_file

logger = logging.getLogger(__name__)


# Gradients that wait for the others of their update; a run that goes on begins with the next update.
PASSING = ("gradient_sum.", "gradient_count")


def save_checkpoint(net, path):
    """Writes the parameters of `net` to `path` (suffix `.ckpt`), whole or not at all.

    Args:
        net: a network, or a list of dictionaries `name` and `data`.
    """
    with whole_file(path) as part:
        ms.save_checkpoint(net, str(part), choice_func=lambda name: not name.startswith(PASSING))
        part.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH)  # MindSpore leaves it read-only


class SaveCheckpoint(ms.Callback):
    """Saves `ssd-EPOCH_STEPS.ckpt` every few epochs and at the end.

    Args:
        directory: folder of the files.
        every: epochs between two checkpoints.
        keep: number of checkpoints of this run that are kept; the oldest go.
    """

    def __init__(self, directory, every, keep):
        super().__init__()
        self.directory = Path(directory)
        self.every = every
        self.keep = keep
        self.saved = []

    def on_train_epoch_end(self, run_context):
        params = run_context.original_args()
        if params.cur_epoch_num % self.every == 0:
            self._save(params)

    def on_train_end(self, run_context):
        self._save(run_context.original_args())

    def _save(self, params):
        path = self.directory / f"ssd-{params.cur_epoch_num}_{params.batch_num}.ckpt"
        if path in self.saved:
            return
        save_checkpoint(params.train_network, path)
        self.saved.append(path)
        for old in self.saved[: -self.keep]:
            old.unlink(missing_ok=True)
        self.saved = self.saved[-self.keep :]
