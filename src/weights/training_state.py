"""What a checkpoint does not hold of a training run: a json file beside it, `ssd-3_18.state.json` of `ssd-3_18.ckpt`.

The state also tells size and digest of its checkpoint, so that one that was cut off or changed is noticed. Without a
state, a checkpoint is as good as ever for everything but `--resume`.
"""
import hashlib
import json
import logging
import os
from pathlib import Path

from src.utils.errors import UserError
from src.utils.files import write_json

logger = logging.getLogger(__name__)
SUFFIX = ".state.json"
FORMAT = "ssd-training-state"
VERSION = 1
BLOCK = 1 << 20
KEYS = ("run", "epoch", "step", "epoch_done", "steps_per_epoch", "settings", "parts")


def state_path(checkpoint):
    """The file of the state that belongs to a checkpoint."""
    return Path(checkpoint).with_suffix(SUFFIX)


def describe_file(path):
    """Size and digest of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return {"bytes": os.path.getsize(path), "sha256": digest.hexdigest()}


def write_state(checkpoint, state, content=None):
    """Writes the state of a checkpoint that is there, and has the `content` of `describe_file`."""
    content = content or describe_file(checkpoint)
    write_json(state_path(checkpoint), {"format": FORMAT, "version": VERSION, "checkpoint": content, **state})
    return content


def remove_checkpoint(checkpoint):
    """Removes a checkpoint and its state."""
    Path(checkpoint).unlink(missing_ok=True)
    state_path(checkpoint).unlink(missing_ok=True)


def check_content(checkpoint):
    """Compares a checkpoint with the state beside it, where there is one.

    Raises:
        UserError: it was cut off, or is not the one that the state belongs to.
    """
    if state_path(checkpoint).is_file():
        _check_content(checkpoint, _read(state_path(checkpoint)))


def read_state(checkpoint):
    """The state of a checkpoint that is whole.

    Raises:
        UserError: there is none, it is not of this program, or the checkpoint is not the one that it belongs to.
    """
    path = state_path(checkpoint)
    if not path.is_file():
        raise UserError(f"{checkpoint} has no training state beside it ({path.name}), so that it cannot be resumed "
                        "exactly; --pre_trained=FILE --pre_trained_epoch_size=EPOCHS goes on with its weights")
    state = _read(path)
    lacking = [key for key in KEYS if key not in state]
    if lacking:
        raise UserError(f"{path} lacks {', '.join(lacking)}: it is of another version of this program")
    _check_content(checkpoint, state)
    return state


def _read(path):
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is no training state, or it is damaged: {error}") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT or state.get("version") != VERSION:
        raise UserError(f"{path} is not a training state of this version of the program")
    return state


def _check_content(checkpoint, state):
    expected = state.get("checkpoint")
    try:
        size, digest = expected["bytes"], expected["sha256"]
        found = os.path.getsize(checkpoint)
    except (TypeError, KeyError) as error:
        raise UserError(f"{state_path(checkpoint)} does not say what its checkpoint holds: it is damaged") from error
    except OSError as error:
        raise UserError(f"{checkpoint} cannot be read: {error.strerror}") from error
    if found != size:
        raise UserError(f"{checkpoint} has {found} bytes instead of {size}: it was cut off, or is of another run than "
                        f"{state_path(checkpoint).name}")
    if describe_file(checkpoint)["sha256"] != digest:
        raise UserError(f"{checkpoint} was changed after it was written, or is of another run than "
                        f"{state_path(checkpoint).name}")
