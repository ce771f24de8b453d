"""Errors of MindSpore's reader of MindRecord files as errors of the user."""
import contextlib
from collections.abc import Iterator
from pathlib import Path

from src.utils.errors import UserError
from src.utils.safe_io import shown


@contextlib.contextmanager
def reported_as_unreadable(path: Path | str) -> Iterator[None]:
    """Context manager: what MindSpore says of damaged or foreign files becomes one message that names `path`."""
    try:
        yield
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = next((line.removeprefix("[ERROR] ") for line in lines if line.startswith("[ERROR]")), lines[0])
        raise UserError(f"{path} and the files beside it cannot be read as MindRecord files: {shown(reason)} Set "
                        "--mindrecord_dir to another folder.") from error
