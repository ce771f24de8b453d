"""Colours, where they are shown and wanted."""
import os

_CODES = {"bold": "1", "red": "1;31", "yellow": "33"}


def has_colours(stream):
    """Whether `stream` is a terminal that shows colours and the user wants them (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(text, style, stream):
    """`text` in a style, "bold", "red" or "yellow", where `stream` shows it; elsewhere as it is."""
    return f"\033[{_CODES[style]}m{text}\033[0m" if has_colours(stream) else text
