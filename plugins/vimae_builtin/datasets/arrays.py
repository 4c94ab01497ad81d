"""A user's own images, as NumPy arrays."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NoReturn

from annotated_types import Ge, MinLen

from vimae_bench.plugin import DataError, Dataset, PixelRange, hookimpl


@dataclass(frozen=True)
class OwnArrays:
    """The folder `path`, absolute or below the data folder, with arrays that the user has put there.

    train_x.npy and test_x.npy hold images uint8 [N, C, H, W], one or three channels, 0 black and 255 white;
    train_y.npy and test_y.npy hold labels int64 [N] and may be missing, as may the dataset.json with their sums.
    """

    path: Annotated[str, MinLen(1)]
    pixel_range: PixelRange = "unit"
    validation: Annotated[int, Ge(0)] = 0
    """How many of the last training images are held out."""

    @property
    def folder(self) -> str:
        return os.path.expanduser(self.path)  # noqa: PTH111  # that of Path raises an error where there is no home

    def prepare(self, scratch: Path) -> NoReturn:  # noqa: ARG002
        raise DataError(f"there are no arrays at '{self.path}', and they cannot be made from anywhere else")


@hookimpl
def vimae_datasets() -> Mapping[str, Callable[..., Dataset]]:
    return {"arrays": OwnArrays}
