import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.runtime import device
from src.runtime.environment import threads_text
from src.runtime.releases import onednn_files
from src.utils.errors import UserError
from tests.support.golden_data import ROOT

CODE = """
import logging
logging.basicConfig(level=logging.INFO, format="%(message)s")
from src.runtime.device import set_up_device
set_up_device("CPU", cpu_threads={threads})
import mindspore as ms
from mindspore import nn
print(nn.Conv2d(8, 8, 3)(ms.ops.ones((1, 8, 16, 16))).shape)
"""


def run(threads=0, **variables):
    """Lines of the log of a process that sets up the CPU and runs one convolution, and what oneDNN says of it."""
    kept = {name: value for name, value in os.environ.items() if name not in device.ONEDNN_ISA_VARIABLES}
    kept.pop(device.THREADS, None)
    done = subprocess.run([sys.executable, "-c", CODE.format(threads=threads)], cwd=ROOT, capture_output=True,
                          text=True, env={**kept, "DNNL_VERBOSE": "1", **variables}, check=False)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.splitlines() if line.startswith("CPU: ")], done.stdout


def affected():
    return device._cpu_has(device.AFFECTED_FLAG)


def test_one_line_says_what_was_set():
    (line,), verbose = run()
    assert line.removeprefix("CPU: ").split(", ")[0] == threads_text(device.available_cores())
    assert ("oneDNN limited to AVX2" in line) == (affected() and bool(onednn_files()))
    convolutions = [row for row in verbose.splitlines() if ",convolution," in row]
    assert convolutions
    assert not any("ref:any" in row for row in convolutions), "the reference loop is the slow one"


def test_values_of_the_user_stay():
    lines, _ = run(ONEDNN_MAX_CPU_ISA="AVX2", OMP_NUM_THREADS="1")
    assert lines == []
    (line,), _ = run(threads=1, DNNL_MAX_CPU_ISA="AVX2")
    assert line == "CPU: 1 thread"


@pytest.mark.parametrize(("flags", "expected"), [("fpu avx2 avx512f", True), ("fpu avx2", False)])
def test_processors_that_need_the_limit(monkeypatch, flags, expected):
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"processor : 0\nflags : {flags}\nmodel : x\n")
    assert device._cpu_has(device.AFFECTED_FLAG) is expected


def test_no_cpuinfo(monkeypatch):
    def fail(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", fail)
    assert not device._cpu_has(device.AFFECTED_FLAG)


@pytest.mark.parametrize("target", ["Ascend", "GPU"])
def test_a_device_that_is_not_there(target, monkeypatch, capfd):
    for accelerator in device.ACCELERATORS.values():
        monkeypatch.setattr(accelerator, "is_available", lambda: False)
    with pytest.raises(UserError, match=f"device_target is {target}.*add --device_target=CPU"):
        device.set_up_device(target)
    assert capfd.readouterr() == ("", "")
    device.check_device("CPU")


def test_what_the_data_pipeline_needs_of_the_process():
    import cv2
    import mindspore.dataset as ds

    threads, prefetch = cv2.getNumThreads(), ds.config.get_prefetch_size()
    try:
        device.set_up_data_pipeline(prefetch=3)
        assert (cv2.getNumThreads(), ds.config.get_prefetch_size()) == (1, 3)
    finally:
        cv2.setNumThreads(threads)
        ds.config.set_prefetch_size(prefetch)
