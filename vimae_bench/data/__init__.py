"""Data sets: their types, pixels, corruptions, layout on disk, downloads."""

from ..storage.array_cache import array_sha256, cached_arrays
from .choice import choose_places
from .corruptions import Corruption, apply_corruption
from .download import fetch, progress
from .pixels import to_uint8
from .prepare import get_data_folder
from .types import Dataset, Examples, PixelRange, PreparedDataset, Splits

__all__ = [
    "Corruption",
    "Dataset",
    "Examples",
    "PixelRange",
    "PreparedDataset",
    "Splits",
    "apply_corruption",
    "array_sha256",
    "cached_arrays",
    "choose_places",
    "fetch",
    "get_data_folder",
    "progress",
    "to_uint8",
]
