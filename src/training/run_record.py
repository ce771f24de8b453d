"""What a resumed run needs beside the parameters, and how everything is restored."""
import logging
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import mindspore as ms
from mindspore import nn

from src.config import Config
from src.config.values import show
from src.layers.blocks import HalfDropout
from src.runtime.distributed import Ranks
from src.training.output_folder import checkpoint_folder
from src.training.resume import DONE_ELSEWHERE, NEWEST, Resume, last_run, new_run
from src.training.run_state import RunState
from src.training.step import TrainingWrapper
from src.utils.errors import UserError
from src.utils.safe_io import shown
from src.weights import read_checkpoint
from src.weights.checkpoint_file import check_finite
from src.weights.parameter_names import RECOMPUTED, WAITING_GRADIENTS, shown_names
from src.weights.training_state import state_path

logger = logging.getLogger(__name__)


class Resumable(Protocol):
    """A part of a run with a state that no checkpoint holds. `state` returns it as json knows it, None for none."""

    def state(self) -> Any: ...

    def restore(self, value: Any) -> None: ...


class RunRecord:
    """What of a run is in no checkpoint.

    Args:
        run: name of the run; None on ranks that write nothing.
        settings: result of `create_settings`.
        parts: name -> `Resumable`.
        made_from: digests of what the data were made from, by name.
    """

    def __init__(self, run: str | None, settings: Mapping[str, Any], parts: Mapping[str, Resumable],
                 made_from: Mapping[str, str] = types.MappingProxyType({})):
        self.run = run
        self.settings = settings
        self.parts = parts
        self.made_from = made_from

    def describe(self) -> dict[str, Any]:
        """As json knows it; written beside each checkpoint."""
        return {"run": self.run, "settings": self.settings, "made_from": dict(self.made_from),
                "parts": {name: part.state() for name, part in self.parts.items()}}

    def restore(self, resume: Resume, state: RunState) -> None:
        """Puts the training step and all parts into the state that the checkpoint was written in.

        Args:
            resume: the checkpoint and what was described beside it.
            state: where the run resumes.

        Raises:
            UserError: the checkpoint is of another run.
        """
        self._compare(resume, state.batch_num)
        restore_parameters(state.train_network, resume.path)
        for _, cell in state.train_network.cells_and_names():
            if isinstance(cell, HalfDropout):
                cell.skip_calls(state.cur_step_num)
            elif isinstance(cell, nn.Dropout):
                logger.warning("resume: the network has layers whose random state cannot be restored (%s): the rest of "
                               "the run will differ a little from one that was not interrupted", cell.cls_name)
                break
        for name, part in self.parts.items():
            if resume.state["parts"].get(name) is not None:
                _restore_part(part, name, resume)
        epoch, step, epoch_done = resume.position[:3]
        logger.info("resume: %s, epoch %d, step %d of %d%s", resume.path, epoch, step, state.batch_num,
                    "" if epoch_done or step < state.batch_num else ", what follows the epoch is still to be done")

    def _compare(self, resume: Resume, steps_per_epoch: int) -> None:
        before, path = resume.state, resume.path
        if before["steps_per_epoch"] != steps_per_epoch:
            raise UserError(f"resume: {path} is of a run with {before['steps_per_epoch']} steps an epoch, now there "
                            f"are {steps_per_epoch}: the dataset, batch_size or the number of ranks has changed. Set "
                            f"them back, or begin a new run; {DONE_ELSEWHERE}")
        first, now = (settings.get("pre_trained_epoch_size") for settings in (before["settings"], self.settings))
        if first != now:
            raise UserError(f"resume: the run of {path} was started with pre_trained_epoch_size {first}, now it is "
                            f"{now}; resume with the command that the run was started with")
        changed = [f"{name} was {show(value)}, now {show(self.settings[name])}"
                   for name, value in before["settings"].items()
                   if name in self.settings and self.settings[name] != value]
        if changed:
            logger.warning("resume: settings have changed since the run began, so it will not end as it would have: %s",
                           "; ".join(changed))
        made_from = before.get("made_from")
        changed = [name for name, digest in self.made_from.items()
                   if isinstance(made_from, dict) and made_from.get(name, digest) != digest]
        if changed:
            logger.warning("resume: the data have changed since %s was written, so the run will not end as it would "
                           "have: the %s", path, " and the ".join(changed))


def _restore_part(part: Resumable, name: str, resume: Resume) -> None:
    try:
        part.restore(resume.state["parts"][name])
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise UserError(f"resume: {state_path(resume.path)} is damaged: {name} cannot be restored "
                        f"({shown(repr(error))}); --resume=FILE names another checkpoint") from error


def name_run(config: Config, resume: Resume | None, ranks: Ranks) -> str | None:
    """The name of a run that begins or continues, which the first rank notes in the checkpoint folder; None elsewhere.

    A run that `--resume` continues keeps its name; one that begins from a checkpoint has another.
    """
    if not ranks.is_first:
        return None
    folder = checkpoint_folder(config.output_path)
    if resume and config.resume == NEWEST and resume.path.parent.resolve() == folder.resolve():
        return last_run(folder)[0] or resume.state["run"]  # what the run began from has another name
    return new_run(folder, resume and resume.path)


def restore_parameters(train_step: nn.Cell, path: Path) -> None:
    """Sets all parameters of a training step, with optimizer and EMA, to those of a checkpoint.

    Raises:
        UserError: names or shapes differ, or values are not finite.
    """
    own = {parameter.name: parameter for parameter in train_step.get_parameters()
           if not parameter.name.startswith(RECOMPUTED)}
    values = {name: value for name, value in read_checkpoint(path).items() if not name.startswith(RECOMPUTED)}
    missing = {name for name in set(own) - set(values) if not name.startswith(WAITING_GRADIENTS)}
    unknown = set(values) - set(own)
    other = {name for name in set(own) & set(values) if own[name].shape != values[name].shape}
    problems = [f"{len(names)} parameters {what}: {shown_names(names)}" for names, what in (
        (missing, "are missing"), (unknown, "do not belong to the run"), (other, "have another shape")) if names]
    if problems:
        raise UserError(f"resume: {path} is not of such a run: {'; '.join(problems)}. Resume with the command that the "
                        f"run was started with; {DONE_ELSEWHERE}")
    check_finite(values, path)
    for name, value in values.items():
        own[name].set_data(ms.Tensor(value.asnumpy()).astype(own[name].dtype))


class LossScaleState:
    """The dynamic loss scale of a `TrainingWrapper`, which is no parameter of it."""

    def __init__(self, train_step: TrainingWrapper):
        self.scaler = train_step.loss_scaler

    def state(self) -> dict[str, float] | None:
        if self.scaler is None:
            return None
        return {"loss_scale": float(self.scaler.scale_value.asnumpy()), "counter": int(self.scaler.counter.asnumpy())}

    def restore(self, value: dict[str, float]) -> None:
        if self.scaler is not None:
            self.scaler.scale_value.set_data(ms.Tensor(float(value["loss_scale"]), ms.float32))
            self.scaler.counter.set_data(ms.Tensor(int(value["counter"]), ms.int32))
