"""A rank whose threads acknowledge messages late: it may not leave before, or the other one waits for hours."""
import os
import shutil
import subprocess
import sys

import pytest

from tests.support.golden_data import ROOT

pytestmark = [pytest.mark.skipif(shutil.which("cc") is None or sys.platform != "linux", reason="needs a C compiler"),
              pytest.mark.usefixtures("all_cores")]
# MindSpore acknowledges a message by `writev`, from another thread than the one that uses the message.
LATE_WRITES = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

ssize_t writev(int file, const struct iovec *parts, int count) {
  ssize_t (*original)(int, const struct iovec *, int) = dlsym(RTLD_NEXT, "writev");
  if (getenv("WRITE_LATE")) {
    usleep(300000);
    dprintf(2, "late\n");
  }
  return original(file, parts, count);
}
"""
RANK = """
import os, sys
import mindspore as ms
from src.runtime import distributed
if os.environ["MS_ROLE"] == "MS_SCHED":
    distributed.serve_as_scheduler()
    sys.exit()
ms.set_device("CPU")
if distributed.set_up_ranks(True).rank == 1:
    os.environ["WRITE_LATE"] = "1"
distributed.end_process(0)
"""


def test_late_acknowledgements(tmp_path):
    (tmp_path / "late.c").write_text(LATE_WRITES)
    (tmp_path / "rank.py").write_text(RANK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "late.so", tmp_path / "late.c", "-ldl"], check=True)
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "launch_ranks.py", "--ranks=2", f"--logs={tmp_path}/{{rank}}.txt",
         "--with_scheduler", sys.executable, tmp_path / "rank.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "LD_PRELOAD": str(tmp_path / "late.so")},
        capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "late\n" in (tmp_path / "1.txt").read_text()
