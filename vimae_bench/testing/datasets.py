"""The contract of data sets; it downloads nothing."""

from pathlib import Path

from ..data.types import Dataset
from .contract import check, expect
from .settings import SETTINGS


@check
def folder_below_the_data(dataset: Dataset) -> None:
    """Its folder is a name that stays below the data root, unless it is absolute."""
    parts = Path(dataset.folder).parts
    expect(bool(parts) and ".." not in parts, f"its folder {dataset.folder!r} is not a name below the data root")


@check
def known_pixel_range(dataset: Dataset) -> None:
    """Its pixel range is 'unit' or 'sym'."""
    expect(dataset.pixel_range in ("unit", "sym"), f"its pixel range is {dataset.pixel_range!r}, not 'unit' or 'sym'")


@check
def holds_out_a_number(dataset: Dataset) -> None:
    """It holds out no fewer than 0 images."""
    expect(dataset.validation >= 0, f"holds out {dataset.validation} images")


DATASET = (folder_below_the_data, known_pixel_range, holds_out_a_number, *SETTINGS)
