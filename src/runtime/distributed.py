"""Data-parallel runs: joining the ranks, deciding together, ending together."""
import errno
import logging
import os
import signal
import socket
import sys

import mindspore as ms
from mindspore import nn, ops
from mindspore.communication import GlobalComm, get_group_size, get_rank, init

from src.utils.errors import UserError

logger = logging.getLogger(__name__)
# One of them is set by msrun, for a rank table, by ModelArts, by mpirun.
LAUNCHER_VARIABLES = ("MS_ROLE", "RANK_TABLE_FILE", "MINDSPORE_HCCL_CONFIG_PATH", "OMPI_COMM_WORLD_RANK")
# Set by launchers that end MindSpore's scheduler when all ranks have ended.
LAUNCHER = "SSD_LAUNCHER"
# Seconds that ranks wait for one that evaluates or compiles longer. By default 30 on a CPU, 1836 on Ascend.
COLLECTIVE_TIMEOUTS = {"MS_CPU_COMM_OP_TIMEOUT": "7200", "HCCL_EXEC_TIMEOUT": "7200"}


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
