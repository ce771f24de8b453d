"""Finds the checkpoint that `--resume` continues from."""
import dataclasses
import itertools
import logging
import re
import uuid
from pathlib import Path
from typing import Any, NamedTuple

from src.config import Config
from src.config.schema import KEYS
from src.runtime.distributed import ONE_RANK, FirstRankDecides, Ranks
from src.ssd import cpu_arithmetic
from src.training.output_folder import checkpoint_folder
from src.training.run_state import Position
from src.utils.errors import UserError
from src.utils.files import write_json
from src.utils.safe_io import read_json, shown
from src.weights.run_settings import check_classes_of_run
from src.weights.training_state import SUFFIX, read_state, read_state_file, state_path

logger = logging.getLogger(__name__)
NEWEST = "True"


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and value > 0


def _is_rate(value: Any) -> bool:
    return isinstance(value, float) and value > 0


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


# Keys that can be `auto` until training begins, and what their values are.
CHOSEN_BY_TRAINING = {"batch_size": _is_count, "epoch_size": _is_count, "lr": _is_rate, "backbone_lr_scale": _is_rate,
                      "freeze_parts": _are_names}
DONE_ELSEWHERE = "--pre_trained=FILE --pre_trained_epoch_size=EPOCHS continues with the weights alone"
RUN_FILE = "run.json"
# Of the names of checkpoints: `ssd-3_18.ckpt`, and of a further run in the same folder `ssd_1-3_18.ckpt`, as MindSpore
# calls them.
PREFIX = "ssd"
_NAME = re.compile(rf"({PREFIX}(?:_\d+)?)-(\d+)_(\d+)")


class Resume(NamedTuple):
    """A checkpoint to resume from, and the state beside it."""

    path: Path
    state: dict[str, Any]

    @property
    def position(self) -> Position:
        """`Position` of the run."""
        state = self.state
        evaluation = state["parts"].get("evaluation")
        wants_end = isinstance(evaluation, dict) and bool(evaluation.get("wants_end"))
        return Position(state["epoch"], state["step"], state["epoch_done"], state["epoch_done"] and wants_end)

    @property
    def next_step(self) -> tuple[int, int]:
        """Epochs that need no more steps, and steps of the next one that are done."""
        epoch, step = self.position[:2]
        return (epoch, 0) if step >= self.state["steps_per_epoch"] else (epoch - 1, step)


def named_checkpoint(config: Config) -> Path:
    """The file that the key `resume` names, as it stands or in the folder of the checkpoints.

    Raises:
        UserError: there is none.
    """
    folder = checkpoint_folder(config.output_path)
    path = next((place for place in (Path(config.resume), folder / config.resume) if place.is_file()), None)
    if path is None:
        raise UserError(f"resume: there is no checkpoint {shown(config.resume)}, nor one of that name in {folder}")
    return path


def find_resume(config: Config, ranks: Ranks = ONE_RANK) -> Resume | None:
    """The `Resume` that the key `resume` asks for; None if it asks for none, or the run has no checkpoint yet.

    Raises:
        UserError: the checkpoint cannot be resumed, or not on all ranks.
    """
    if not config.resume:
        return None
    folder = checkpoint_folder(config.output_path)
    if config.resume == NEWEST:
        resume = newest_checkpoint(folder)
    else:
        path = named_checkpoint(config)
        resume = Resume(path, read_state(path))
    found = (resume.state["epoch"], resume.state["step"]) if resume else (0, 0)
    decided = tuple(FirstRankDecides(ranks).of(number) for number in found)
    if decided != found:
        raise UserError(f"resume: rank {ranks.rank} finds epoch {found[0]}, step {found[1]} in {folder}, the first "
                        f"rank epoch {decided[0]}, step {decided[1]}: all ranks need the same folder")
    if resume is None:
        logger.info("resume: nothing to resume from in %s, training begins", folder)
        return None
    check_classes_of_run(resume.path, config.classes)
    resume = _with_patience(resume, config.early_stopping)
    if config.mode_sink == "sink" and resume.next_step[1]:
        raise UserError(f"resume: {resume.path} is from the middle of an epoch, and mode_sink hands whole ones to "
                        "the device; add --mode_sink=non_sink")
    return resume


def _with_patience(resume: Resume, early_stopping: int) -> Resume:
    """The run that early stopping has ended goes on where `early_stopping` asks for more patience, or none."""
    if not resume.position.run_done:
        return resume
    evaluation = resume.state["parts"]["evaluation"]
    waited = evaluation.get("since_better")
    if not isinstance(waited, int) or 0 < early_stopping <= waited:
        logger.info("resume: early_stopping has ended this run after epoch %d; --early_stopping=0 trains on",
                    resume.position.epoch)
        return resume
    parts = {**resume.state["parts"], "evaluation": {**evaluation, "wants_end": False}}
    return resume._replace(state={**resume.state, "parts": parts})


