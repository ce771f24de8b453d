"""The output folder of a training run, which one run at a time has to itself."""
import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from src.config import Config
from src.runtime.environment import get_rank_id
from src.utils.errors import UserError
from src.utils.file_lock import FolderInUseError, folder_lock
from src.utils.files import remove_parts

LOCK_FILE = ".lock"
# Pictures of the first batch.
WITH_BOXES, WITH_MATCHES = "first_batch.jpg", "first_batch_matches.jpg"
# The configuration of the run, with what `auto` was resolved to.
CONFIG_FILE = "config.yaml"
# What training writes there, beside the checkpoints.
WRITTEN = ("results.*", "first_batch*", CONFIG_FILE)


def checkpoint_folder(output_path: Path | str) -> Path:
    """Where a run with that output writes its checkpoints."""
    return Path(output_path) / "ckpt_0"


@contextlib.contextmanager
def run_folder(path: Path | str, checkpoints: Path) -> Iterator[None]:
    """Context manager: makes the output folder and keeps other training runs out of it.

    Half-written files of a killed run are removed, and at the end a folder that was made and stayed empty. The lock
    ends with the process, however that ends.

    Args:
        path: output folder.
        checkpoints: the folder in it that only training writes to.

    Raises:
        UserError: another run uses it, or it cannot be written to.
    """
    path = Path(path)
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    with contextlib.ExitStack() as stack:
        try:
            path.mkdir(parents=True, exist_ok=True)
            stack.enter_context(folder_lock(path, wait=False))
            for folder, pattern in ((checkpoints, "*"), *((path, pattern) for pattern in WRITTEN)):
                remove_parts(folder, pattern)
        except FolderInUseError as error:
            raise UserError(f"output_path: another training run, {error}, writes to {path}; wait for its end, or set "
                            "--output_path to another folder") from None
        except OSError as error:
            raise UserError(f"output_path: {path} cannot be written to: {error.strerror}; allow it, or set "
                            "--output_path to another folder") from error
        try:
            yield
        finally:
            if made and [entry.name for entry in path.iterdir()] == [LOCK_FILE]:
                with contextlib.suppress(OSError):
                    (path / LOCK_FILE).unlink()
                    for folder in made:
                        folder.rmdir()


def reserve_output_folder(config: Config) -> AbstractContextManager[None]:
    """Context manager: `run_folder` of the output; nothing on ranks that write no files."""
    if get_rank_id():
        return contextlib.nullcontext()
    return run_folder(config.output_path, checkpoint_folder(config.output_path))
