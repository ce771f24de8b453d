"""Files that a run reads: other runs do not replace them, and the run notices if something else does."""
import contextlib
import logging
import os
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

from src.utils.errors import UserError

try:
    import fcntl
except ImportError:  # Windows, which lets no file be replaced that is open
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)


class FilesInUse:
    """Files that are read as long as this object lives.

    The first one is held open with a shared lock, which the system frees with the process. Where the file system knows
    no locks, `require_unchanged` still notices what has happened.

    Args:
        paths: files; at least one.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        descriptor = os.open(paths[0], os.O_RDONLY)
        weakref.finalize(self, os.close, descriptor)
        if fcntl is not None:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            except OSError as error:
                logger.info("%s cannot be locked (%s)", paths[0], error)
        self._states = {path: _state(path) for path in paths}

    def require_unchanged(self) -> None:
        """Raises `UserError` if a file is not the one that it was: name and place alone do not tell."""
        for path, state in self._states.items():
            if _state(path) != state:
                raise UserError(f"{path} was replaced or removed while this run reads it. What follows would be "
                                "computed from other data, so this run ends here. Start it again, with --resume if it "
                                "was training and with a --mindrecord_dir that nothing else writes to.")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[None]:
    """Context manager: nobody begins to use `path` meanwhile; for a file whose users hold it as `FilesInUse`.

    Raises:
        UserError: it is in use.
    """
    if fcntl is None or not path.exists():
        yield
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{path.parent} is in use by another run, whose data would be replaced. Set "
                            "--mindrecord_dir to a folder of its own for this data, or wait for that run to end."
                            ) from None
        except OSError:  # no locks there, see `FilesInUse`
            pass
        yield
    finally:
        os.close(descriptor)


def require_unused(path: Path) -> None:
    """Raises `UserError` if `path` is in use, see `replacing`."""
    with replacing(path):
        pass


def _state(path: Path) -> tuple[int, int] | None:
    """Size and time of modification; no inode, since some network file systems number anew."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
