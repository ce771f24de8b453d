"""What the environment says of this process: its device, its rank, the number of ranks, its role, its cores.

msrun, ModelArts and scripts/launch_ranks.py set the first name of each row, mpirun (Open MPI) the second.
"""
import os

DEVICE = ("DEVICE_ID", "OMPI_COMM_WORLD_LOCAL_RANK")
RANK = ("RANK_ID", "OMPI_COMM_WORLD_RANK")
RANKS = ("RANK_SIZE", "OMPI_COMM_WORLD_SIZE")
THREADS = "OMP_NUM_THREADS"


def get_device_id():
    """Number of the accelerator that a launcher gave to this process, 0 without a launcher."""
    return _number(DEVICE, 0)


def get_device_num():
    """Number of processes of the run, 1 without a launcher."""
    return _number(RANKS, 1)


def get_rank_id():
    """Number of this process in the run, 0 without a launcher."""
    return _number(RANK, 0)


def available_cores():
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_count(cpu_threads):
    """Threads of the kernels on a CPU: as the configuration or the environment says, else one for each core."""
    said = os.environ.get(THREADS, "")
    return cpu_threads or (int(said) if said.isdigit() and int(said) else available_cores())


def threads_text(threads):
    """A number of threads, for people."""
    return "1 thread" if threads == 1 else f"{threads} threads"


def is_scheduler():
    """Whether this process is no rank but the one that brings MindSpore's ranks together."""
    return os.environ.get("MS_ROLE") == "MS_SCHED"


def _number(names, default):
    return next((int(os.environ[name]) for name in names if name in os.environ), default)
