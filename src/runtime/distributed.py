"""Data-parallel runs: joining the ranks, deciding together, ending together."""
import dataclasses
import errno
import logging
import os
import signal
import socket
import sys
import time

import mindspore as ms
from mindspore import nn, ops
from mindspore.communication import GlobalComm, get_group_size, get_rank, init

from src.runtime.environment import ROLE, get_device_num, get_rank_id, launcher_variables, whole_number
from src.runtime.releases import ranks_wait_on_cpu
from src.runtime.signals import StopSignals
from src.utils.errors import UserError

logger = logging.getLogger(__name__)
# Each launcher sets one of them: msrun, a rank table, ModelArts, mpirun.
LAUNCHER_VARIABLES = (ROLE, "RANK_TABLE_FILE", "MINDSPORE_HCCL_CONFIG_PATH", "OMPI_COMM_WORLD_RANK")
# With ROLE, how ranks and MindSpore's scheduler find each other.
SCHEDULER_VARIABLES = ("MS_SCHED_HOST", "MS_SCHED_PORT", "MS_WORKER_NUM")
# Set by launchers that end MindSpore's scheduler when all ranks have ended.
LAUNCHER = "SSD_LAUNCHER"
# Seconds that ranks wait for one that still evaluates or compiles. MindSpore's defaults: 30 on a CPU, 1836 on Ascend;
# see also `src.runtime.releases.ranks_wait_on_cpu`.
COLLECTIVE_TIMEOUTS = {"MS_CPU_COMM_OP_TIMEOUT": "7200", "HCCL_EXEC_TIMEOUT": "7200"}
# For MindSpore's threads, which acknowledge what the main thread has received already.
SECONDS_TO_ACKNOWLEDGE = 1


@dataclasses.dataclass(frozen=True)
class Ranks:
    """Which rank of a run this process is, and how many there are; by default the only one."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this rank evaluates and writes the files of the run."""
        return self.rank == 0


ONE_RANK = Ranks()


def check_launcher(run_distribute: bool, device_target: str) -> None:
    """Whether what started this process fits `run_distribute`; to be called first of all, by every rank and scheduler.

    Raises:
        UserError: there are several processes that do not know of each other, or nothing that would connect them.
    """
    ranks = get_device_num()
    if not run_distribute:
        if ranks > 1 or get_rank_id() > 0:
            raise UserError(f"a launcher started this process as rank {get_rank_id()} of {ranks}, but run_distribute "
                            "is False: each rank would train for itself and write to the same folder; add "
                            "--run_distribute=True, or start one process without the launcher and its variables "
                            f"({', '.join(launcher_variables())})")
        return
    launcher = next((name for name in LAUNCHER_VARIABLES if name in os.environ), None)
    if launcher is None:
        raise UserError("run_distribute needs a launcher that starts one process for each device, such as "
                        "scripts/run_msrun_train.sh; for a single device leave run_distribute out")
    if launcher != ROLE and device_target == "CPU":
        raise UserError(f"run_distribute: this rank was started by what sets {launcher}, but on a CPU only MindSpore's "
                        "scheduler connects ranks; start them with scripts/run_msrun_train.sh, or with "
                        "DEVICE_TARGET=CPU before scripts/run_distribute_train.sh or run_distribute_train_gpu.sh")
    missing = [name for name in SCHEDULER_VARIABLES if launcher == ROLE and not os.environ.get(name)]
    if missing:
        raise UserError(f"run_distribute: {ROLE} is set, but {', '.join(missing)} not; msrun sets all of them, see "
                        "scripts/run_msrun_train.sh")


def set_up_ranks(run_distribute: bool, device_num: int = 1) -> Ranks:
    """Joins the ranks of a data-parallel run. To be called after `set_up_device`.

    Args:
        run_distribute: whether a launcher started several processes.
        device_num: number of ranks that the user expects; 1 if the user does not say.

    Returns:
        `Ranks`: the only one without `run_distribute`.

    Raises:
        UserError: they cannot be joined, or there are others than `device_num`.
    """
    if not run_distribute:
        return ONE_RANK
    for name, seconds in COLLECTIVE_TIMEOUTS.items():
        os.environ.setdefault(name, seconds)
    _join()
    ranks = Ranks(get_rank(), get_group_size())
    if ranks.is_first and ms.get_current_device().device_target == "CPU" and not ranks_wait_on_cpu():
        logger.warning("MindSpore %s: a rank on a CPU waits for the others for 30 seconds at most, also while the "
                       "first one evaluates; where that takes longer, install MindSpore 2.10, or leave run_eval out",
                       ms.__version__)
    if device_num not in (1, ranks.size):
        raise UserError(f"device_num is {device_num}, but the launcher started {ranks.size} processes")
    return ranks


def _join() -> None:
    try:
        init()
    except (RuntimeError, ValueError, TypeError) as error:
        raise UserError(f"run_distribute: MindSpore cannot join the ranks: {str(error).strip().splitlines()[0]}"
                        ) from error


def end_process(code: int) -> None:
    """Ends the process with an exit code; a rank waits here for the others. Without ranks, code 0 just returns.

    Ranks on a CPU, whose launcher ends the scheduler, skip MindSpore's own exit: 2.10 closes connections from which its
    threads still read, which sometimes ends in a segmentation fault. A rank whose message was not acknowledged would
    wait for COLLECTIVE_TIMEOUTS, so nobody leaves at once.
    """
    if GlobalComm.INITED and os.environ.get(LAUNCHER) and ms.get_current_device().device_target == "CPU":
        FirstRankDecides(Ranks(get_rank(), get_group_size())).of(0)
        time.sleep(SECONDS_TO_ACKNOWLEDGE)
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    if code:
        sys.exit(code)


def serve_as_scheduler() -> None:
    """Connects the ranks as MindSpore's scheduler; returns when they have ended.

    msrun starts a scheduler on every machine with the master's address, so two invocations on one machine start two.
    The second finds the port in use, and returns at once.
    """
    host, port = os.environ["MS_SCHED_HOST"], whole_number("MS_SCHED_PORT")
    if _is_served(host, port):
        logger.info("%s:%d is served by another scheduler", host, port)
        return
    ms.set_device("CPU")
    _join()


def _is_served(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of an earlier run may linger
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


class FirstRankDecides(nn.Cell):
    """Makes all ranks use a number of the first one; each of them has to call `of`."""

    def __init__(self, ranks: Ranks):
        super().__init__()
        self.ranks = ranks
        if ranks.size > 1:
            self.sum_ranks = ops.AllReduce()

    def construct(self, numbers: ms.Tensor) -> ms.Tensor:
        return self.sum_ranks(numbers)

    def of(self, number: int) -> int:
        """The first rank's integer, on every rank."""
        if self.ranks.size == 1:
            return number
        return int(self(ms.Tensor([number if self.ranks.is_first else 0], ms.float32)).asnumpy()[0])


class AllRanksStop:
    """Callable: the number of a signal that any rank was sent, 0 for none. Every rank has to call it.

    All ranks agree whether there was one.

    Args:
        signals: the `StopSignals` of this rank.
        ranks: the `Ranks` of the run.
    """

    def __init__(self, signals: StopSignals, ranks: Ranks):
        self.signals, self.ranks = signals, ranks
        self.sum_ranks = FirstRankDecides(ranks)

    def __call__(self) -> int:
        number = self.signals.number
        if self.ranks.size == 1:
            return number
        total = float(self.sum_ranks(ms.Tensor([number], ms.float32)).asnumpy()[0])
        return (number or int(signal.SIGTERM)) if total else 0
