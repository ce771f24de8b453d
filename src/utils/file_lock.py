"""One writer at a time in a folder."""
import contextlib
import logging
import os
import platform
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt
logger = logging.getLogger(__name__)


def _try_lock(stream):
    """True when the lock was taken, False when somebody else holds it; the system frees it when the holder dies."""
    try:
        if fcntl is not None:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            stream.seek(0)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):
        return False
    return True


class FolderInUseError(Exception):
    """Another process holds the lock; the text says which one, as far as it can be told."""


@contextlib.contextmanager
def folder_lock(folder, poll_seconds=0.5, wait=True):
    """Context manager: waits until no other process holds the lock file `.lock` of the folder, then holds it.

    Gives True; False when the file system knows no locks, which is logged.

    Args:
        wait: wait for another process; otherwise `FolderInUseError` is raised.
    """
    with open(Path(folder) / ".lock", "a+b") as stream:
        try:
            if not _try_lock(stream):
                if not wait:
                    raise FolderInUseError(_holder(stream))
                logger.info("%s: waiting for another process that writes there", folder)
                while not _try_lock(stream):
                    time.sleep(poll_seconds)
            locked = True
            _sign(stream)
        except OSError as error:
            logger.info("%s cannot be locked (%s): start only one process at a time", folder, error)
            locked = False
        try:
            yield locked
        finally:
            if locked and fcntl is None:
                stream.seek(0)
                msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)


def _sign(stream):
    """Writes into the lock file who holds it, for the others' messages."""
    with contextlib.suppress(OSError):  # on a full disk, the lock holds all the same
        stream.truncate(0)
        stream.write(f"process {os.getpid()} on {platform.node()}".encode())
        stream.flush()


def _holder(stream):
    try:
        stream.seek(0)
        return stream.read(200).decode(errors="replace") or "another process"
    except OSError:  # Windows lets nobody else read what is locked
        return "another process"
