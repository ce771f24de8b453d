"""One writer at a time in a folder; that other processes are kept out is in tests/faults/test_disk.py."""
import errno
import os

import pytest

from src.utils.file_lock import FolderInUseError, folder_lock


def test_the_lock_says_who_holds_it(tmp_path):
    with folder_lock(tmp_path) as locked:
        assert locked
        with pytest.raises(FolderInUseError, match=f"process {os.getpid()} on "), folder_lock(tmp_path, wait=False):
            pass
    with folder_lock(tmp_path, wait=False) as locked:
        assert locked


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(tmp_path, monkeypatch, caplog, number):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_):
        raise OSError(number, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    caplog.set_level("INFO")
    with folder_lock(tmp_path) as locked:
        assert not locked
    assert "cannot be locked" in caplog.text and "start only one process at a time" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


@pytest.mark.skipif(os.name == "nt", reason="named pipes of POSIX")
def test_a_named_pipe_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / ".lock")
    with pytest.raises(OSError, match="it is a pipe or a device"), folder_lock(tmp_path):
        pass


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError), folder_lock(tmp_path / "none"):
        pass
