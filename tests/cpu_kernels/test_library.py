import os
import stat
import subprocess
import sys

import pytest

from src.cpu_kernels import library
from src.cpu_kernels.library import BuildError, build_library, cache_folder, set_threads
from src.utils.private import other_writer
from tests.support.golden_data import ROOT


def test_several_processes_at_once(tmp_path):
    code = ("from src.cpu_kernels.library import *; import ctypes; path = build_library(); set_threads(path, 2); "
            "ctypes.CDLL(str(path)).convolution; print(path)")
    compiler = tmp_path / "compiler"  # takes its time, and writes a real library
    compiler.write_text("#!/bin/sh\nfor last; do :; done\nsleep 0.3\n"
                        f"[ $1 = --version ] || cp '{build_library()}' $last")
    compiler.chmod(0o755)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "CXX": str(compiler)}
    processes = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    (path,) = (tmp_path / "cache" / "ssd_cpu_kernels").iterdir()  # one file, and no temporary ones
    assert {output.strip() for output, _ in outputs} == {str(path)}


def test_a_library_is_built_once():
    path = build_library()
    before = path.stat().st_mtime_ns
    assert build_library() == path
    assert path.stat().st_mtime_ns == before
    assert path.parent == cache_folder()


@pytest.mark.parametrize(
    ("compiler", "message"),
    [("#!/bin/sh\nexit 0 # {}", None), ("#!/bin/sh\necho 'x.cpp: error: no such thing' >&2\nexit 1", "no such thing")],
)
def test_a_compiler_that_fails(tmp_path, monkeypatch, compiler, message):
    script = tmp_path / "compiler"
    script.write_text(compiler)
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(BuildError, match=message):
        build_library()
    assert list(tmp_path.glob("cache/ssd_cpu_kernels/*")) == []


def test_no_compiler(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(BuildError, match="no-such-compiler is not installed"):
        build_library()


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """File with a line for each call of a compiler that writes "kernels" into every library."""
    calls = tmp_path / "calls"
    script = tmp_path / "compiler"
    script.write_text(f"""#!/bin/sh
if [ "$1" = --version ]; then echo 1; exit; fi
echo "$@" >> '{calls}'
for last; do :; done
printf kernels > "$last"
""")
    script.chmod(0o755)
    calls.touch()
    monkeypatch.setenv("CXX", str(script))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return calls


def compilations(calls):
    return len(calls.read_text().splitlines())


@pytest.fixture(autouse=True)
def _new_temporary_folder():
    library._process_folder.cache_clear()


def plant_nothing(path):
    path.unlink()


def plant_link(path):
    content = path.read_bytes()
    path.unlink()
    other = path.with_name("other.so")
    other.write_bytes(content)
    path.symlink_to(other)


@pytest.mark.parametrize("damage", [
    plant_nothing, plant_link,
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes()[:-1]),
    lambda path: path.write_bytes(b"another" + path.read_bytes()[7:]),
    lambda path: path.write_bytes(b"kernels"),  # as earlier versions kept them
    lambda path: path.chmod(0o777),
])
def test_a_library_that_is_not_ours_is_compiled_anew(compiler, damage):
    path = build_library()
    assert path.read_bytes()[:7] == b"kernels" and stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert build_library() == path and compilations(compiler) == 1
    damage(path)
    assert build_library() == path and compilations(compiler) == 2
    assert path.read_bytes()[:7] == b"kernels" and path.is_file() and not path.is_symlink()
    assert build_library() == path and compilations(compiler) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
@pytest.mark.parametrize("name", ["cache", "cache/ssd_cpu_kernels"])
def test_a_folder_of_another_user_is_not_used(compiler, tmp_path, name, caplog):
    caplog.set_level("INFO")
    planted = build_library()
    os.chown(tmp_path / name, 12345, 0)
    path = build_library()
    assert path != planted and path.parent.name.startswith("ssd_cpu_kernels-") and compilations(compiler) == 2
    assert f"since {tmp_path / name} belongs to another user; XDG_CACHE_HOME" in caplog.text
    assert build_library() == path and compilations(compiler) == 2  # once in a process
    library._process_folder().cleanup()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
def test_nothing_is_made_in_the_home_of_another_user(compiler, tmp_path):
    (tmp_path / "cache").mkdir()
    os.chown(tmp_path / "cache", 12345, 0)
    assert build_library().parent.name.startswith("ssd_cpu_kernels-")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
def test_a_library_of_another_user_is_not_used(compiler):
    path = build_library()
    os.chown(path, 12345, 0)
    assert build_library() == path and path.stat().st_uid == 0 and compilations(compiler) == 2


@pytest.mark.parametrize("name", ["cache", "cache/ssd_cpu_kernels"])
def test_a_folder_that_others_may_write_to_is_not_used(compiler, tmp_path, name, caplog):
    caplog.set_level("INFO")
    planted = build_library()
    (tmp_path / name).chmod(0o777)
    assert build_library() != planted
    assert f"since other users may write to {tmp_path / name}; " in caplog.text


def test_a_place_where_nobody_renames_what_is_of_others(tmp_path):
    (tmp_path / "own").mkdir()
    tmp_path.chmod(0o1777)  # as /tmp
    assert other_writer(tmp_path / "own") == ""
    assert other_writer(tmp_path / "not yet" / "there") == ""
    assert other_writer(tmp_path) == f"other users may write to {tmp_path}"


def test_a_folder_of_the_name_of_the_library_is_named(compiler, caplog):
    caplog.set_level("INFO")
    path = build_library()
    path.unlink()
    path.mkdir()
    assert build_library() != path
    assert f"since {path} cannot be written: it is a folder; XDG_CACHE_HOME" in caplog.text
    library._process_folder().cleanup()


@pytest.mark.parametrize("home", [None, "/nonexistent"])
def test_no_home_folder(compiler, monkeypatch, home, caplog):
    caplog.set_level("INFO")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME")
    if home is None:
        monkeypatch.setattr("os.path.expanduser", lambda path: path)  # no such entry in the list of users
    else:
        monkeypatch.setenv("HOME", home)
    assert build_library().parent.name.startswith("ssd_cpu_kernels-")
    assert "since this user has no home folder; XDG_CACHE_HOME names" in caplog.text


def test_no_place_at_all(compiler, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    path = build_library()
    assert path.parent.name.startswith("ssd_cpu_kernels-")
    library._process_folder().cleanup()
    library._process_folder.cache_clear()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    with pytest.raises(BuildError, match="a temporary folder cannot be made: Not a directory"):
        build_library()


def test_a_library_that_cannot_be_loaded(tmp_path):
    (tmp_path / "kernels.so").write_text("no library")
    with pytest.raises(BuildError, match="cannot be loaded"):
        set_threads(tmp_path / "kernels.so")
