"""Ranks and the scheduler, without a launcher; tests/training/test_data_parallel.py runs two ranks."""
import socket

import pytest

from src.runtime import distributed
from src.runtime.environment import RANK, RANKS
from src.utils.errors import UserError


@pytest.fixture
def set_variables(monkeypatch):
    """Function: names=values -> these are all variables of launchers that are set."""
    for name in (*distributed.LAUNCHER_VARIABLES, *distributed.SCHEDULER_VARIABLES, *RANK, *RANKS):
        monkeypatch.delenv(name, raising=False)

    def set_variables(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_variables


MSRUN = {"MS_ROLE": "MS_WORKER", "MS_SCHED_HOST": "127.0.0.1", "MS_SCHED_PORT": "8118", "MS_WORKER_NUM": "2"}
MPIRUN = {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}
RANK_TABLE = {"RANK_TABLE_FILE": "hccl.json", "RANK_ID": "0", "RANK_SIZE": "2"}


@pytest.mark.parametrize(("run_distribute", "device", "variables", "message"), [
    (True, "CPU", {}, r"run_msrun_train\.sh"),
    (True, "CPU", MPIRUN, "OMPI_COMM_WORLD_RANK, but on a CPU only MindSpore's scheduler"),
    (True, "CPU", RANK_TABLE, "RANK_TABLE_FILE, but on a CPU only MindSpore's scheduler"),
    (True, "Ascend", {"MS_ROLE": "MS_WORKER", "MS_SCHED_HOST": "a"}, "MS_SCHED_PORT, MS_WORKER_NUM not"),
    (False, "CPU", MSRUN, r"rank 0 of 2, but run_distribute is False.* variables \(MS_WORKER_NUM, MS_ROLE\)$"),
    (False, "CPU", {**MSRUN, "MS_ROLE": "MS_SCHED"}, "rank 0 of 2, but run_distribute is False"),  # would wait on
    (False, "GPU", MPIRUN, r"\(OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE\)$"),
    (False, "Ascend", RANK_TABLE, r"\(RANK_ID, RANK_SIZE\)$"),
    (False, "CPU", {"RANK_ID": "1"}, "rank 1 of 1, but run_distribute is False"),
    (False, "CPU", {"PMI_RANK": "1", "PMI_SIZE": "2"}, "rank 1 of 2, but run_distribute is False"),
    (False, "CPU", {"SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "4"}, "rank 3 of 4, but run_distribute is False"),
    (False, "CPU", {"WORLD_SIZE": "2"}, "of 2, but run_distribute is False"),
    (True, "CPU", {"PMI_RANK": "1", "PMI_SIZE": "2"}, r"run_msrun_train\.sh"),
    (False, "CPU", {"RANK_ID": "one"}, "RANK_ID is 'one'"),
])
def test_launchers_that_do_not_fit(set_variables, run_distribute, device, variables, message):
    set_variables(**variables)
    with pytest.raises(UserError, match=message):
        distributed.check_launcher(run_distribute, device)


@pytest.mark.parametrize(("run_distribute", "device", "variables"), [
    (False, "CPU", {}),
    (False, "CPU", {"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}),  # a command of a job's script, which srun did not start
    (False, "Ascend", {"RANK_ID": "0", "RANK_SIZE": "1", "RANK_TABLE_FILE": "hccl.json"}),
    (True, "CPU", {**MSRUN, **MPIRUN}),
    (True, "Ascend", RANK_TABLE),
    (True, "GPU", MPIRUN),
])
def test_launchers_that_fit(set_variables, run_distribute, device, variables):
    set_variables(**variables)
    distributed.check_launcher(run_distribute, device)


def test_one_rank_without_a_launcher():
    assert distributed.set_up_ranks(False) == distributed.Ranks(0, 1)


def test_the_second_scheduler_of_a_machine_steps_aside(monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setenv("MS_SCHED_HOST", "127.0.0.1")
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        first.listen()
        monkeypatch.setenv("MS_SCHED_PORT", str(first.getsockname()[1]))
        distributed.serve_as_scheduler()
    assert "is served by another scheduler" in caplog.text
