"""Going on with a training run exactly where a checkpoint was written."""
import dataclasses
import json
import logging
import uuid
from pathlib import Path
from typing import NamedTuple

import mindspore as ms
from mindspore import nn

from src.config.schema import KEYS
from src.config.values import show
from src.layers.blocks import HalfDropout
from src.runtime.distributed import ONE_RANK, FirstRankDecides
from src.training.loop import Position
from src.utils.errors import UserError
from src.utils.files import write_json
from src.weights.checkpoint_file import read_checkpoint
from src.weights.parameter_names import RECOMPUTED, WAITING_GRADIENTS, shown_names
from src.weights.training_state import SUFFIX, read_state, read_state_file

logger = logging.getLogger(__name__)
NEWEST = "True"
DONE_ELSEWHERE = "--pre_trained=FILE --pre_trained_epoch_size=EPOCHS goes on with the weights alone"
RUN_FILE = "run.json"


class Resume(NamedTuple):
    """A checkpoint to go on from, and its state."""

    path: Path
    state: dict

    @property
    def position(self):
        """`Position` of the run."""
        state = self.state
        evaluation = state["parts"].get("evaluation") or {}
        return Position(state["epoch"], state["step"], state["epoch_done"],
                        state["epoch_done"] and bool(evaluation.get("wants_end")))

    @property
    def next_step(self):
        """Epochs that need no more steps, and steps of the next one that are done."""
        epoch, step = self.position[:2]
        return (epoch, 0) if step >= self.state["steps_per_epoch"] else (epoch - 1, step)


def checkpoint_folder(output_path):
    """Where a run with that output writes its checkpoints."""
    return Path(output_path) / "ckpt_0"


def find_resume(config, ranks=ONE_RANK):
    """The `Resume` that the key `resume` asks for; None where there is nothing to go on from.

    Raises:
        UserError: the checkpoint cannot be resumed, or not on all ranks.
    """
    if not config.resume:
        return None
    folder = checkpoint_folder(config.output_path)
    if config.resume == NEWEST:
        path, state = newest_checkpoint(folder)
    else:
        path = next((place for place in (Path(config.resume), folder / config.resume) if place.is_file()), None)
        if path is None:
            raise UserError(f"resume: there is no checkpoint {config.resume}, nor one of that name in {folder}")
        state = read_state(path)
    found = (0, 0) if path is None else (state["epoch"], state["step"])
    decided = tuple(FirstRankDecides(ranks).of(number) for number in found)
    if decided != found:
        raise UserError(f"resume: rank {ranks.rank} finds epoch {found[0]}, step {found[1]} in {folder}, the first "
                        f"rank epoch {decided[0]}, step {decided[1]}: all ranks need the same folder")
    if path is None:
        logger.info("resume: nothing to go on from in %s, training begins", folder)
        return None
    resume = Resume(path, state)
    if config.mode_sink == "sink" and resume.next_step[1]:
        raise UserError(f"resume: {path} is from the middle of an epoch, and mode_sink hands whole ones to the device; "
                        "add --mode_sink=non_sink")
    return resume


def create_resumed_config(config, resume):
    """The configuration with what an `auto` key was resolved to when the run began."""
    settings = resume.state["settings"] if resume else {}
    chosen = {key: settings[key] for key in ("batch_size", "epoch_size") if config.is_auto(key) and key in settings}
    return dataclasses.replace(config, **chosen)


def create_settings(config):
    """What the parameters at the end of a run depend on: key -> value, as json has it."""
    values = config.to_dict()
    return {name: values[name] for name, field in KEYS.items() if field.affects_result}


def create_run_state(config, train_step, parts, resume, ranks=ONE_RANK):
    """The `RunState` of a run that begins or goes on; notes in the checkpoint folder that it does."""
    folder = checkpoint_folder(config.output_path)
    run = None
    if ranks.is_first:
        goes_on = resume is not None and config.resume == NEWEST and resume.path.parent.resolve() == folder.resolve()
        run = resume.state["run"] if goes_on else new_run(folder, resume and resume.path)
    return RunState(run, create_settings(config), {**parts, "step": TrainStepState(train_step)})


