"""Signals that ask a run to end: finish what is being done, keep it, and go."""
import contextlib
import logging
import signal
import threading

from src.runtime.environment import is_scheduler

logger = logging.getLogger(__name__)
STOPPING = (signal.SIGINT, signal.SIGTERM)


def exit_code(number):
    """What a shell reports for a process that was ended by this signal; 0 for none."""
    return 128 + number if number else 0


class StopSignals:
    """Context manager: the first SIGINT or SIGTERM inside is only noted, in `number`; a second one acts as before.

    One that is ignored stays so. Outside the main thread, which alone receives signals, nothing is done. While it runs
    a graph, MindSpore has a handler of its own for SIGINT, which sends SIGTERM: that is noted then.

    Args:
        doing: what is finished first, for the log.
    """

    def __init__(self, doing):
        self.doing = doing
        self.number = 0
        self._previous = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in STOPPING
                              if signal.getsignal(number) != signal.SIG_IGN}
        return self

    def __exit__(self, *error):
        self._restore()

    def _note(self, number, frame):
        self._restore()
        self.number = number
        logger.info("%s: %s is finished and saved, then the run ends; once more ends it at once",
                    signal.Signals(number).name, self.doing)

    def _restore(self):
        while self._previous:
            number, handler = self._previous.popitem()
            signal.signal(number, handler)


class TerminatedError(BaseException):
    """SIGTERM, as KeyboardInterrupt is SIGINT: what is open is closed on the way out."""


@contextlib.contextmanager
def terminated_by_exception():
    """Context manager: SIGTERM inside raises `TerminatedError`, unless somebody else handles or ignores the signal.

    Not in a scheduler of ranks: that waits where no Python runs, and would not end.
    """
    def stop(number, frame):
        raise TerminatedError

    in_charge = (threading.current_thread() is threading.main_thread() and not is_scheduler()
                 and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)
    if in_charge:
        signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        if in_charge:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
