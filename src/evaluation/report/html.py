"""HTML of a report: one complete file, which loads nothing from the network.

The templates escape every value that is not `Markup` already, so that no class name or file name becomes HTML, and show
its control characters.
"""
import base64
import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from src.utils.safe_io import printable


class Section(NamedTuple):
    """A part of the page."""

    title: str
    content: Markup


def page(title: str, introduction: Markup, tiles: Sequence[tuple[str, str]], sections: Sequence[Section]) -> str:
    """The whole page.

    Args:
        title: text.
        introduction: what stands below the title.
        tiles: (number, meaning) texts to be seen first.
        sections: the parts.
    """
    return _environment().get_template("page.html").render(
        title=title, introduction=introduction, tiles=tiles, sections=sections)


def table(header: Sequence[object], rows: Iterable[Sequence[object]], kind: str = "") -> Markup:
    """A table; `header` may be empty."""
    return _part("table", header, rows, kind)


def paragraph(text: str) -> Markup:
    return _part("paragraph", text)


def heading(content: str | Markup) -> Markup:
    """A heading inside a section."""
    return _part("heading", content)


def colour_key(colour: str, text: str) -> Markup:
    """A small square of that colour, and a text."""
    return _part("colour_key", colour, text)


def plot_image(svg: str, meaning: str, shrinks: bool = True) -> Markup:
    """A plot; `meaning` is read to those who cannot see it. One that does not shrink can be moved sideways."""
    return _part("plot_image", _data_uri(svg.encode(), "image/svg+xml"), meaning, "plot" if shrinks else "plot whole")


def gallery(pictures: Iterable[tuple[bytes, str]]) -> Markup:
    """Pictures side by side: (content of a JPEG file, caption) each."""
    return _part("gallery", [(_data_uri(content, "image/jpeg"), caption) for content, caption in pictures])


@functools.cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True,
                       undefined=StrictUndefined, keep_trailing_newline=True, finalize=_shown)


def _shown(value: object) -> object:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@functools.cache
def _parts() -> Any:
    return _environment().get_template("parts.html").module


def _part(name: str, *arguments: object) -> Markup:
    return getattr(_parts(), name)(*arguments)


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
