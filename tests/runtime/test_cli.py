"""What the entry scripts share."""
import signal

import pytest

from src.runtime.cli import entry_point
from src.runtime.signals import StopSignals


def test_a_file_that_must_not_be_read_is_one_message(capsys):
    @entry_point
    def main():
        raise PermissionError(13, "Permission denied", "data/Annotations")

    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert capsys.readouterr().err == ("error: data/Annotations: Permission denied; allow it to the user that runs "
                                       "this, or give another path\n")


def test_signals_are_noted_and_an_ignored_one_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with StopSignals("the step") as signals:
            signal.raise_signal(signal.SIGINT)
            assert signals.number == 0
            signal.raise_signal(signal.SIGTERM)
            assert signals.number == signal.SIGTERM
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
