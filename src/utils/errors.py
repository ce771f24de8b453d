"""The one kind of error that is addressed to the user."""



class UserError(ValueError):
    """Something that the user can mend.

    The message says what was found, where, what was expected, and what to do. Entry scripts show it without a
    traceback and exit with a non-zero code; every other exception is a fault of the program and keeps its traceback.
    """
