"""Set-up of the device that a script runs on."""
import contextlib
import ctypes
import errno
import logging
import os
import random
import signal
import socket
import sys
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import device_context, nn, ops
from mindspore.communication import GlobalComm, get_group_size, get_rank, init

from src.model_utils.errors import UserError
from src.model_utils.local_adapter import THREADS, available_cores, threads_text

logger = logging.getLogger(__name__)

ONEDNN_ISA_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
DNNL_CPU_ISA_AVX2 = 0x7  # dnnl_cpu_isa_avx2 of oneDNN's dnnl_types.h
AFFECTED_FLAG = "avx512f"
# One of them is set by msrun, for a rank table, by ModelArts, by mpirun.
LAUNCHER_VARIABLES = ("MS_ROLE", "RANK_TABLE_FILE", "MINDSPORE_HCCL_CONFIG_PATH", "OMPI_COMM_WORLD_RANK")
# Set by launchers that end MindSpore's scheduler when all ranks have ended.
LAUNCHER = "SSD_LAUNCHER"
# Seconds that ranks wait for one that evaluates or compiles longer. By default 30 on a CPU, 1836 on Ascend.
COLLECTIVE_TIMEOUTS = {"MS_CPU_COMM_OP_TIMEOUT": "7200", "HCCL_EXEC_TIMEOUT": "7200"}


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


def set_up_ranks(run_distribute, all_reduce_fusion_config=(), device_num=1):
    """Joins the processes of a data-parallel run. To be called after `set_up_device`.

    Args:
        run_distribute: whether a launcher started several processes.
        all_reduce_fusion_config: indexes of gradients that end a group to be reduced together (not on a CPU).
        device_num: number of ranks that the user expects; 1 if the user does not say.

    Returns:
        Rank of this process and the number of ranks: 0 and 1 without `run_distribute`.

    Raises:
        UserError: there is no launcher, or it started another number of processes.
    """
    if not run_distribute:
        return 0, 1
    if not any(name in os.environ for name in LAUNCHER_VARIABLES):
        raise UserError("run_distribute needs a launcher that starts one process for each device, such as "
                        "scripts/run_msrun_train.sh; for a single device leave run_distribute out")
    for name, seconds in COLLECTIVE_TIMEOUTS.items():
        os.environ.setdefault(name, seconds)
    init()
    rank, ranks = get_rank(), get_group_size()
    if device_num not in (1, ranks):
        raise UserError(f"device_num is {device_num}, but the launcher started {ranks} processes")
    ms.set_auto_parallel_context(
        parallel_mode=ms.ParallelMode.DATA_PARALLEL, gradients_mean=True, device_num=ranks, global_rank=rank
    )
    if all_reduce_fusion_config and ms.get_context("device_target") != "CPU":
        ms.set_auto_parallel_context(all_reduce_fusion_config=list(all_reduce_fusion_config))
    return rank, ranks


def end_process(code):
    """Ends the process with an exit code; one of several ranks when all of them have come here. A process that is no
    rank goes on when the code is 0.

    Ranks on a CPU, whose launcher ends the scheduler, leave out what MindSpore does at its exit: 2.10 closes
    connections from which its own threads still read, which now and then ends in a segmentation fault.
    """
    if GlobalComm.INITED and os.environ.get(LAUNCHER) and ms.get_context("device_target") == "CPU":
        FirstRankDecides(get_rank(), get_group_size()).of(0)
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    if code:
        sys.exit(code)


def serve_as_scheduler():
    """What the process does that brings the ranks together: returns when they have ended.

    msrun starts one on every machine that has the master's address. Two invocations on one machine so start two; the
    second finds the port taken, and has nothing to do.
    """
    host, port = os.environ["MS_SCHED_HOST"], int(os.environ["MS_SCHED_PORT"])
    if _is_served(host, port):
        logger.info("%s:%d is served by another scheduler", host, port)
        return
    ms.set_device("CPU")
    init()


def _is_served(host, port):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of an earlier run may linger
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


class FirstRankDecides(nn.Cell):
    """Callable: a number -> that of the first rank, on every rank. All of them have to call it.

    Args:
        rank, ranks: of this process, and how many there are.
    """

    def __init__(self, rank, ranks):
        super().__init__()
        self.rank, self.ranks = rank, ranks
        if ranks > 1:
            self.sum_ranks = ops.AllReduce()

    def construct(self, numbers):
        return self.sum_ranks(numbers)

    def of(self, number):
        """The first rank's integer."""
        if self.ranks == 1:
            return number
        return int(self(ms.Tensor([number if self.rank == 0 else 0], ms.float32)).asnumpy()[0])


class AllRanksStop:
    """Callable: the number of the signal that one of the ranks has been sent, 0 for none; the same answer on all ranks,
    all of which have to ask.

    Args:
        signals: the `StopSignals` of this rank.
        rank, ranks: of this process, and how many there are.
    """

    def __init__(self, signals, rank, ranks):
        self.signals, self.ranks = signals, ranks
        self.sum_ranks = FirstRankDecides(rank, ranks)

    def __call__(self):
        number = self.signals.number
        if self.ranks == 1:
            return number
        total = float(self.sum_ranks(ms.Tensor([number], ms.float32)).asnumpy()[0])
        return (number or int(signal.SIGTERM)) if total else 0


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
