"""Where datasets and MindRecord files are."""
import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from src.dataset.file_names import spellings
from src.dataset.images import IMAGE_SUFFIXES
from src.utils.errors import UserError
from src.utils.safe_io import shown_list

# Names of a folder that a message shows.
MOST_NAMES = 10
# Folders of the path of an image that annotations state.
MOST_FOLDERS = 40


def resolve_path(value: str, data_path: str, key: str) -> Path:
    """A path of the configuration: absolute as it is; else below `data_path`; else below the working directory.

    Args:
        key: name of the configuration key, for the message.

    Raises:
        UserError: the value is empty, or nothing exists there.
    """
    if not value:
        raise UserError(f"{key} is empty: set --{key} to a path, absolute or relative to data_path ({data_path}).")
    path = Path(os.path.expanduser(value))
    candidates = [path] if path.is_absolute() else [Path(os.path.expanduser(data_path)) / path, path]
    for candidate in candidates:
        if candidate.exists():
            return candidate.absolute()
    looked = " and ".join(str(candidate.absolute()) for candidate in candidates)
    raise UserError(f"{key} = {value}: there is no {looked}. Set --{key}, or --data_path if it is relative to that.")


def path_below(folder: Path | str, name: str) -> str:
    """Path of the file that annotations call `name`, in `folder` or below it.

    Of several `spellings`, the first counts that is there. An absolute name is allowed if it leads there, also through
    links. Links below `folder` are followed, so that images may lie on another disk.

    Raises:
        ValueError: it is elsewhere, or no file can have this name.
    """
    if "\0" in name:
        raise ValueError(f"{name}: the name has a null character")
    os.fsencode(name)  # half a letter (a lone surrogate) is a ValueError as well
    paths = (os.path.join(folder, spelling) for spelling in spellings(name))
    path = next(filter(os.path.lexists, paths), os.path.join(folder, name.replace("\\", os.sep)))
    if Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder)):
        return str(Path(path))
    real = Path(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    if os.path.isabs(name) and real.is_relative_to(os.path.realpath(folder)):
        return str(Path(folder, real.relative_to(os.path.realpath(folder))))
    raise ValueError(f"{name} is outside {folder}")


def ends_of(name: str) -> Iterator[str]:
    """The ends of a name, the longest first: `a/b`, `b`; without `..`, and at most `MOST_FOLDERS` deep."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")][-MOST_FOLDERS:]
    return ("/".join(parts[start:]) for start in range(len(parts)))


def path_by_end(folder: Path | str, name: str) -> str:
    """As `path_below`; where nothing is there, the longest end of the name that is there, below `folder`.

    Programs state whole paths of the machine that they ran on. Where a folder of the name is there with images, the
    image lies in it or nowhere.
    """
    for end in (name, *ends_of(name)):
        with contextlib.suppress(ValueError):
            path = path_below(folder, end)
            if os.path.lexists(path):
                return path
            if os.path.dirname(path) != str(folder) and _has_images(os.path.dirname(path)):
                return path
    return path_below(folder, name)


def _has_images(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.lower().endswith(IMAGE_SUFFIXES) for entry in entries)
    except OSError:
        return False


def is_file_below(folder: Path | str, name: str, place: Callable[[Path | str, str], str] = path_below) -> bool:
    """Whether the name that annotations state leads to a file; `place` as `path_below`."""
    try:
        return os.path.isfile(place(folder, name))
    except ValueError:
        return False


def file_of_part(training_file: Path, part: str) -> Path:
    """Where an annotation file of another part is, going by that of training: `val.txt` beside `train.txt`."""
    stem = training_file.stem
    return training_file.with_stem(stem.replace("train", part) if "train" in stem else part)


def existing_file(path: Path | str, what: str) -> Path:
    """`path` as a Path if it is a file; `what` names it in the `UserError` otherwise."""
    path = Path(path)
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is a folder, a pipe or a device; expected is a file: the {what}.")
    if not path.is_file():
        beside = _names_in(path.parent, lambda entry: entry.suffix.lower() == path.suffix.lower())
        raise UserError(f"There is no {what} {path}.{beside}")
    return path


def existing_folder(path: Path | str, what: str) -> Path:
    """`path` as a Path if it is a folder; `what` names it in the `UserError` otherwise."""
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is no folder; expected is the {what}.")
    if not path.is_dir():
        raise UserError(f"There is no {what} {path}.{_names_in(path.parent, Path.is_dir)}")
    return path


def _names_in(folder: Path, is_shown: Callable[[Path], bool]) -> str:
    """The end of a message about what is not in a folder: what there is instead."""
    names = sorted(entry.name for entry in folder.iterdir() if is_shown(entry)) if folder.is_dir() else []
    return f" In {folder} there is {shown_list(names, MOST_NAMES)}." if names else ""


def mindrecord_folder(mindrecord_dir: str, data_path: str) -> Path:
    """Folder of the MindRecord files: absolute as it is, else below `data_path`. It need not exist."""
    return Path(os.path.expanduser(data_path), os.path.expanduser(mindrecord_dir or "")).absolute()
