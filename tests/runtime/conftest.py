import os
import signal

import pytest


@pytest.fixture
def hangup():
    """SIGHUP has its usual effect, also where these tests were started by `nohup`."""
    if os.name == "nt":
        pytest.skip("Windows has no such signal")
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)
