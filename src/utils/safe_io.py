"""Untrusted files: read without waiting for ever or filling the memory. Untrusted texts: shown without surprises."""
import codecs
import contextlib
import errno
import gc
import json
import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import psutil

# Letters of an untrusted text that a message shows, and texts of a list.
SHOWN, SHOWN_TEXTS = 200, 100
MEGABYTE = 1 << 20
MOST_JSON = 4096 * MEGABYTE
# Of weights and models, which nobody reads unasked.
ANY_SIZE = sys.maxsize
# The memory that a smaller json file takes is not estimated.
SMALL_JSON = 64 * MEGABYTE
# What spreadsheets take for the beginning of a formula, also after a tabulator or a carriage return.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# The mark of UTF-32 begins with that of UTF-16. These codecs take the mark away.
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Control characters, line separators, marks that turn the direction of writing, and halves of letters.
_NOT_SHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(text: object, most: int = SHOWN) -> str:
    """An untrusted text for a message: on one line, without control characters, cut when it is long."""
    text = str(text)
    short = _NOT_SHOWN.sub(_escaped, text[:most])
    return short if len(text) <= most else f"{short}... ({len(text)} characters)"


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def shown_list(texts: Iterable[object], most: int = SHOWN_TEXTS, separator: str = ", ", total: int = 0) -> str:
    """Untrusted texts for a message: `a, b, c`; of many the first `most` and the number of the others.

    Args:
        total: number of all texts, where `texts` are only the first of them.
    """
    texts = list(texts)
    first = texts[:most]
    others = max(total, len(texts)) - len(first)
    more = f"{separator}... ({others} more)" if others > 0 else ""
    return separator.join(map(shown, first)) + more


def printable(text: str) -> str:
    """A text of several lines for a terminal: nothing in it moves the cursor, changes colours or the direction."""
    return _NOT_SHOWN.sub(lambda found: found[0] if found[0] in "\n\t" else _escaped(found), text)


def spreadsheet_text(text: str) -> str:
    """An untrusted text for a cell of a csv file: a spreadsheet shows it, and computes nothing; without control
    characters."""
    safe = _NOT_SHOWN.sub(_escaped, text)
    return f"'{safe}" if text.startswith(_FORMULA) else safe


def open_file(path: Path | str, most: int = ANY_SIZE) -> BinaryIO:
    """Opens a regular file of at most `most` bytes, for reading bytes.

    Named pipes and devices are refused: they may keep a reader waiting, or never end.

    Raises:
        OSError: it cannot be opened, is no regular file, or is larger. What cannot be the name of a file is not found.
    """
    try:
        # Without O_NONBLOCK, the opening of a named pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except ValueError as error:  # a null character, or half a letter
        raise FileNotFoundError(errno.ENOENT, "no file can have this name", shown(path)) from error
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device", str(path))
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"it has {status.st_size / MEGABYTE:.0f} MB, allowed are "
                                       f"{most / MEGABYTE:.0f} MB", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def reason_of_reading(error: Exception) -> str:
    """Why a file cannot be read, for a message that names the file: of an `OSError` without its number and path."""
    return getattr(error, "strerror", None) or str(error)


def read_file(path: Path | str, most: int = ANY_SIZE) -> bytes:
    """Content of a regular file of at most `most` bytes; errors as `open_file`."""
    with open_file(path, most) as stream:
        return stream.read()


def read_text(path: Path | str, most: int) -> str:
    """Text of a regular file of at most `most` bytes: UTF-8, or UTF-16 or UTF-32 with a byte order mark.

    Raises:
        OSError: as `open_file`.
        ValueError: it is in another encoding; the message names the line.
    """
    data = read_file(path, most)
    encoding = _encoding_of(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = 1 + data[:error.start].count(b"\n")
        raise ValueError(f"line {line} is not {encoding.upper()} text; save the file as UTF-8, as editors can do") \
            from error


def decoded_head(data: bytes) -> str:
    """The first bytes of a file as text, as `read_text` takes them; what is no text is replaced."""
    return data.decode(_encoding_of(data), "replace")


def _encoding_of(data: bytes) -> str:
    return next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")


@contextlib.contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Context manager, also a decorator: while millions of objects are made, Python looks for garbage among them again
    and again, which takes as long as to make them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@without_garbage_collection()
def read_json(path: Path | str) -> Any:
    """Content of a json file in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no json, nested too deeply, or too large for the memory that is free.
    """
    with open_file(path, MOST_JSON) as stream:
        size = os.fstat(stream.fileno()).st_size
        _require_memory(3 * size)  # bytes, the text made of them, and some of what the text says
        data = stream.read()
    if size > SMALL_JSON:
        # What CPython takes for an empty list, a dictionary with some entries, and a value in a list.
        _require_memory(64 * data.count(b"[") + 250 * data.count(b"{") + 40 * data.count(b",") + 2 * size)
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("lists or objects are nested too deeply") from None
    except MemoryError:
        raise ValueError("it is too large for the memory of this machine") from None


def _require_memory(size: int) -> None:
    free = psutil.virtual_memory().available
    if size > free:
        raise ValueError(f"it needs about {size / MEGABYTE:.0f} MB of memory, and {free / MEGABYTE:.0f} MB are free")
