"""The output folder of a training run, which one run at a time has to itself."""
import contextlib
import hashlib
import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from src.config import Config
from src.config.run_config import CHECKPOINT_FOLDER, CONFIG_FILE, WRITTEN_BY
from src.runtime.environment import get_rank_id
from src.utils.errors import UserError
from src.utils.file_lock import FolderInUseError, folder_lock
from src.utils.files import keep_earlier, reason_of, remove_parts, whole_file
from src.utils.safe_io import read_file
from src.weights.run_settings import BEST_CHECKPOINT
from src.weights.thresholds_file import keep_earlier_checkpoint

LOCK_FILE = ".lock"
# Pictures of the first batch.
WITH_BOXES, WITH_MATCHES = "first_batch.jpg", "first_batch_matches.jpg"
RESULTS_FILE, RESULTS_PICTURE = "results.csv", "results.png"
# Parts of what training writes there, beside the checkpoints.
WRITTEN = ("results.*", "first_batch*", "config*.yaml")
MOST_CONFIG_BYTES = 1 << 20


def checkpoint_folder(output_path: Path | str) -> Path:
    """Where a run with that output writes its checkpoints."""
    return Path(output_path) / CHECKPOINT_FOLDER


@contextlib.contextmanager
def run_folder(path: Path | str, checkpoints: Path) -> Iterator[None]:
    """Context manager: makes the output folder and keeps other training runs out of it.

    Half-written files of a killed run are removed, and at the end a folder that was made and stayed empty. The lock
    ends with the process, however that ends.

    Args:
        path: output folder.
        checkpoints: the folder in it that only training writes to.

    Raises:
        UserError: another run uses it, it cannot be written to, or a folder has the name of a file that comes there.
    """
    path = Path(path)
    for file in (*(path / name for name in (RESULTS_FILE, RESULTS_PICTURE, WITH_BOXES, WITH_MATCHES)),
                 Path(checkpoints, BEST_CHECKPOINT)):
        if file.is_dir():
            raise UserError(f"output_path: {file} is a folder, and training writes a file of that name; rename it, or "
                            "set --output_path to another folder")
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    with contextlib.ExitStack() as stack:
        try:
            path.mkdir(parents=True, exist_ok=True)
            stack.enter_context(folder_lock(path, wait=False))
            for folder, pattern in ((checkpoints, "*"), *((path, pattern) for pattern in WRITTEN)):
                remove_parts(folder, pattern, locked=True)
        except FolderInUseError as error:
            raise UserError(f"output_path: another training run, {error}, writes to {path}; wait for its end, or set "
                            "--output_path to another folder") from None
        except OSError as error:
            raise UserError(f"output_path: {path} cannot be written to: {reason_of(path, error)}; allow it, or set "
                            "--output_path to another folder") from error
        try:
            yield
        finally:
            if made and [entry.name for entry in path.iterdir()] == [LOCK_FILE]:
                with contextlib.suppress(OSError):
                    (path / LOCK_FILE).unlink()
                    for folder in made:
                        folder.rmdir()


def config_file(output_path: Path | str) -> Path:
    """Where a run saves its configuration: `config.yaml`, or with a number where others are, written by hand."""
    path = Path(output_path, CONFIG_FILE)
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in itertools.count(1))
    return next(place for place in itertools.chain([path], numbered) if not place.exists() or _is_of_a_run(place))


def save_config(output_path: Path | str, text: str, is_new: bool) -> None:
    """Saves the configuration of a run as `config_file`; that of an earlier run is kept under a number, and so is its
    best checkpoint, which would seem to be of this configuration.

    Args:
        text: YAML.
        is_new: the run does not continue one that wrote there.
    """
    path, content = config_file(output_path), _with_digest(text)
    if is_new and path.exists() and _content(path) != content:
        keep_earlier_checkpoint(checkpoint_folder(output_path) / BEST_CHECKPOINT)
        keep_earlier(path)
    with whole_file(path) as part:
        part.write_text(content, encoding="utf-8")


def _with_digest(text: str) -> str:
    return f"{WRITTEN_BY}{hashlib.sha256(text.encode()).hexdigest()}\n{text}"


def _content(path: Path) -> str:
    return read_file(path, MOST_CONFIG_BYTES).decode().replace("\r\n", "\n")


def _is_of_a_run(path: Path) -> bool:
    """Whether a run wrote the configuration, and nobody has changed it since."""
    try:
        content = _content(path)
    except (OSError, ValueError):
        return False
    return _with_digest(content.partition("\n")[2]) == content


def reserve_output_folder(config: Config) -> AbstractContextManager[None]:
    """Context manager: `run_folder` of the output; nothing on ranks that write no files."""
    if get_rank_id():
        return contextlib.nullcontext()
    return run_folder(config.output_path, checkpoint_folder(config.output_path))
