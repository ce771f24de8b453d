"""Progress of long work: a bar on a terminal, elsewhere a log line now and then."""
import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator

from tqdm import tqdm

logger = logging.getLogger(__name__)
LOG_EVERY_SECONDS = 15.0
BYTES = "B"


@contextlib.contextmanager
def progress(label: str, total: int | None, unit: str, initial: int = 0, tells_end: bool = True
             ) -> Iterator[Callable[[int], object]]:
    """Context manager: gives a function that is called with the number of units that were done since the last call.

    Args:
        label: what is done.
        total: number of units; None when it is not known.
        unit: one of what is counted, such as `image`, or `BYTES`.
        initial: units that an earlier run has done.
        tells_end: log a last line when all is done.
    """
    if sys.stderr.isatty():
        with tqdm(desc=label, total=total, initial=initial, unit=unit, unit_scale=unit == BYTES,
                  file=sys.stderr) as bar:
            yield bar.update
        return
    done, start = initial, time.monotonic()
    last = start

    def advance(count: int) -> None:
        nonlocal done, last
        done += count
        now = time.monotonic()
        if now - last >= LOG_EVERY_SECONDS or (done == total and tells_end):
            last = now
            rate = (done - initial) / max(now - start, 1e-3)
            logger.info("%s: %s", label, _line(done, total, rate, unit))

    yield advance


def _line(done: int, total: int | None, rate: float, unit: str) -> str:
    if unit == BYTES:
        of_all = "" if total is None else f" of {megabytes(total)}"
        return f"{megabytes(done)}{of_all} ({megabytes(rate)}/s)"
    return f"{done}{'' if total is None else f' of {total}'} ({rate:.0f} {unit}s/s)"


def megabytes(num_bytes: float) -> str:
    """A number of bytes for people: `1.5 MB`."""
    return f"{num_bytes / 1e6:.1f} MB"
