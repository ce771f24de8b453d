"""Checkpoints of a training run, and beside each what else a resumed run needs."""
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np

from src.training.callbacks.log import DIVERGED
from src.training.resume import PREFIX
from src.training.run_record import RunRecord
from src.training.run_state import RunContext, RunState
from src.utils.errors import UserError
from src.weights import save_checkpoint
from src.weights.training_state import remove_checkpoint, write_state


class KeptCheckpoints:
    """The checkpoints of a run that are kept, oldest first.

    Args:
        directory: their folder.
        keep: how many are kept.
        prefix: what their names begin with; that of no other run in the folder, see `checkpoint_prefix`.
    """

    def __init__(self, directory: Path | str, keep: int, prefix: str = PREFIX):
        self.directory = Path(directory)
        self.keep = keep
        self.prefix = prefix
        self.paths: list[Path] = []

    @property
    def last(self) -> Path:
        return self.paths[-1]

    def add(self, path: Path) -> list[Path]:
        """Notes a new checkpoint; returns those that are now too many."""
        paths = [*self.paths, path]
        self.paths = paths[-self.keep :]
        return paths[: -self.keep]

    def state(self) -> list[str]:
        """Names of the files, for a resumed run."""
        return [path.name for path in self.paths]

    def restore(self, names: Iterable[str]) -> None:
        """Takes over those of these checkpoints, by their names in this folder, that are of the run and still exist."""
        self.paths = [path for path in (self.directory / Path(name).name for name in names)
                      if path.name.startswith(f"{self.prefix}-") and path.is_file()]


class SaveCheckpoint(ms.Callback):
    """Saves `PREFIX-EPOCH_STEP.ckpt` every few epochs and at the end, STEP being the steps that are done of the epoch.

    Parameters that are not finite end the run with a `UserError`, after any epoch.

    Args:
        checkpoints: the `KeptCheckpoints` of the run.
        every: epochs between two checkpoints.
        record: the `RunRecord` to write beside each checkpoint; None writes checkpoints alone.
    """

    def __init__(self, checkpoints: KeptCheckpoints, every: int, record: RunRecord | None = None):
        super().__init__()
        self.checkpoints = checkpoints
        self.every = every
        self.record = record
        self._content: dict[str, Any] | None = None  # size and digest of the last file

    def on_train_epoch_end(self, run_context: RunContext) -> None:
        state = run_context.original_args()
        _check_finite(state)
        if state.cur_epoch_num % self.every == 0:
            self._save(state, epoch_done=False)

    def on_train_end(self, run_context: RunContext) -> None:
        state = run_context.original_args()
        _check_finite(state)
        self._save(state, state.epoch_done)

    def mark_epoch_done(self, state: RunState) -> None:
        """Notes that all callbacks have finished the epoch, if it has a checkpoint."""
        if self.checkpoints.paths and self.checkpoints.last == self._path(state):
            self._write_state(state, epoch_done=True)

    def _path(self, state: RunState) -> Path:
        name = f"{self.checkpoints.prefix}-{state.cur_epoch_num}_{state.step_of_epoch}.ckpt"
        return self.checkpoints.directory / name

    def _save(self, state: RunState, epoch_done: bool) -> None:
        path = self._path(state)
        if path in self.checkpoints.paths:
            return
        save_checkpoint(state.train_network, path)
        too_many = self.checkpoints.add(path)
        self._content = None
        self._write_state(state, epoch_done)
        for old in too_many:
            remove_checkpoint(old)

    def _write_state(self, state: RunState, epoch_done: bool) -> None:
        if self.record is not None:
            content = {"epoch": state.cur_epoch_num, "step": state.step_of_epoch, "epoch_done": epoch_done,
                       "steps_per_epoch": state.batch_num, **self.record.describe()}
            self._content = write_state(self._path(state), content, self._content)


class MarkEpochDone(ms.Callback):
    """Comes after all other callbacks, and tells `SaveCheckpoint` that they have finished the epoch."""

    def __init__(self, save: SaveCheckpoint):
        super().__init__()
        self.save = save

    def on_train_epoch_end(self, run_context: RunContext) -> None:
        state = run_context.original_args()
        if not state.epoch_end_incomplete:
            self.save.mark_epoch_done(state)


def _check_finite(state: RunState) -> None:
    for parameter in state.train_network.get_parameters():
        values = parameter.asnumpy()
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise UserError(f"{parameter.name} is no longer finite after epoch {state.cur_epoch_num}, step "
                            f"{state.step_of_epoch}, and is not saved: {DIVERGED}")
