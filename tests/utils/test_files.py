import os

import pytest

from src.utils.errors import UserError
from src.utils.files import LEFTOVER_AGE_SECONDS, find_checkpoint, replace_folder, temporary_folder, whole_folder


def test_whole_folder_appears_at_the_end(tmp_path):
    with whole_folder(tmp_path / "sub" / "new") as part:
        (part / "a.txt").write_text("a")
        assert not (tmp_path / "sub" / "new").exists()
    assert (tmp_path / "sub" / "new" / "a.txt").read_text() == "a"
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["new"]


def test_whole_folder_replaces(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "old.txt").write_text("old")
    with whole_folder(tmp_path / "new") as part:
        (part / "a.txt").write_text("a")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_failure_changes_nothing(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "old.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "new") as part:
        (part / "a.txt").write_text("a")
        raise KeyboardInterrupt
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["old.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_failed_replacement_brings_the_old_folder_back(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "old.txt").write_text("old")
    with pytest.raises(FileNotFoundError):
        replace_folder(tmp_path / "missing", tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["old.txt"]


def test_only_old_leftovers_are_removed(tmp_path):
    old, young, other = (tmp_path / name for name in (".new.1.part", ".new.2.part", ".other.1.part"))
    for folder in (old, young, other):
        folder.mkdir()
    long_ago = young.stat().st_mtime - LEFTOVER_AGE_SECONDS - 60
    os.utime(old, (long_ago, long_ago))
    os.utime(other, (long_ago, long_ago))
    with temporary_folder(tmp_path / "new"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".new.2.part", ".other.1.part"]


def test_find_checkpoint(tmp_path):
    (tmp_path / "a.ckpt").write_bytes(b"")
    assert find_checkpoint(tmp_path / "a.ckpt") == tmp_path / "a.ckpt"
    assert find_checkpoint("a.ckpt", tmp_path) == tmp_path / "a.ckpt"
    with pytest.raises(UserError, match=r"looked for: b\.ckpt and .*/b\.ckpt"):
        find_checkpoint("b.ckpt", tmp_path)
    with pytest.raises(UserError, match="no name was given"):
        find_checkpoint("", tmp_path)
