import pytest

from src.runtime.environment import DEVICE, RANK, RANKS, get_device_id, get_device_num, get_rank_id, is_scheduler


@pytest.mark.parametrize(("variables", "expected"), [
    ({}, (0, 0, 1)),
    ({"DEVICE_ID": "3", "RANK_ID": "11", "RANK_SIZE": "16"}, (3, 11, 16)),
    ({"OMPI_COMM_WORLD_LOCAL_RANK": "1", "OMPI_COMM_WORLD_RANK": "9", "OMPI_COMM_WORLD_SIZE": "16"}, (1, 9, 16)),
])
def test_numbers_of_the_launcher(monkeypatch, variables, expected):
    for name in (*DEVICE, *RANK, *RANKS):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert (get_device_id(), get_rank_id(), get_device_num()) == expected


@pytest.mark.parametrize(("role", "expected"), [("MS_SCHED", True), ("MS_WORKER", False), (None, False)])
def test_role(monkeypatch, role, expected):
    monkeypatch.delenv("MS_ROLE", raising=False)
    if role:
        monkeypatch.setenv("MS_ROLE", role)
    assert is_scheduler() is expected
