"""What all entry scripts share: plain log lines on stdout, and errors of the user without a traceback."""
import functools
import logging
import os
import signal
import sys

from src.runtime.signals import TerminatedError, exit_code, terminated_by_exception
from src.utils.errors import UserError

_CODES = {"bold": "1", "red": "1;31", "yellow": "33"}


class _Lines(logging.Formatter):
    """The message alone; warnings in colour where the terminal shows it."""

    def format(self, record):
        text = super().format(record)
        return painted(text, "yellow", sys.stdout) if record.levelno >= logging.WARNING else text


def _handler():
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files can hold bytes that are no letters
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Lines("%(message)s"))
    return handler


def entry_point(main):
    """Decorator of a script's `main()`: one clear message and exit code 1 for a `UserError` or a file that must not be
    read or written, 130 for Ctrl-C, 143 for SIGTERM."""

    @functools.wraps(main)
    def run(*args, **kwargs):
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


def _end(message):
    print(f"{painted('error:', 'red', sys.stderr)} {message}", file=sys.stderr)
    sys.exit(1)


def has_colours(stream):
    """Whether `stream` is a terminal that shows colours and the user wants them (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(text, style, stream):
    """`text` in a style, "bold", "red" or "yellow", where `stream` shows it; elsewhere as it is."""
    return f"\033[{_CODES[style]}m{text}\033[0m" if has_colours(stream) else text
