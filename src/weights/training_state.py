"""The state of a training run that is not in its checkpoint: a json file beside it, `ssd-3_18.state.json` beside
`ssd-3_18.ckpt`.

The file also has the size and the digest of its checkpoint, which shows whether the checkpoint was cut off or changed.
Only `--resume` needs this file; everything else works without it.
"""
import os
from pathlib import Path
from typing import Any

from src.utils.errors import UserError
from src.utils.files import file_digest, write_json
from src.utils.safe_io import read_json, reason_of_reading, shown

SUFFIX = ".state.json"
FORMAT = "ssd-training-state"
VERSION = 1
STATE_KEYS: dict[str, tuple[type, ...]] = {
    "run": (str, type(None)), "epoch": (int,), "step": (int,), "epoch_done": (bool,), "steps_per_epoch": (int,),
    "settings": (dict,), "parts": (dict,)}


def state_path(checkpoint: Path | str) -> Path:
    """The state file of a checkpoint."""
    return Path(checkpoint).with_suffix(SUFFIX)


def describe_file(path: Path | str) -> dict[str, Any]:
    """Size and digest of a file: `bytes`, `sha256`."""
    return {"bytes": os.path.getsize(path), "sha256": file_digest(path)}


def write_state(checkpoint: Path | str, state: dict[str, Any], content: dict[str, Any] | None = None) -> dict[str, Any]:
    """Writes the state file of a checkpoint.

    Args:
        state: values for json, by `STATE_KEYS`.
        content: `describe_file(checkpoint)`, where it is known.

    Returns:
        `content`.
    """
    content = content or describe_file(checkpoint)
    write_json(state_path(checkpoint), {"format": FORMAT, "version": VERSION, "checkpoint": content, **state})
    return content


def remove_checkpoint(checkpoint: Path | str) -> None:
    """Removes a checkpoint and its state file."""
    Path(checkpoint).unlink(missing_ok=True)
    state_path(checkpoint).unlink(missing_ok=True)


def check_content(checkpoint: Path | str) -> None:
    """Compares a checkpoint with the state file beside it, where there is one.

    Raises:
        UserError: the checkpoint was cut off, or the state file belongs to another one.
    """
    if state_path(checkpoint).is_file():
        _check_content(checkpoint, read_state_file(state_path(checkpoint)))


def read_state(checkpoint: Path | str) -> dict[str, Any]:
    """The state of a checkpoint that is whole, with all `STATE_KEYS`.

    Raises:
        UserError: there is no state file, it is not of this program, or it belongs to another checkpoint.
    """
    path = state_path(checkpoint)
    if not path.is_file():
        raise UserError(f"{checkpoint} has no training state beside it ({path.name}), so that it cannot be resumed "
                        "exactly; --pre_trained=FILE --pre_trained_epoch_size=EPOCHS continues with its weights")
    state = read_state_file(path)
    lacking = [key for key in STATE_KEYS if key not in state]
    if lacking:
        raise UserError(f"{path} lacks {', '.join(lacking)}: it is of another version of this program")
    wrong = [key for key, types in STATE_KEYS.items() if type(state[key]) not in types]
    if wrong:
        raise UserError(f"{path} is damaged: {wrong[0]} is {shown(repr(state[wrong[0]]))}")
    _check_content(checkpoint, state)
    return state


def read_state_file(path: Path) -> dict[str, Any]:
    """The content of a state file, whatever its checkpoint.

    Raises:
        UserError: it cannot be read, or is not of this version of the program.
    """
    try:
        state = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is no training state, or it is damaged: {reason_of_reading(error)}") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT or state.get("version") != VERSION:
        raise UserError(f"{path} is not a training state of this version of the program")
    return state


def _check_content(checkpoint: Path | str, state: dict[str, Any]) -> None:
    try:
        size, digest = state["checkpoint"]["bytes"], state["checkpoint"]["sha256"]
        found = os.path.getsize(checkpoint)
    except (TypeError, KeyError) as error:
        raise UserError(f"{state_path(checkpoint)} lacks size and digest of its checkpoint: it is damaged") from error
    except OSError as error:
        raise UserError(f"{checkpoint} cannot be read: {error.strerror}") from error
    if found != size:
        raise UserError(f"{checkpoint} has {found} bytes instead of {size}: it was cut off, or is of another run than "
                        f"{state_path(checkpoint).name}")
    if describe_file(checkpoint)["sha256"] != digest:
        raise UserError(f"{checkpoint} was changed after it was written, or is of another run than "
                        f"{state_path(checkpoint).name}")
