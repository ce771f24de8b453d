"""Folders that appear whole or not at all."""
import contextlib
import os
import shutil
import time
from pathlib import Path

LEFTOVER_AGE_SECONDS = 24 * 3600


@contextlib.contextmanager
def temporary_folder(path):
    """Context manager: gives an empty folder beside `path`, on the same disk, and removes it when the block ends.

    Such folders that a kill left behind are removed once they are a day old (a younger one may belong to a process
    that still runs).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def whole_folder(path):
    """Context manager: gives a temporary folder that takes the place of `path` when the block ends well.

    A folder that exists at `path` is replaced: the caller decides beforehand whether that is right. When the block
    raises, `path` stays as it was.
    """
    with temporary_folder(path) as part:
        yield part
        replace_folder(part, path)


def replace_folder(source, target):
    """Renames the folder `source` to `target`; what stood at `target` is removed only once the new one is there."""
    source, target = Path(source), Path(target)
    old = target.with_name(f".{target.name}.{os.getpid()}.old.part")
    if target.exists():
        os.replace(target, old)
    try:
        os.replace(source, target)
    except OSError:
        if old.exists():
            os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _remove_leftovers(path):
    for leftover in path.parent.glob(f".{path.name}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > LEFTOVER_AGE_SECONDS:
                shutil.rmtree(leftover)
