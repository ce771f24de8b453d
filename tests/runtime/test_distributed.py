"""Ranks and the scheduler, without a launcher; tests/training/test_data_parallel.py runs two ranks."""
import socket

import pytest

from src.runtime import distributed
from src.utils.errors import UserError


def test_several_ranks_need_a_launcher(monkeypatch):
    for name in distributed.LAUNCHER_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match=r"run_msrun_train\.sh"):
        distributed.set_up_ranks(True)
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
