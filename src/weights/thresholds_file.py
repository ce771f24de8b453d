"""The confidence thresholds of a checkpoint: a json file beside it, `best_map.thresholds.json` beside `best_map.ckpt`.

The file also has the size and the digest of its checkpoint, so that the thresholds of another one are never used.
"""
import logging
import os
from pathlib import Path

from src.evaluation.thresholds import SUFFIX, Thresholds
from src.utils.errors import UserError
from src.utils.files import keep_earlier_pair, write_json
from src.utils.safe_io import read_json, shown
from src.weights.training_state import describe_file

logger = logging.getLogger(__name__)


def thresholds_path(checkpoint: Path | str) -> Path:
    """The file of a checkpoint."""
    return Path(checkpoint).with_suffix(SUFFIX)


def write_thresholds(checkpoint: Path | str, thresholds: Thresholds) -> Path:
    """Writes the file of a checkpoint, and returns its path."""
    path = thresholds_path(checkpoint)
    write_json(path, {"checkpoint": describe_file(checkpoint), "thresholds": thresholds.to_json()})
    return path


def read_thresholds(checkpoint: Path | str) -> Thresholds | None:
    """The thresholds of a checkpoint; None where there are none, or only those of another one, which the log tells.

    Raises:
        UserError: the file cannot be read, or is damaged.
    """
    path = thresholds_path(checkpoint)
    if not path.is_file():
        return None
    try:
        content = read_json(path)
        described, thresholds = content["checkpoint"], Thresholds.from_json(content["thresholds"])
        same = described["bytes"] == os.path.getsize(checkpoint) and described == describe_file(checkpoint)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} has no confidence thresholds, or is damaged ({shown(repr(error))}); delete it, and "
                        f"evaluate {checkpoint} anew") from error
    if not same:
        logger.warning("%s has the confidence thresholds of another checkpoint than %s; they are not used", path,
                       checkpoint)
        return None
    return thresholds


def keep_earlier_checkpoint(checkpoint: Path | str) -> None:
    """Renames a checkpoint, and the file of its thresholds, to the first free number; see `keep_earlier_pair`."""
    keep_earlier_pair(checkpoint, SUFFIX)
