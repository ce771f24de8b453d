"""What environment variables and the system say of this process: device, rank, number of ranks, role, cores."""
import os
from collections.abc import Sequence

from src.utils.errors import UserError

# msrun, ModelArts and scripts/launch_ranks.py set the first name of each row, mpirun of Open MPI the second. Then come
# MindSpore's own, and those of launchers that do not connect ranks of MindSpore: mpirun of MPICH, srun of Slurm (of a
# step, not of a job, whose processes it need not have started), torchrun.
DEVICE = ("DEVICE_ID", "OMPI_COMM_WORLD_LOCAL_RANK")
RANK = ("RANK_ID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID")
RANKS = ("RANK_SIZE", "OMPI_COMM_WORLD_SIZE", "MS_WORKER_NUM", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", "WORLD_SIZE")
ROLE = "MS_ROLE"
THREADS = "OMP_NUM_THREADS"


def launcher_variables() -> list[str]:
    """Names of the variables that say which rank this process is, and of how many."""
    return [name for name in (*RANK, *RANKS, ROLE) if os.environ.get(name)]


def get_device_id() -> int:
    """Number of the accelerator that the launcher assigned to this process, 0 without a launcher."""
    return _number(DEVICE, 0)


def get_device_num() -> int:
    """Number of ranks of the run, 1 without a launcher."""
    return _number(RANKS, 1)


def get_rank_id() -> int:
    """Rank of this process, 0 without a launcher."""
    return _number(RANK, 0)


def available_cores() -> int:
    """Number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_count(cpu_threads: int) -> int:
    """Number of threads of the CPU kernels: `cpu_threads`, or OMP_NUM_THREADS, or one for each core."""
    variable = os.environ.get(THREADS, "")
    return cpu_threads or (int(variable) if variable.isdigit() and int(variable) else available_cores())


def threads_text(threads: int) -> str:
    """A number of threads in words."""
    return "1 thread" if threads == 1 else f"{threads} threads"


def is_scheduler() -> bool:
    """Whether this process is MindSpore's scheduler, which connects the ranks and does not train."""
    return os.environ.get(ROLE) == "MS_SCHED"


def whole_number(name: str) -> int:
    """The value of an environment variable that holds a whole number. Raises a `UserError` where it does not."""
    text = os.environ[name]
    if not (text.isascii() and text.isdigit()):
        raise UserError(f"the environment variable {name} is {text!r}; expected a whole number")
    return int(text)


def _number(names: Sequence[str], default: int) -> int:
    return next((whole_number(name) for name in names if os.environ.get(name)), default)
