import os
import subprocess
import sys

import pytest

from src.cpu_kernels.library import BuildError, build_library, cache_folder, set_threads
from tests.support.golden_data import ROOT


def test_several_processes_at_once(tmp_path):
    code = ("from src.cpu_kernels.library import *; import ctypes; path = build_library(); set_threads(path, 2); "
            "ctypes.CDLL(str(path)).convolution; print(path)")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    processes = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    (library,) = (tmp_path / "ssd_cpu_kernels").iterdir()  # one file, and no temporary ones
    assert {output.strip() for output, _ in outputs} == {str(library)}


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


def test_a_cache_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(BuildError, match="cannot be written"):
        build_library()


def test_a_library_that_cannot_be_loaded(tmp_path):
    (tmp_path / "kernels.so").write_text("no library")
    with pytest.raises(BuildError, match="cannot be loaded"):
        set_threads(tmp_path / "kernels.so")
