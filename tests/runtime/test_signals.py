import signal

from src.runtime.signals import StopSignals, exit_code


def test_a_closed_terminal_is_noted(hangup):
    with StopSignals("the step") as signals:
        signal.raise_signal(signal.SIGHUP)
        assert (signals.number, exit_code(signals.number)) == (signal.SIGHUP, 129)


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
