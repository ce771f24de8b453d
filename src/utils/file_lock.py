"""One writer at a time in a folder."""
import contextlib
import logging
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from src.utils.files import require_file
from src.utils.safe_io import read_file

logger = logging.getLogger(__name__)


class FolderInUseError(Exception):
    """Another process holds the lock; the text says which one, as far as it can be told."""


@contextlib.contextmanager
def folder_lock(folder: Path | str, poll_seconds: float = 0.5, wait: bool = True) -> Iterator[bool]:
    """Context manager: holds the lock file `.lock` of the folder, which the system frees when the process dies.

    Gives True; False when the file system knows no locks, which is logged.

    Args:
        folder: an existing folder.
        poll_seconds: time from one attempt to the next.
        wait: wait for another process that holds it; otherwise `FolderInUseError` is raised.

    Raises:
        OSError: the lock file cannot be written.
    """
    import filelock  # takes a while, and only what writes needs it

    path = Path(folder) / ".lock"
    require_file(path)
    path.open("ab").close()  # a folder that cannot be written to is no file system without locks
    # Without marker files in place of locks: a crash would leave them behind.
    lock = filelock.FileLock(path, fallback_to_soft=False)
    try:
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            if not wait:
                raise FolderInUseError(_holder(path)) from None
            logger.info("%s: waiting for another process that writes there", folder)
            lock.acquire(poll_interval=poll_seconds)
        _sign(path)
    except OSError as error:
        logger.info("%s cannot be locked (%s): start only one process at a time", folder, error)
    try:
        yield lock.is_locked
    finally:
        lock.release()


def _sign(path: Path) -> None:
    """Writes into the lock file who holds it, for the others' messages."""
    with contextlib.suppress(OSError):  # on a full disk, the lock holds all the same
        path.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")


def _holder(path: Path) -> str:
    try:
        return read_file(path).decode(errors="replace")[:200] or "another process"
    except OSError:  # Windows lets no other process read what is locked
        return "another process"
