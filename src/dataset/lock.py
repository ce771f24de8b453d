"""One writer at a time in a folder."""
import contextlib
import logging
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
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


@contextlib.contextmanager
def folder_lock(folder, poll_seconds=0.5):
    """Context manager: waits until no other process holds the lock file `.lock` of the folder, then holds it.

    Gives True; False when the file system knows no locks, which is logged.
    """
    with open(Path(folder) / ".lock", "a+b") as stream:
        try:
            if not _try_lock(stream):
                logger.info("%s: waiting for another process that writes there", folder)
                while not _try_lock(stream):
                    time.sleep(poll_seconds)
            locked = True
        except OSError as error:
            logger.info("%s cannot be locked (%s): start only one process at a time", folder, error)
            locked = False
        try:
            yield locked
        finally:
            if locked and fcntl is None:
                stream.seek(0)
                msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)
