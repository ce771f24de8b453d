import logging
import sys

import pytest

from src.utils import progress as module
from src.utils.progress import BYTES, megabytes, progress


@pytest.fixture
def clock(monkeypatch):
    """The time, a list whose only element is the seconds."""
    seconds = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: seconds[0])
    return seconds


def test_log_lines_now_and_then_and_at_the_end(clock, caplog):
    caplog.set_level(logging.INFO)
    with progress("reading", 100, "image") as advance:
        for _ in range(10):
            clock[0] += 4
            advance(10)
    # After 16, 32 and 40 seconds: every fourth call, and the last one.
    assert caplog.messages == ["reading: 40 of 100 (2 images/s)", "reading: 80 of 100 (2 images/s)",
                               "reading: 100 of 100 (2 images/s)"]


def test_bytes_that_an_earlier_run_has_fetched_do_not_count_as_speed(clock, caplog):
    caplog.set_level(logging.INFO)
    with progress("download", 8_000_000, BYTES, initial=3_000_000) as advance:
        clock[0] += 2
        advance(5_000_000)
    with progress("download", None, BYTES) as advance:
        clock[0] += 15
        advance(3_000_000)
    assert caplog.messages == ["download: 8.0 MB of 8.0 MB (2.5 MB/s)", "download: 3.0 MB (0.2 MB/s)"]


def test_bar_on_a_terminal(monkeypatch, capsys, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress("reading", 4, "image") as advance:
        advance(4)
    assert "reading: 100%" in capsys.readouterr().err
    assert caplog.messages == []


def test_megabytes():
    assert (megabytes(0), megabytes(1_540_000)) == ("0.0 MB", "1.5 MB")
