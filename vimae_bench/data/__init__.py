"""Data sets: their types, pixels, corruptions, layout on disk, downloads."""

from ..storage.array_cache import content, kept
from .corruptions import Corruption, corrupted
from .download import counted, fetch
from .types import Arrays, Dataset, Examples, PixelRange, Splits

__all__ = [
    "Arrays",
    "Corruption",
    "Dataset",
    "Examples",
    "PixelRange",
    "Splits",
    "content",
    "corrupted",
    "counted",
    "fetch",
    "kept",
]
