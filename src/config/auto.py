"""`auto`, the value of a key that train.py chooses once it knows the data and the machine."""
from typing import NoReturn

AUTO = "auto"


class UnresolvedError(RuntimeError):
    """The program reads a key whose `auto` it has not resolved yet: a fault of the program."""


class Auto:
    """Stands in a `Config` for a value that is not chosen yet; its use as a number or a list raises.

    Args:
        key: name of the key.
        error: what is raised; default: `UnresolvedError`.
        written: how a configuration file says so.
    """

    def __init__(self, key: str, error: Exception | None = None, written: str | int = AUTO) -> None:
        self.key = key
        self.written = written
        self.error = error or UnresolvedError(
            f"{key} is still {AUTO!r} where it is read; src/dataset/class_names.py resolves classes, "
            "src/training/auto_input.py input_size and scale_jitter, "
            "src/training/auto_settings.py batch_size and epoch_size, src/training/auto_rates.py learning rates "
            "and freeze_parts")

    def __repr__(self) -> str:
        return str(self.written)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Auto) and other.key == self.key

    def __hash__(self) -> int:
        return hash((AUTO, self.key))

    def _raise(self, *_: object) -> NoReturn:
        raise self.error

    __bool__ = __int__ = __index__ = __float__ = __len__ = __iter__ = __contains__ = __getitem__ = _raise
    __lt__ = __le__ = __gt__ = __ge__ = _raise
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _raise
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _raise
