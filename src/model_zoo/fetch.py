"""Published weights by name: wherever the path of a checkpoint is expected, a name of the table serves too.

The files come into a cache folder: `SSD_WEIGHTS`, or else `mindspore-ssd` in the user's cache folder.
"""
from __future__ import annotations

import difflib
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from src.config import load_config
from src.config.loader import parse_flags
from src.config.run_config import config_of_run
from src.model_zoo.sources import CACHE_VARIABLE
from src.model_zoo.table import PUBLISHED, PublishedWeights
from src.utils.errors import UserError
from src.utils.file_lock import folder_lock
from src.utils.files import file_digest, find_checkpoint, reported_as
from src.utils.user_cache import user_cache_folder

logger = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[2]


def cache_folder() -> Path:
    """The folder of the files; a `UserError` where this user has none."""
    if os.environ.get(CACHE_VARIABLE):
        return Path(os.path.expanduser(os.environ[CACHE_VARIABLE]))
    folder = user_cache_folder()
    if folder is None:
        raise UserError(f"this user has no home folder for published weights; set {CACHE_VARIABLE} to a folder")
    return folder / "mindspore-ssd"


def find_weights(path: Path | str, folder: Path | str = "", key: str = "checkpoint_file_path") -> Path:
    """The checkpoint that `path` means: a file, as it stands or below `folder`, or else a name of `PUBLISHED`.

    Raises:
        UserError: it is neither, or the weights of that name cannot be had.
    """
    try:
        return find_checkpoint(path, folder, key)
    except UserError as error:
        if str(path) in PUBLISHED:
            return fetch_weights(str(path))
        raise UserError(f"{error}{nearest_name(str(path))}") from error


def nearest_name(name: str) -> str:
    """The end of a message about a name that is not in the table: the nearest one, or else all of them."""
    near = difflib.get_close_matches(name, PUBLISHED, n=1)
    if near:
        return f"; did you mean the published weights {near[0]}?"
    return f". Published weights go by a name: {', '.join(PUBLISHED)}"


def published_config(name: Path | str) -> Path | None:
    """The configuration that fits the published weights of a name; None for a file, or no name of the table."""
    if str(name) not in PUBLISHED or Path(name).is_file():
        return None
    return ROOT / "config" / PUBLISHED[str(name)].config_file


def published_classes(checkpoint: Path) -> tuple[str, ...]:
    """The class names of a published checkpoint, which its file name tells, the background first; none for another."""
    for row in PUBLISHED.values():
        if row.checkpoint == checkpoint.name:
            return load_config([f"--config_path={ROOT / 'config' / row.config_file}"]).classes
    return ()


def with_config_of_weights(argv: Sequence[str] | None) -> list[str]:
    """Flags of an entry script, with the configuration that fits the weights that `--checkpoint_file_path` names: that
    of published weights, or of the training run in whose folder they are.

    Args:
        argv: the flags; None for those of the process. A `--config_path` among them stays.
    """
    flags = list(sys.argv[1:] if argv is None else argv)
    given = parse_flags(flags)
    if "config_path" in given:
        return flags
    checkpoint = given.get("checkpoint_file_path", "")
    file = published_config(checkpoint) or config_of_run(checkpoint)
    if file is None:
        return flags
    logger.info("configuration: %s", file)
    return [f"--config_path={file}", *flags]


def fetch_weights(name: str) -> Path:
    """The checkpoint of published weights, fetched and converted unless it is in the cache folder.

    Raises:
        UserError: no source has them, a file there has another digest, or the folder cannot be written.
    """
    row, folder = PUBLISHED[name], cache_folder()
    file, checkpoint = folder / row.file, folder / row.checkpoint
    if file.is_file() and checkpoint.is_file():  # the folder may be one that only others write to
        with reported_as(file):
            _check_digest(file, row)
        return checkpoint
    with reported_as(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with folder_lock(folder):
            if not file.is_file():
                _fetch(name, row, file)
            _check_digest(file, row)
            if not checkpoint.is_file():
                _convert(row, file, checkpoint)
            return checkpoint


def _fetch(name: str, row: PublishedWeights, file: Path) -> None:
    """Writes the file from the first source that has it."""
    failures = []
    new = file.with_name(f"{file.name}.new")
    for source in row.sources:
        try:
            source.fetch(new, row.size)
            _check_digest(new, row)
        except UserError as error:
            new.unlink(missing_ok=True)
            failures.append(f"\n  {source}: {error}")
            continue
        new.replace(file)
        return
    raise UserError(f"the weights {name} cannot be fetched:{''.join(failures)}\nTo do it by hand: fetch "
                    f"{row.sources[0]} on another machine, and put it at {file}")


def _check_digest(file: Path, row: PublishedWeights) -> None:
    digest = file_digest(file)
    if not digest.startswith(row.sha256):
        raise UserError(f"{file} is not {row.file} as it was published: its SHA-256 is {digest}, expected is "
                        f"{row.sha256}; delete it and start again")


def _convert(row: PublishedWeights, file: Path, checkpoint: Path) -> None:
    """Makes the checkpoint in a process of its own, which leaves the random numbers of this one alone."""
    command = [sys.executable, "-m", "src.weights.import_weights", str(file), "--from", row.library,
               "--config", str(ROOT / "config" / row.config_file), "--output", str(checkpoint)]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{file} cannot be converted: {done.stderr.strip() or 'no reason was given'}")