def with_resumed_choices(config: Config, resume: Resume | None) -> Config:
    """The configuration with the sizes, learning rates and frozen parts that `auto` gave when the run began."""
    settings: dict[str, Any] = resume.state["settings"] if resume else {}
    keys = [key for key in CHOSEN_BY_TRAINING if config.is_auto(key) and key in settings]
    chosen: dict[str, Any] = {key: settings[key] for key in keys}
    if resume and not all(CHOSEN_BY_TRAINING[key](value) for key, value in chosen.items()):
        raise UserError(f"{state_path(resume.path)} is damaged: its settings have {shown(chosen)}")
    if "freeze_parts" in chosen:
        chosen["freeze_parts"] = tuple(chosen["freeze_parts"])
    return dataclasses.replace(config, **chosen)


def create_settings(config: Config) -> dict[str, Any]:
    """What the parameters at the end of a run depend on: key, or the words "CPU arithmetic", -> value, as for json."""
    values = config.to_dict()
    settings = {name: values[name] for name, field in KEYS.items() if field.affects_result}
    return settings | {"CPU arithmetic": cpu_arithmetic(config)}


def checkpoint_prefix(folder: Path | str, resume: Resume | None) -> str:
    """What the names of the checkpoints of a run begin with.

    Args:
        folder: of the checkpoints.
        resume: of a run that continues; None for another, whose names are different from those that are there.
    """
    if resume is not None:
        match = _NAME.fullmatch(resume.path.stem)
        return match[1] if match else PREFIX
    taken = {match[1] for match in (_NAME.match(path.name) for path in Path(folder).glob(f"{PREFIX}*")) if match}
    names = itertools.chain([PREFIX], (f"{PREFIX}_{number}" for number in itertools.count(1)))
    prefix = next(name for name in names if name not in taken)
    if taken:
        logger.info("checkpoints: %s has those of an earlier run; the new ones are called %s-EPOCH_STEP.ckpt", folder,
                    prefix)
    return prefix


def new_run(folder: Path | str, resumed_from: Path | None = None) -> str:
    """Notes in `folder` which run now writes there; returns its name.

    Args:
        resumed_from: checkpoint that it began from, which `--resume` takes until there is a newer one.
    """
    name, begun_from = uuid.uuid4().hex, None
    if resumed_from is not None:
        path, own = Path(resumed_from).resolve(), Path(folder).resolve()
        begun_from = str(path.relative_to(own) if path.is_relative_to(own) else path)  # the folder may be renamed
    write_json(Path(folder) / RUN_FILE, {"run": name, "from": begun_from})
    return name


def newest_checkpoint(folder: Path | str) -> Resume | None:
    """The newest whole checkpoint of the run that last wrote to `folder`; None if the run has no checkpoint yet.

    A checkpoint that is not whole is skipped with a warning.

    Raises:
        UserError: no checkpoint of that run is whole, or none has a state.
    """
    folder = Path(folder)
    run, begun_from = last_run(folder)
    if run is None and not list(folder.glob(f"{PREFIX}*{SUFFIX}")):
        for path in folder.glob(f"{PREFIX}*-*.ckpt"):
            read_state(path)  # says what is missing
    problems = []
    for path in _by_progress(folder, run):
        try:
            return Resume(path, read_state(path))
        except UserError as error:
            logger.warning("resume: %s; the one before is tried", error)
            problems.append(str(error))
    if begun_from is not None and begun_from.is_file():
        return Resume(begun_from, read_state(begun_from))
    if begun_from is not None:
        raise UserError(f"resume: the run in {folder} began from {begun_from}, which is no longer there, and has no "
                        "whole checkpoint of its own yet; --resume=FILE names another checkpoint")
    if problems:
        raise UserError(f"resume: no checkpoint in {folder} is whole: {'; '.join(problems)}. Without --resume, "
                        "training begins anew")
    return None


def last_run(folder: Path) -> tuple[str | None, Path | None]:
    """Name of the run that last wrote to `folder`, None for any, and the checkpoint that it began from, or None."""
    try:
        note = read_json(folder / RUN_FILE)
        run, begun_from = note["run"], note["from"]
    except (OSError, ValueError, KeyError, TypeError):
        return None, None
    if not isinstance(run, str) or not isinstance(begun_from, (str, type(None))):
        return None, None
    if begun_from is None:
        return run, None
    path = folder / begun_from
    return run, path if path.is_file() or not (folder / path.name).is_file() else folder / path.name


def _by_progress(folder: Path, run: str | None) -> list[Path]:
    """Checkpoints with a state of the run, the latest first. If a state cannot be read, the name of the file counts."""
    found = []
    for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
        checkpoint = path.with_name(path.name[: -len(SUFFIX)] + ".ckpt")
        try:
            state = read_state_file(path)
            if run not in (None, state.get("run")):
                continue
        except UserError:
            pass
        match = _NAME.fullmatch(checkpoint.stem)
        if match and checkpoint.is_file():
            found.append(((int(match[2]), int(match[3])), checkpoint))
    return [checkpoint for _, checkpoint in sorted(found, reverse=True)]
