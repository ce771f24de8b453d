"""Signals that ask a run to end: what is being done is finished and saved first."""
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from src.runtime.environment import is_scheduler

logger = logging.getLogger(__name__)
# The second is sent by a terminal that is closed; Windows has none.
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
STOPPING = (signal.SIGINT, *ENDING)


def exit_code(number: int) -> int:
    """What a shell reports for a process that this signal ended; 0 for none."""
    return 128 + number if number else 0


class StopSignals:
    """Context manager: the first of `STOPPING` inside is only noted, in `number`; a second one acts as before.

    A signal that is ignored stays ignored. Outside the main thread, which alone receives signals, nothing is done.
    While MindSpore runs a graph, a handler of its own turns SIGINT into SIGTERM: SIGTERM is noted then.

    Args:
        doing: what is finished first, for the log.

    Attributes:
        number: of the signal that was noted; 0 before.
    """

    def __init__(self, doing: str):
        self.doing = doing
        self.number = 0
        self._previous: dict[int, Callable[[int, FrameType | None], Any] | int | None] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in STOPPING
                              if signal.getsignal(number) != signal.SIG_IGN}
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._restore()
        self.number = number
        logger.info("%s: %s is finished and saved, then the run ends; once more ends it at once",
                    signal.Signals(number).name, self.doing)

    def _restore(self) -> None:
        while self._previous:
            number, handler = self._previous.popitem()
            signal.signal(number, handler)


class TerminatedError(BaseException):
    """A signal of `ENDING`, as KeyboardInterrupt is SIGINT: `with` and `finally` blocks close what is open."""

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def terminated_by_exception() -> Iterator[None]:
    """Context manager: a signal of `ENDING` inside raises `TerminatedError`, unless it is handled or ignored already.

    Not in a scheduler: it waits inside MindSpore, where no Python runs, and would not end.
    """
    def stop(number: int, frame: FrameType | None) -> None:
        raise TerminatedError(number)

    in_charge = threading.current_thread() is threading.main_thread() and not is_scheduler()
    numbers = [number for number in ENDING if in_charge and signal.getsignal(number) == signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
