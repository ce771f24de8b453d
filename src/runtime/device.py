"""Set-up of the device that a script runs on, and of what else holds for the whole process.

`set_up_device` sets, once: MindSpore's graph mode and device, the seeds of MindSpore, NumPy and `random`, and on a CPU
the threads of the kernels and oneDNN's instruction set. `set_up_data_pipeline` sets the threads of OpenCV and
MindSpore's prefetch size. The ranks of a run are joined in `src.runtime.distributed`, logging is set up in
`src.runtime.cli`.
"""
import contextlib
import ctypes
import logging
import os
import random
from collections.abc import Iterator
from pathlib import Path

import cv2
import mindspore as ms
import mindspore.dataset as ds
import numpy as np
from mindspore import device_context

from src.runtime.environment import THREADS, available_cores, threads_text
from src.runtime.releases import onednn_files
from src.utils.errors import UserError

logger = logging.getLogger(__name__)
ONEDNN_ISA_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
DNNL_CPU_ISA_AVX2 = 0x7  # dnnl_cpu_isa_avx2 of oneDNN's dnnl_types.h
AFFECTED_FLAG = "avx512f"
ACCELERATORS = {"Ascend": device_context.ascend, "GPU": device_context.gpu}


def check_device(device_target: str) -> None:
    """Raises a `UserError` that names the devices that are available, if `device_target` is not one of them."""
    with _no_warnings():
        if device_target == "CPU" or ACCELERATORS[device_target].is_available():
            return
        there = [*(name for name, device in ACCELERATORS.items() if device.is_available()), "CPU"]
    raise UserError(f"device_target is {device_target}, but the MindSpore of this environment finds "
                    f"none; add --device_target={there[0]}, or install MindSpore for {device_target} with its driver")


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Context manager: no warnings in the log; those of MindSpore about a missing device fill a screen."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def set_up_device(device_target: str, device_id: int = 0, cpu_threads: int = 0, seed: int = 1) -> None:
    """Graph mode on the device, seeds, and what makes a CPU fast. To be called before the first operator.

    Args:
        device_target: `Ascend`, `GPU` or `CPU`.
        device_id: number of the accelerator.
        cpu_threads: threads of the CPU kernels, 0 for the cores that this process may use.
        seed: of all random number generators.

    Raises:
        UserError: the device is not available.
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


def set_up_data_pipeline(prefetch: int) -> None:
    """What the batches of `src.dataset` need of the whole process; the dataset that is created last decides.

    The workers are the parallelism, so OpenCV gets one thread: its own under each worker only get in each other's way.

    Args:
        prefetch: batches of each worker that may wait, a number that MindSpore has for all pipelines of a process.
    """
    cv2.setNumThreads(1)
    ds.config.set_prefetch_size(prefetch)


def _tune_cpu(cpu_threads: int) -> None:
    notes = []
    if cpu_threads or THREADS not in os.environ:
        threads = cpu_threads or available_cores()
        with contextlib.suppress(RuntimeError):  # MindSpore accepts it once in a process
            device_context.cpu.op_tuning.threads_num(threads)
            notes.append(threads_text(threads))
    if _cap_onednn():
        notes.append(f"oneDNN limited to AVX2 (plain layouts are slow beyond it; {ONEDNN_ISA_VARIABLES[0]} overrides)")
    if notes:
        logger.info("CPU: %s", ", ".join(notes))


def _cap_onednn() -> bool:
    """Limits MindSpore's own oneDNN to AVX2 where it would use AVX-512.

    For plain layouts, the only ones that MindSpore passes, oneDNN 3 has no fast AVX-512 convolution and runs its
    reference loop. Returns whether the limit was set; a value that the user has set is kept.
    """
    if any(name in os.environ for name in ONEDNN_ISA_VARIABLES) or not _cpu_has(AFFECTED_FLAG):
        return False
    for library in onednn_files():
        try:
            return ctypes.CDLL(str(library)).dnnl_set_max_cpu_isa(DNNL_CPU_ISA_AVX2) == 0
        except (OSError, AttributeError):
            continue
    return False


def _cpu_has(flag: str) -> bool:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return any(line.startswith("flags") and flag in line.split() for line in text.splitlines())


@contextlib.contextmanager
def profiling(output_path: Path | str) -> Iterator[None]:
    """Context manager: profiles what runs inside with MindSpore, into `profile` below a folder; "" profiles nothing."""
    if not output_path:
        yield
        return
    folder = Path(output_path) / "profile"
    profiler = ms.profiler.profile(on_trace_ready=ms.profiler.tensorboard_trace_handler(str(folder)))
    try:
        yield
    finally:
        profiler.stop()
        logger.info("profile: %s", folder)
