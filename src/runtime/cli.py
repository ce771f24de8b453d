"""What all entry scripts share: plain log lines on stdout, and errors of the user without a traceback.

`entry_point` is the only place that sets up logging for the process.
"""
import functools
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TextIO, TypeVar

from src.runtime.signals import TerminatedError, exit_code, terminated_by_exception
from src.utils.errors import UserError

P = ParamSpec("P")
R = TypeVar("R")
_CODES = {"bold": "1", "red": "1;31", "yellow": "33"}


class _Lines(logging.Formatter):
    """The message alone; warnings in colour where the terminal shows it."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return painted(text, "yellow", sys.stdout) if record.levelno >= logging.WARNING else text


def _handler() -> logging.Handler:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names may hold bytes that are not valid text
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Lines("%(message)s"))
    return handler


def entry_point(main: Callable[P, R]) -> Callable[P, R]:
    """Decorator of a script's `main()`, which sets up logging and turns errors into messages and exit codes.

    A `UserError`, or a file without the permission to read or write it, is one message and exit code 1; Ctrl-C is 130,
    SIGTERM 143.
    """

    @functools.wraps(main)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        logging.basicConfig(level=logging.INFO, handlers=[_handler()])
        try:
            with terminated_by_exception():
                return main(*args, **kwargs)
        except UserError as error:
            _end(error)
        except PermissionError as error:
            if error.filename is None:
                raise
            _end(f"{error.filename}: {error.strerror}; allow it to the user that runs this, or give another path")
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            sys.exit(exit_code(signal.SIGINT))
        except TerminatedError:
            print("terminated", file=sys.stderr)
            sys.exit(exit_code(signal.SIGTERM))

    return run


def _end(message: object) -> NoReturn:
    print(f"{painted('error:', 'red', sys.stderr)} {message}", file=sys.stderr)
    sys.exit(1)


def has_colours(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that shows colours and the user wants them (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(text: str, style: str, stream: TextIO) -> str:
    """`text` in a style ("bold", "red", "yellow") if `stream` shows colours; else unchanged."""
    return f"\033[{_CODES[style]}m{text}\033[0m" if has_colours(stream) else text
