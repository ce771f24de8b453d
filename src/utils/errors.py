"""The one kind of error that is addressed to the user."""


class UserError(Exception):
    """Something that the user can mend; no `except ValueError` takes it for a fault in a value.

    The message says what was found, where, what was expected, and what to do. Entry scripts show it without a
    traceback and exit with a non-zero code; every other exception is a fault of the program and keeps its traceback.
    """
