"""The letters in pictures that are drawn pixel by pixel."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

FONT_SIZE = 12
"""In pixels."""


@cache
def load_font(size: int = FONT_SIZE) -> "FreeTypeFont":
    """DejaVu Sans, which matplotlib brings with it, for the letters of all European languages and mathematics."""
    from PIL import ImageFont

    package = find_spec("matplotlib")  # which takes no time, unlike importing it
    assert package is not None  # noqa: S101
    assert package.origin is not None  # noqa: S101
    return ImageFont.truetype(Path(package.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def measure_text(text: str, size: int = FONT_SIZE) -> float:
    """The width of a line of text in pixels."""
    return load_font(size).getlength(text)
