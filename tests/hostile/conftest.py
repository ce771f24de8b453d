"""What all hostile files share."""
import signal

import pytest

LONGEST_SECONDS = 60


@pytest.fixture(autouse=True)
def _no_waiting():
    """A test that would hang fails instead."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(*_):
        raise AssertionError(f"not done within {LONGEST_SECONDS} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)
