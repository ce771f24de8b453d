"""Checkpoints of a training run."""
from pathlib import Path

import mindspore as ms
import numpy as np

from src.training.callbacks.log import DIVERGED
from src.utils.errors import UserError
from src.weights.checkpoint_file import save_checkpoint
from src.weights.training_state import remove_checkpoint, write_state


class SaveCheckpoint(ms.Callback):
    """Saves `ssd-EPOCH_STEP.ckpt` every few epochs and at the end, STEP being the steps that are done of the epoch.

    Parameters that are not finite end the run with a `UserError`, after any epoch.

    It comes before the callbacks that evaluate, so that a kill meanwhile costs no training; `epoch_done` comes after
    them.

    Args:
        directory: folder of the files.
        every: epochs between two checkpoints.
        keep: number of checkpoints of this run that are kept; the oldest go.
        describe: function without arguments -> what else a run needs to go on, written beside each checkpoint; None
            writes checkpoints alone.
    """

    def __init__(self, directory, every, keep, describe=None):
        super().__init__()
        self.directory = Path(directory)
        self.every = every
        self.keep = keep
        self.describe = describe
        self.saved = []
        self.content = None  # of the last one

    def state(self):
        """Names of the checkpoints that are kept, for a run that goes on."""
        return [path.name for path in self.saved]

    def restore(self, names):
        """Goes on after these checkpoints, as far as they are there."""
        self.saved = [path for path in (self.directory / name for name in names) if path.is_file()]

    def on_train_epoch_end(self, run_context):
        params = run_context.original_args()
        _check_finite(params)
        if params.cur_epoch_num % self.every == 0:
            self._save(params, epoch_done=False)

    def epoch_done(self, params):
        """Notes that the end of an epoch was seen by all callbacks, if there is a checkpoint of it."""
        if self.saved and self.saved[-1] == self._path(params):
            self._write_state(params, epoch_done=True)

    def on_train_end(self, run_context):
        params = run_context.original_args()
        _check_finite(params)
        self._save(params, getattr(params, "epoch_done", True))

    def _path(self, params):
        return self.directory / f"ssd-{params.cur_epoch_num}_{_step(params)}.ckpt"

    def _save(self, params, epoch_done):
        path = self._path(params)
        if path in self.saved:
            return
        save_checkpoint(params.train_network, path)
        self.saved.append(path)
        old, self.saved = self.saved[: -self.keep], self.saved[-self.keep :]
        self.content = None
        self._write_state(params, epoch_done)
        for one in old:
            remove_checkpoint(one)

    def _write_state(self, params, epoch_done):
        if self.describe is not None:
            state = {"epoch": params.cur_epoch_num, "step": _step(params), "epoch_done": epoch_done,
                     "steps_per_epoch": params.batch_num, **self.describe()}
            self.content = write_state(self._path(params), state, self.content)


class EpochDone(ms.Callback):
    """Comes after all other callbacks, and tells `SaveCheckpoint` that they have seen the end of an epoch."""

    def __init__(self, checkpoints):
        super().__init__()
        self.checkpoints = checkpoints

    def on_train_epoch_end(self, run_context):
        params = run_context.original_args()
        if not params.end_left_out:
            self.checkpoints.epoch_done(params)


def _step(params):
    return getattr(params, "step_of_epoch", params.batch_num)


def _check_finite(params):
    for parameter in params.train_network.get_parameters():
        values = parameter.asnumpy()
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise UserError(f"{parameter.name} is no longer finite after epoch {params.cur_epoch_num}, step "
                            f"{_step(params)}, and is not saved: {DIVERGED}")
