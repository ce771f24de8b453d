"""Fonts for pictures and plots: one that comes with matplotlib, and those of the system where it lacks a letter."""
import functools
from collections.abc import Iterable
from pathlib import Path

import matplotlib
from matplotlib import font_manager, ft2font
from PIL import ImageFont

DEFAULT_FAMILY = "DejaVu Sans"


def default_font_file() -> str:
    """The font that comes with matplotlib: Latin, Greek, Cyrillic and more, but no Chinese."""
    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")


@functools.cache
def font_file(text: str) -> str | None:
    """Path of a font that has all letters of `text`: the default one, or else any of the system; None without one."""
    wanted = {ord(letter) for letter in text}
    if wanted <= _letters(default_font_file()):
        return default_font_file()
    return next((path for path in _system_fonts() if wanted <= _letters(path)), None)


@functools.lru_cache(maxsize=64)
def picture_font(text: str, size: int) -> ImageFont.FreeTypeFont:
    """The Pillow font for `text`, `size` in pixels; letters that no font has become boxes."""
    return ImageFont.truetype(font_file(text) or default_font_file(), size)


def font_families(texts: Iterable[str]) -> list[str]:
    """Names of the font families that matplotlib needs to write all `texts`."""
    families = [DEFAULT_FAMILY]
    for path in {font_file(text) or default_font_file() for text in texts} - {default_font_file()}:
        font_manager.fontManager.addfont(path)
        families.append(font_manager.FontProperties(fname=path).get_name())
    return families


@functools.cache
def _system_fonts() -> list[str]:
    return sorted(font_manager.findSystemFonts())


@functools.lru_cache(maxsize=1024)
def _letters(path: str) -> frozenset[int]:
    """Code points of a font; none of a file that is not understood."""
    try:
        return frozenset(ft2font.FT2Font(path).get_charmap())
    except (RuntimeError, OSError):
        return frozenset()
