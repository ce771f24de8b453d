import os
import re

import pytest

from src.utils.errors import UserError
from src.utils.files import (
    LEFTOVER_AGE_SECONDS,
    find_checkpoint,
    keep_earlier,
    replace_folder,
    require_writable,
    temporary_folder,
    whole_file,
    whole_folder,
    write_json,
)


@pytest.mark.skipif(os.name == "nt", reason="names and devices of POSIX")
@pytest.mark.parametrize(("name", "message"), [
    ("folder", "folder cannot be written: it is a folder. Give another path"),
    ("file/a.json", "file is no folder. Give another path"),
    ("file/sub/a.json", "file is no folder. Give another path"),
    ("pipe", "pipe cannot be written: it is a pipe or a device. Give another path"),
    ("x" * 256, "characters) cannot be written: File name too long. Give a shorter name"),
    ("x" * 256 + "/a.json", "characters) cannot be written: File name too long. Give a shorter name"),
    ("loop", "loop cannot be written: Too many levels of symbolic links. Give another path"),
])
def test_something_else_has_the_name(tmp_path, name, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=re.escape(message) + "$"):
        write_json(tmp_path / name, 1)
    with pytest.raises(UserError, match=re.escape(message) + "$"):
        require_writable(tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before and (tmp_path / "file").read_text() == "kept"
    if name.startswith("file/"):
        with pytest.raises(UserError, match=re.escape(message) + "$"), whole_folder(tmp_path / name):
            pass


def test_what_can_be_written(tmp_path, monkeypatch):
    (tmp_path / "a.json").touch()
    for path in (tmp_path / "a.json", tmp_path / "b.json", tmp_path / "new" / "c.json"):
        require_writable(path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    monkeypatch.setattr("os.access", lambda folder, mode: folder != tmp_path)
    with pytest.raises(UserError, match=r"Permission denied\. Allow it to the user that runs this"):
        require_writable(tmp_path / "new" / "c.json")


@pytest.mark.parametrize("name", ["x" * 250 + ".json", "\u00e4" * 125 + ".json"])
def test_the_longest_names(tmp_path, name):
    with whole_file(tmp_path / name) as part:
        assert part.suffix == ".json"
        part.write_text("1")
    assert [path.name for path in tmp_path.iterdir()] == [name]


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


def test_what_was_there_is_kept_under_a_number(tmp_path):
    for name in ("a.b.csv", "folder"):
        assert keep_earlier(tmp_path / name) is None
    for number in (1, 2):
        (tmp_path / "a.b.csv").write_text(str(number))
        (tmp_path / "v1.0").mkdir()
        (tmp_path / "v1.0" / "file").write_text(str(number))
        assert keep_earlier(tmp_path / "a.b.csv") == tmp_path / f"a.b-{number}.csv"
        assert keep_earlier(tmp_path / "v1.0") == tmp_path / f"v1.0-{number}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.b-1.csv", "a.b-2.csv", "v1.0-1", "v1.0-2"]
    assert (tmp_path / "v1.0-2" / "file").read_text() == (tmp_path / "a.b-2.csv").read_text() == "2"
