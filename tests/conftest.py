"""Fixtures of all tests."""
import ctypes
import gc
import importlib
import os
import sys

import psutil
import pytest

from src.config import load_config
from src.dataset.shapes import draw_shapes_dataset
from tests.support.golden_data import ROOT
from tests.support.http_server import Server

# The files that take longest, which come first, so that workers that run side by side end at about the same time.
LONGEST = ("test_training.py", "test_docs.py", "test_original_commands.py", "test_exporter.py", "test_launchers.py",
           "test_parity.py", "test_ascend310_infer.py", "test_data_parallel.py", "test_scripts.py")
# The cores that this run of pytest may use.
CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
GROWTH = 1 << 30  # bytes of memory; below, to give it back after each test would take more time than it is worth


def pytest_collection_modifyitems(items):
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))  # stable: the rest keeps its order


def pytest_configure():
    """Workers that run side by side (pytest-xdist) get a core each: MindSpore's threads wait for work in busy loops."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker and CORES:
        cores = sorted(CORES)
        os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})


@pytest.fixture(scope="module")
def all_cores():
    """For tests that start several processes: on one core, those that wait would keep the others from working."""
    if not CORES:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, CORES)
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture(scope="session")
def cpu():
    """MindSpore in graph mode on the CPU, set up as the entry scripts do it."""
    from src.runtime.device import set_up_device

    set_up_device("CPU", seed=1)


@pytest.fixture
def config_of():
    """Function: name of a file in `config/`, flags -> configuration."""

    def load(name, *flags):
        return load_config([f"--config_path={ROOT / 'config' / name}", *flags])

    return load


@pytest.fixture
def server(monkeypatch):
    """A `Server` of files on this machine."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="session")
def shapes(tmp_path_factory):
    """Folder with a small dataset, `shapes`, of 16 images to train on and 6 to evaluate."""
    folder = tmp_path_factory.mktemp("data")
    draw_shapes_dataset(folder / "shapes", num_train=16, num_val=6)
    return folder


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Function: name of an entry script, flags -> what it printed to stdout and stderr, and its exit code."""
    monkeypatch.chdir(tmp_path)

    def run(script, *flags):
        monkeypatch.setattr(sys, "argv", [script])
        capsys.readouterr()
        code = 0
        try:
            importlib.import_module(script).main(list(flags))
        except SystemExit as stop:
            code = stop.code
        captured = capsys.readouterr()
        return captured.out, captured.err, code

    return run


@pytest.fixture(scope="session")
def resident():
    """Bytes of memory that the process had when it last gave some back."""
    return {"bytes": 0}


@pytest.fixture(autouse=True)
def _memory_given_back(resident):
    """Graphs that were compiled leave gigabytes behind, which the allocator keeps."""
    yield
    process = psutil.Process()
    if sys.platform == "linux" and process.memory_info().rss > resident["bytes"] + GROWTH:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        resident["bytes"] = process.memory_info().rss
