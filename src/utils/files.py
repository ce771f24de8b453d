"""Files that are written whole or not at all."""
import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from src.utils.errors import UserError
from src.utils.safe_io import open_file, shown

PART, MAX_PROCESS = ".part-", 2**31
NO_ROOM = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
# Something else has the name, or no file can have it.
IN_THE_WAY = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL)
LONGEST_NAME = 255
BLOCK_BYTES = 1 << 20
LEFTOVER_AGE_SECONDS = 24 * 3600


class CannotWriteError(UserError, OSError):
    """A file or folder cannot be written, for a reason that only the user can mend."""

    def __init__(self, path: Path | str, error: OSError) -> None:
        mend = how_to_mend(error).capitalize()
        kept = "" if error.errno in IN_THE_WAY else "; a file of that name that was there before is still the same"
        super().__init__(f"{shown(path)} cannot be written: {reason_of(path, error)}. {mend}{kept}")
        self.errno, self.strerror, self.filename = error.errno, error.strerror, str(path)

    def __str__(self) -> str:
        return self.args[0]  # an OSError would say its number instead


def how_to_mend(error: OSError) -> str:
    """What the user can do about an error of the system; "" where it is none that only the user can mend."""
    if error.errno in NO_ROOM:
        return "make room there"
    if error.errno in NOT_ALLOWED:
        return "allow it to the user that runs this, or give another path"
    if error.errno == errno.ENAMETOOLONG:
        return "give a shorter name"
    if error.errno in IN_THE_WAY:
        return "give another path"
    return ""


def reason_of(path: Path | str, error: OSError) -> str:
    """Why `path` cannot be written; what is in the way is named."""
    path = Path(path)
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        obstacle = next((folder for folder in path.parents if folder.exists() and not folder.is_dir()), path)
        return f"{shown(obstacle)} is no folder"
    return error.strerror or str(error)


def find_checkpoint(path: Path | str, folder: Path | str = "", key: str = "checkpoint_file_path") -> Path:
    """`path` as it stands, or else below `folder`; a `UserError` that names the key and both places."""
    places = [Path(path), Path(folder) / path] if path else []
    for place in places:
        if place.is_file():
            return place
    looked = " and ".join(str(place) for place in dict.fromkeys(places)) or "no name was given"
    raise UserError(f"{key}: there is no such checkpoint; looked for: {looked}")


def file_digest(path: Path | str, algorithm: str = "sha256") -> str:
    """Hexadecimal digest of a regular file, read in blocks."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with open_file(path) as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def reported_as(path: Path | str) -> Iterator[None]:
    """Context manager: a full disk, a missing permission or something else in the place of `path`, or of a folder above
    it, becomes a `CannotWriteError` that names `path`."""
    try:
        yield
    except CannotWriteError:
        raise
    except OSError as error:
        if error.errno in NO_ROOM or (how_to_mend(error) and _belongs(error.filename, Path(path))):
            raise CannotWriteError(path, error) from error
        raise


def _belongs(name: Any, path: Path) -> bool:
    """Whether an error about the file `name` is one about writing `path`: it, one beside it, or a folder above it."""
    return name is None or path.is_relative_to(name) or Path(name).parent == path.parent


@contextlib.contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """Context manager: gives a temporary path beside `path`; renames it to `path` when the block ends well.

    The temporary name has the same suffix. The file is flushed to disk before the rename, and the folder after it, so a
    kill, a full disk or a loss of power leaves the previous file or the new one.

    Raises:
        CannotWriteError: the disk is full, or writing is not allowed there.
    """
    path = Path(path)
    with reported_as(path):
        require_file(path)
        part = path.with_name(_part_name(path.name))
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            if not part.stat().st_mode & stat.S_IWUSR:  # MindSpore gives its files to their owner alone, read-only
                part.chmod(stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH)
            with open(part, "rb+") as stream:
                os.fsync(stream.fileno())
            os.replace(part, path)
            flush_folder(path.parent)
        finally:
            part.unlink(missing_ok=True)
            part.with_suffix(".tmp").unlink(missing_ok=True)  # MindSpore leaves it when it cannot write a checkpoint


def require_file(path: Path) -> None:
    """Raises an `OSError` if `path` cannot be the name of a file, or is anything else: a folder, a pipe, a device."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except NotADirectoryError:  # making the folder will say which part of the path is none
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device", str(path))


