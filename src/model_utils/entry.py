"""What all entry scripts share: plain log lines on stdout, and errors of the user without a traceback."""
import functools
import logging
import sys

from src.model_utils.errors import UserError


def entry_point(main):
    """Decorator of a script's `main()`: one clear message and exit code 1 for a `UserError`, 130 for Ctrl-C."""

    @functools.wraps(main)
    def run(*args, **kwargs):
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
        try:
            return main(*args, **kwargs)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            sys.exit(130)

    return run
