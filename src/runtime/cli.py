"""What all entry scripts share: plain log lines on stdout, and errors of the user without a traceback.

`entry_point` is the only place that sets up logging for the process.
"""
import contextlib
import errno
import functools
import logging
import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, ParamSpec, TextIO, TypeVar

from src.runtime.signals import TerminatedError, exit_code, terminated_by_exception
from src.utils.errors import UserError
from src.utils.files import NO_ROOM, how_to_mend
from src.utils.safe_io import printable, shown

P = ParamSpec("P")
R = TypeVar("R")
ROOT = Path(__file__).resolve().parents[2]
_CODES = {"bold": "1", "red": "1;31", "yellow": "33"}


class _Lines(logging.Formatter):
    """The message alone, without what a name in it could do to a terminal; warnings in colour where that shows it."""

    def format(self, record: logging.LogRecord) -> str:
        text = printable(super().format(record))
        return painted(text, "yellow", sys.stdout) if record.levelno >= logging.WARNING else text


class _Output(logging.StreamHandler[TextIO]):
    """Passes over lines that cannot be written: a run matters more than a terminal that is closed, or a full disk."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, a name of logging
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def _handler() -> logging.Handler:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names may hold bytes that are not valid text
    handler = _Output(sys.stdout)
    handler.setFormatter(_Lines("%(message)s"))
    return handler


def entry_point(main: Callable[P, R]) -> Callable[P, R]:
    """Decorator of a script's `main()`, which sets up logging and turns errors into messages and exit codes.

    A `UserError`, or a file that the system does not let it read or write, is one message and exit code 1; Ctrl-C is
    130, SIGTERM 143, SIGHUP 129.
    """

    @functools.wraps(main)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        _open_closed_streams()
        logging.basicConfig(level=logging.INFO, handlers=[_handler()])
        try:
            with terminated_by_exception():
                return main(*args, **kwargs)
        except UserError as error:
            _end(error)
        except OSError as error:
            if error.errno == errno.EPIPE:  # `| head` has read enough
                sys.exit(exit_code(signal.SIGPIPE))
            mend = how_to_mend(error)
            if not mend or (error.filename is None and error.errno not in NO_ROOM):
                raise
            what = "the output cannot be written" if error.filename is None else shown(error.filename)
            _end(f"{what}: {error.strerror}; {mend}")
        except KeyboardInterrupt:
            _end("interrupted", exit_code(signal.SIGINT))
        except TerminatedError as signalled:
            _end("terminated", exit_code(signalled.number))
        finally:
            for stream in (sys.stdout, sys.stderr):
                _flush(stream)

    return run


def _open_closed_streams() -> None:
    """Opens the null device in place of standard streams that are closed, as those of daemons may be.

    The next file that is opened would take their number, and what is printed would be written into it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:  # the smallest number that is free
        pass
    os.close(number)
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))


def _flush(stream: TextIO) -> None:
    """Writes what was printed; what cannot be written is dropped, where Python would end with a word and another code.
    """
    try:
        stream.flush()
    except (OSError, ValueError):  # the second: it is closed
        with contextlib.suppress(OSError, ValueError), open(os.devnull, "wb") as null:
            os.dup2(null.fileno(), stream.fileno())


def _end(message: object, code: int = 1) -> NoReturn:
    text = printable(str(message))
    line = f"{painted('error:', 'red', sys.stderr)} {text}" if code == 1 else text
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)
    sys.exit(code)


def command(script: str, *flags: str) -> str:
    """A command that runs an entry script, for a message: pasted into the same shell, it works as it stands."""
    interpreter = sys.orig_argv[0] if Path(sys.orig_argv[0]).name.startswith("python") else "python"
    return shlex.join([interpreter, os.path.relpath(ROOT / script), *flags])


def has_colours(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that shows colours and the user wants them (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(text: str, style: str, stream: TextIO) -> str:
    """`text` in a style ("bold", "red", "yellow") if `stream` shows colours; else unchanged."""
    return f"\033[{_CODES[style]}m{text}\033[0m" if has_colours(stream) else text