def require_writable(path: Path | str) -> None:
    """Raises a `CannotWriteError` if `path` certainly cannot be written: to be asked before the work for it begins."""
    path = Path(path)
    with reported_as(path):
        require_file(path)
        folder = next(folder for folder in path.absolute().parents if folder.exists())
        for error, fits in ((errno.ENOTDIR, folder.is_dir()), (errno.EACCES, os.access(folder, os.W_OK | os.X_OK))):
            if not fits:
                raise OSError(error, os.strerror(error), str(folder))


def _part_name(name: str) -> str:
    """Name of the temporary file; of a name that is almost too long, the end is enough."""
    prefix = f"{PART}{os.getpid()}-"
    return prefix + os.fsencode(name)[-(LONGEST_NAME - len(prefix)):].decode(errors="ignore")


def flush_folder(folder: Path | str) -> None:
    """Writes the names of a folder's files to disk, where the system can."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def remove_parts(folder: Path | str, pattern: str = "*", locked: bool = False) -> None:
    """Removes what killed processes left of `whole_file`.

    Args:
        pattern: of the names of the files.
        locked: no other process writes such files there. Otherwise, parts of processes that run stay.
    """
    for part in Path(folder).glob(f"{PART}*-{pattern}"):
        if locked or not is_another_process(part.name.removeprefix(PART).partition("-")[0]):
            part.unlink(missing_ok=True)


def is_another_process(number: str) -> bool:
    """Whether a process other than this one runs that has this number."""
    return (number.isdecimal() and int(number) < MAX_PROCESS and int(number) != os.getpid()
            and psutil.pid_exists(int(number)))


def keep_earlier(path: Path | str) -> Path | None:
    """Renames an existing file or folder to the first free number: `results.csv` to `results-1.csv`.

    Returns:
        Its new path; None where there is none.
    """
    path = Path(path)
    if not path.exists():
        return None
    stem, suffix = (path.name, "") if path.is_dir() else (path.stem, path.suffix)
    number = 1
    while os.path.lexists(kept := path.with_name(f"{stem}-{number}{suffix}")):
        number += 1
    with reported_as(path):
        path.rename(kept)
    return kept


def keep_earlier_pair(path: Path | str, suffix: str) -> None:
    """`keep_earlier` for a file and the one beside it with another suffix: with the same number where that is free."""
    path = Path(path)
    beside = path.with_suffix(suffix)
    kept = keep_earlier(path)
    if kept is None or os.path.lexists(kept.with_suffix(suffix)) or not beside.is_file():
        keep_earlier(beside)
    else:
        with reported_as(beside):
            beside.rename(kept.with_suffix(suffix))


def write_json(path: Path | str, value: Any, indent: int | None = 2) -> None:
    """Writes `value` as UTF-8 json, whole or not at all."""
    # A file name can hold bytes that are not UTF-8; json has the same escape for them.
    with whole_file(path) as part, open(part, "w", encoding="utf-8", errors="backslashreplace") as stream:
        json.dump(value, stream, indent=indent, ensure_ascii=False)
        stream.write("\n")


@contextlib.contextmanager
def temporary_folder(path: Path | str) -> Iterator[Path]:
    """Context manager: gives an empty folder beside `path`, on the same disk, and removes it when the block ends.

    Such folders that a kill left behind are removed once they are a day old (a younger one may belong to a process
    that still runs).
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with reported_as(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def whole_folder(path: Path | str) -> Iterator[Path]:
    """Context manager: gives a temporary folder that takes the place of `path` when the block ends well.

    A folder that exists at `path` is replaced: the caller decides beforehand whether that is right. When the block
    raises, `path` stays as it was.
    """
    with temporary_folder(path) as part:
        yield part
        replace_folder(part, path)


def replace_folder(source: Path | str, target: Path | str) -> None:
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


def _remove_leftovers(path: Path) -> None:
    for leftover in path.parent.glob(f".{path.name}.*.part"):
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > LEFTOVER_AGE_SECONDS:
                shutil.rmtree(leftover)
