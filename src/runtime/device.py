"""Set-up of the device that a script runs on."""
import contextlib
import ctypes
import logging
import os
import random
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import device_context

from src.runtime.environment import THREADS, available_cores, threads_text
from src.utils.errors import UserError

logger = logging.getLogger(__name__)
ONEDNN_ISA_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
DNNL_CPU_ISA_AVX2 = 0x7  # dnnl_cpu_isa_avx2 of oneDNN's dnnl_types.h
AFFECTED_FLAG = "avx512f"


def check_device(device_target):
    """Raises a `UserError` that names the devices that there are, if `device_target` is none of them."""
    logging.disable(logging.WARNING)  # MindSpore's own words on what is not there fill a screen
    try:
        if device_target == "CPU" or ms.hal.is_available(device_target):
            return
        there = [name for name in ("Ascend", "GPU", "CPU") if name == "CPU" or ms.hal.is_available(name)]
    finally:
        logging.disable(logging.NOTSET)
    raise UserError(f"device_target is {device_target}, but the MindSpore of this environment finds "
                    f"none; add --device_target={there[0]}, or install MindSpore for {device_target} with its driver")


def set_up_device(device_target, device_id=0, cpu_threads=0, seed=1):
    """Graph mode on the device, seeds, and what a CPU needs to be fast. To be called before the first operator.

    Args:
        device_target: `Ascend`, `GPU` or `CPU`.
        device_id: number of the accelerator.
        cpu_threads: threads of the CPU kernels, 0 for the cores that this process may use.
        seed: of all random numbers.

    Raises:
        UserError: there is no such device.
    """
    check_device(device_target)
    ms.set_context(mode=ms.GRAPH_MODE)
    if device_target == "CPU":
        ms.set_device("CPU")
        _tune_cpu(cpu_threads)
    else:
        ms.set_device(device_target, device_id)
    ms.set_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


def _tune_cpu(cpu_threads):
    notes = []
    if cpu_threads or THREADS not in os.environ:
        threads = cpu_threads or available_cores()
        with contextlib.suppress(RuntimeError):  # MindSpore takes it once in a process
            device_context.cpu.op_tuning.threads_num(threads)
            notes.append(threads_text(threads))
    if _cap_onednn():
        notes.append(f"oneDNN limited to AVX2 (plain layouts are slow beyond it; {ONEDNN_ISA_VARIABLES[0]} overrides)")
    if notes:
        logger.info("CPU: %s", ", ".join(notes))


def _cap_onednn():
    """Limits MindSpore's own oneDNN to AVX2 where it would use AVX-512.

    For plain layouts, the only ones that MindSpore hands it, oneDNN 3 has no fast AVX-512 convolution and takes the
    reference loop. Returns whether the limit was set; a value that the user has set is left alone.
    """
    if any(name in os.environ for name in ONEDNN_ISA_VARIABLES) or not _cpu_has(AFFECTED_FLAG):
        return False
    for library in (Path(ms.__file__).parent / "lib").glob("libdnnl.so*"):
        try:
            return ctypes.CDLL(str(library)).dnnl_set_max_cpu_isa(DNNL_CPU_ISA_AVX2) == 0
        except (OSError, AttributeError):
            continue
    return False


def _cpu_has(flag):
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return any(line.startswith("flags") and flag in line.split() for line in text.splitlines())


@contextlib.contextmanager
def profiling(output_path):
    """Context manager: MindSpore's profile of what runs inside, written to `profile` below a folder; "" writes none."""
    if not output_path:
        yield
        return
    folder = Path(output_path) / "profile"
    profiler = ms.Profiler(output_path=str(folder))
    try:
        yield
    finally:
        profiler.analyse()
        logger.info("profile: %s", folder)
