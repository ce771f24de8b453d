"""A run looks at its annotations several times before it begins: for their format, classes, sizes, and to convert them.

While `annotations_read_once` is entered, folders are listed once and annotations parsed once.
"""
import contextlib
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
_AT_END = "at the end"
_KEPT: ContextVar[dict[Hashable, Any] | None] = ContextVar("annotations that were read", default=None)


@contextlib.contextmanager
def annotations_read_once() -> Iterator[None]:
    """Context manager: `once` keeps its results. What changes on the disk meanwhile is not seen by the readers; the
    next start notices it."""
    token = _KEPT.set({})
    try:
        yield
        for action in once(_AT_END, dict[Hashable, Callable[[], None]]).values():
            action()
    finally:
        _KEPT.reset(token)


def at_end(key: Hashable, action: Callable[[], None]) -> None:
    """Lets `action` be called when `annotations_read_once` is left without an error, once for each key."""
    once(_AT_END, dict[Hashable, Callable[[], None]])[key] = action


def is_kept() -> bool:
    """Whether `annotations_read_once` is entered."""
    return _KEPT.get() is not None


def once(key: Hashable, make: Callable[[], T]) -> T:
    """What `make` returns; while results are kept, it is called once for each key."""
    kept = _KEPT.get()
    if kept is None:
        return make()
    if key not in kept:
        kept[key] = make()
    result: T = kept[key]
    return result
