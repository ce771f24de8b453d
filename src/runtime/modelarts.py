"""Data from the object storage of ModelArts, and results back; the only module that uses moxing."""
import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from src.runtime.environment import get_rank_id
from src.utils.errors import UserError
from src.utils.file_lock import folder_lock
from src.utils.safe_io import read_file

logger = logging.getLogger(__name__)
MARK = ".copied_from"
Copy = Callable[[str, str], object]


class CloudSettings(Protocol):
    """The keys of the configuration that `cloud_copy` reads."""

    @property
    def enable_modelarts(self) -> bool: ...
    @property
    def data_url(self) -> str: ...
    @property
    def data_path(self) -> str: ...
    @property
    def checkpoint_url(self) -> str: ...
    @property
    def load_path(self) -> str: ...
    @property
    def train_url(self) -> str: ...
    @property
    def output_path(self) -> str: ...


@contextlib.contextmanager
def cloud_copy(config: CloudSettings, copy: Copy | None = None) -> Iterator[None]:
    """Context manager: copies data in and results out. Without `enable_modelarts` it does nothing.

    Before its block, `data_url` is copied to `data_path` and `checkpoint_url` to `load_path`, once on a machine: the
    first process copies, the others wait. After the block, whether it ended well or not, rank 0 copies `output_path` to
    `train_url`. An empty address is skipped.

    Args:
        config: the configuration.
        copy: function that copies the content of one folder or address to another; default: that of moxing.

    Raises:
        UserError: there is no moxing, or an address cannot be copied.
    """
    if not config.enable_modelarts:
        yield
        return
    copy = copy or _moxing_copy()
    for key, url, folder in (("data_url", config.data_url, config.data_path),
                             ("checkpoint_url", config.checkpoint_url, config.load_path)):
        if url:
            _fetch_once(key, url, Path(folder), copy)
    ended_well = False
    try:
        yield
        ended_well = True
    finally:
        if config.train_url and get_rank_id() == 0 and Path(config.output_path).is_dir():
            try:
                _copy("train_url", config.output_path, config.train_url, copy)
            except UserError as error:
                if ended_well:
                    raise
                logger.error("%s", error)  # the user has to know what ended the block


def _fetch_once(key: str, url: str, folder: Path, copy: Copy) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / f"{MARK}_{key}"
    with folder_lock(folder):
        if mark.is_file() and read_file(mark).decode(errors="replace") == url:
            logger.info("%s: copied from %s before", folder, url)
            return
        _copy(key, url, str(folder), copy)
        mark.write_text(url, encoding="utf-8")


def _copy(key: str, source: str, target: str, copy: Copy) -> None:
    logger.info("copying %s to %s", source, target)
    try:
        copy(source, target)
    except Exception as error:  # moxing's errors have no common base class
        raise UserError(f"{key}: {source} cannot be copied to {target}: {error}") from error


def _moxing_copy() -> Copy:
    try:
        import moxing
    except ImportError:
        raise UserError("enable_modelarts needs the package moxing, which exists only on ModelArts; elsewhere leave "
                        "enable_modelarts out, and give data_path, output_path and checkpoint_path") from None
    return moxing.file.copy_parallel
