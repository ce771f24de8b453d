"""Who else can change a file: what is code must come from this user."""
import os
import stat
from pathlib import Path


def other_writer(path: Path) -> str:
    """What lets another user than root change `path` or what lies in it, in words; "" when nothing does.

    Args:
        path: an absolute path without links, see `Path.resolve`. What does not exist yet counts as safe. POSIX only.
    """
    trusted = {os.geteuid(), 0}
    for place in (path, *path.parents):
        try:
            status = place.lstat()
        except FileNotFoundError:
            continue
        # The owner of / can do anything; in some containers, root looks like nobody there.
        if status.st_uid not in trusted | ({Path("/").stat().st_uid} if place != path else set()):
            return f"{place} belongs to another user"
        is_shared = status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and not _is_own_group(status))
        # In a folder such as /tmp, nobody can rename what belongs to others.
        if is_shared and (place == path or not status.st_mode & stat.S_ISVTX):
            return f"other users may write to {place}"
    return ""


def _is_own_group(status: os.stat_result) -> bool:
    """Whether the group is root's, or the one that many systems give each user, of the same name."""
    import grp
    import pwd

    try:
        return status.st_gid == 0 or grp.getgrgid(status.st_gid).gr_name == pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return False
