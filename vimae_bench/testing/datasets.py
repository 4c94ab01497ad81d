"""The contract of data sets; no check downloads anything."""

from pathlib import Path

from ..data.types import Dataset
from .contract import check, require
from .settings import SETTINGS


@check
def folder_is_below_data_root(dataset: Dataset) -> None:
    """Its folder is a name that stays below the data root, unless it is absolute."""
    parts = Path(dataset.folder).parts
    require(bool(parts) and ".." not in parts, f"its folder {dataset.folder!r} is not a name below the data root")


@check
def known_pixel_range(dataset: Dataset) -> None:
    """Its pixel range is 'unit' or 'sym'."""
    require(dataset.pixel_range in ("unit", "sym"), f"its pixel range is {dataset.pixel_range!r}, not 'unit' or 'sym'")


@check
def validation_is_not_negative(dataset: Dataset) -> None:
    """The number of validation images is not negative."""
    require(dataset.validation >= 0, f"has {dataset.validation} validation images")


DATASET = (folder_is_below_data_root, known_pixel_range, validation_is_not_negative, *SETTINGS)
