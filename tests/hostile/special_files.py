"""Files that are more than their bytes: each function makes one at `path`."""
import os


def content(data):
    """Function that writes `data`."""
    return lambda path: path.write_bytes(data)


def named_pipe(path):
    os.mkfifo(path)


def folder(path):
    path.mkdir()


def sparse(size):
    """Function that makes a file of `size` zeros, which take no room on the disk."""

    def make(path):
        with open(path, "wb") as stream:
            stream.truncate(size)

    return make


def link_to(target):
    """Function that makes a symbolic link."""
    return lambda path: path.symlink_to(target)


def link_to_itself(path):
    path.symlink_to(path)


def names_below(folder):
    """Names of everything below a folder, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
