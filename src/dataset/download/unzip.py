"""Unpacking of an untrusted zip archive."""
import logging
import lzma
import stat
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from src.utils.errors import UserError
from src.utils.files import replace_folder, temporary_folder
from src.utils.http import require_free_space
from src.utils.progress import progress

logger = logging.getLogger(__name__)
OTHER_DISK = "--data_path"  # names it


def unpack_folder(archive: Path | str, target: Path | str) -> None:
    """Unpacks the folder named like `target` out of the zip file `archive` and puts it at `target`, whole.

    The archive is read completely, with its checksums, before anything appears at `target`.

    Raises:
        UserError: the archive is damaged, has no such folder, or does not fit on the disk; or a member would be written
            elsewhere (absolute path, drive, `..`, link), and the whole archive is refused.
    """
    archive, target = Path(archive), Path(target)
    logger.info("unpack: %s to %s", archive, target)
    try:
        with zipfile.ZipFile(archive) as content, temporary_folder(target) as part:
            members = content.infolist()
            for member in members:
                _require_safe(archive, member)
            require_free_space(part, sum(member.file_size for member in members), OTHER_DISK)
            _unpack_members(content, members, part)
            if not (part / target.name).is_dir():
                names = sorted({PurePosixPath(member.filename).parts[0] for member in members})
                raise UserError(f"{archive} has no folder '{target.name}' in it (found: {', '.join(names) or 'nothing'}"
                                "). It is another file: delete it and start again.")
            replace_folder(part / target.name, target)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError) as error:
        raise UserError(f"{archive} is not a readable zip archive: {error}. Delete it and start again.") from error


def _unpack_members(content: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], folder: Path) -> None:
    with progress("unpack", len(members), "file") as advance:
        for member in members:
            content.extract(member, folder)
            advance(1)


def _require_safe(archive: Path, member: zipfile.ZipInfo) -> None:
    name = member.filename
    path, windows_path = PurePosixPath(name), PureWindowsPath(name)
    mode = member.external_attr >> 16
    problem = None
    if path.is_absolute() or windows_path.is_absolute() or windows_path.drive or windows_path.root:
        problem = "has an absolute path"
    elif ".." in path.parts or ".." in windows_path.parts:
        problem = "leaves the folder"
    elif mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        problem = "is a link or a special file"
    elif member.flag_bits & 1:
        problem = "is encrypted"
    elif not path.parts:
        problem = "has no name"
    if problem:
        raise UserError(f"{archive} is refused: its member '{name}' {problem}. Delete this file: it is not the "
                        "original archive.")