class RunState:
    """What of a run is in no checkpoint.

    Args:
        run: name of the run.
        settings: result of `create_settings`.
        parts: name -> an object with `state()`, a value for json, and `restore(value)`.
    """

    def __init__(self, run, settings, parts):
        self.run = run
        self.settings = settings
        self.parts = parts

    def describe(self):
        """As `SaveCheckpoint` wants it."""
        return {"run": self.run, "settings": self.settings,
                "parts": {name: part.state() for name, part in self.parts.items()}}

    def restore(self, resume, train_step, steps_per_epoch, steps_done):
        """Puts everything into the state that the checkpoint was written in.

        Args:
            steps_done: steps of the run so far.

        Raises:
            UserError: the run is another one.
        """
        self._compare(resume, steps_per_epoch)
        restore_parameters(train_step, resume.path)
        for _, cell in train_step.cells_and_names():
            if isinstance(cell, HalfDropout):
                cell.skip_calls(steps_done)
            elif isinstance(cell, nn.Dropout):
                logger.warning("resume: the network has layers whose random state nobody can reach (%s): the rest of "
                               "the run will differ a little from one that was not interrupted", cell.cls_name)
                break
        for name, part in self.parts.items():
            if resume.state["parts"].get(name) is not None:
                part.restore(resume.state["parts"][name])
        epoch, step, epoch_done = resume.position[:3]
        logger.info("resume: %s, epoch %d, step %d of %d%s", resume.path, epoch, step, steps_per_epoch,
                    "" if epoch_done or step < steps_per_epoch else ", what follows the epoch is still to be done")

    def _compare(self, resume, steps_per_epoch):
        state, path = resume.state, resume.path
        if state["steps_per_epoch"] != steps_per_epoch:
            raise UserError(f"resume: {path} is of a run with {state['steps_per_epoch']} steps an epoch, now there are "
                            f"{steps_per_epoch}: the dataset, batch_size or the number of ranks has changed. Set them "
                            f"back, or begin a new run; {DONE_ELSEWHERE}")
        before, now = (settings.get("pre_trained_epoch_size") for settings in (state["settings"], self.settings))
        if before != now:
            raise UserError(f"resume: the run of {path} was started with pre_trained_epoch_size {before}, now it is "
                            f"{now}; resume with the command that the run was started with")
        other = [f"{name} was {show(value)}, now {show(self.settings[name])}"
                 for name, value in state["settings"].items()
                 if name in self.settings and self.settings[name] != value]
        if other:
            logger.warning("resume: the run goes on with other settings than it began with, so not as it would have: "
                           "%s", "; ".join(other))


def restore_parameters(train_step, path):
    """Sets all parameters of a training step, optimizer and means included, to those of a checkpoint.

    Raises:
        UserError: names or shapes differ.
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
    for name, value in values.items():
        own[name].set_data(ms.Tensor(value.asnumpy()).astype(own[name].dtype))


class TrainStepState:
    """The dynamic loss scale of a `TrainingWrapper`, which is no parameter of it."""

    def __init__(self, train_step):
        self.scaler = train_step.loss_scaler

    def state(self):
        if self.scaler is None:
            return None
        return {"loss_scale": float(self.scaler.scale_value.asnumpy()), "counter": int(self.scaler.counter.asnumpy())}

    def restore(self, value):
        if self.scaler is not None:
            self.scaler.scale_value.set_data(ms.Tensor(value["loss_scale"], ms.float32))
            self.scaler.counter.set_data(ms.Tensor(value["counter"], ms.int32))


def new_run(folder, resumed_from=None):
    """Notes in `folder` which run now writes there; returns its name.

    Args:
        resumed_from: checkpoint that it goes on from, and that `--resume` takes until there is a newer one.
    """
    name = uuid.uuid4().hex
    write_json(Path(folder) / RUN_FILE, {"run": name, "from": None if resumed_from is None else
                                         str(Path(resumed_from).resolve())})
    return name


def newest_checkpoint(folder):
    """The newest whole checkpoint of the run that last wrote to `folder`, and its state; `(None, None)` if the run has
    none yet. What is not whole is left out with a warning.

    Raises:
        UserError: there are checkpoints of that run, and none of them is whole; or only such that have no state.
    """
    folder = Path(folder)
    run, begun_from = _last_run(folder)
    if run is None and not list(folder.glob(f"ssd-*{SUFFIX}")):
        for path in folder.glob("ssd-*.ckpt"):
            read_state(path)  # says what is missing
    problems = []
    for path in _by_progress(folder, run):
        try:
            return path, read_state(path)
        except UserError as error:
            logger.warning("resume: %s; the one before is tried", error)
            problems.append(str(error))
    if begun_from is not None:
        return begun_from, read_state(begun_from)
    if problems:
        raise UserError(f"resume: no checkpoint in {folder} is whole: {'; '.join(problems)}. Without --resume, "
                        "training begins anew")
    return None, None


def _last_run(folder):
    """Name of the run, None for any, and the checkpoint that it began from, or None."""
    try:
        note = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
        return note["run"], None if note["from"] is None else Path(note["from"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None, None


def _by_progress(folder, run):
    """Checkpoints with a state of the run, those that are further first; a state that cannot be read counts by name."""
    found = []
    for path in folder.glob(f"ssd-*{SUFFIX}"):
        checkpoint = path.with_name(path.name[: -len(SUFFIX)] + ".ckpt")
        try:
            state = read_state_file(path)
            if run not in (None, state.get("run")):
                continue
        except UserError:
            pass
        epoch, _, step = checkpoint.stem[len("ssd-"):].partition("_")
        if epoch.isdigit() and step.isdigit() and checkpoint.is_file():
            found.append(((int(epoch), int(step)), checkpoint))
    return [checkpoint for _, checkpoint in sorted(found, reverse=True)]
