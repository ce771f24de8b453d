"""Errors of MindSpore's reader of MindRecord files as errors of the user."""
import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from src.dataset.batches import DamagedImageError
from src.utils.errors import UserError
from src.utils.safe_io import shown

T = TypeVar("T")
_DAMAGED_IMAGE = f"{DamagedImageError.__name__}: "  # in the traceback that MindSpore makes a text of


@contextlib.contextmanager
def reported_as_unreadable(path: Path | str) -> Iterator[None]:
    """Context manager: what MindSpore says of damaged or foreign files becomes one message that names `path`."""
    try:
        yield
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        found = [line.partition(_DAMAGED_IMAGE)[2] for line in lines if _DAMAGED_IMAGE in line]
        if not found and any("Python Call Stack" in line for line in lines):  # a fault of this program
            raise
        if not found:
            found = [line.removeprefix("[ERROR] ") for line in lines if line.startswith("[ERROR]")][:1] or lines[:1]
        reason = shown(found[-1]).rstrip(".")
        raise UserError(f"{path} and the files beside it cannot be read as MindRecord files: {reason}. Set "
                        "--mindrecord_dir to another folder.") from error


def readable(rows: Iterable[T], path: Path | str = "the MindRecord files") -> Iterator[T]:
    """The rows, one after the other, with errors as by `reported_as_unreadable`; those of who takes them stay."""
    with reported_as_unreadable(path):
        yield from rows
