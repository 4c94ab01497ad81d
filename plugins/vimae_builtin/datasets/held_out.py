"""The held-out images of a data set instead of its test images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from vimae_bench.plugin import Dataset, PixelRange, PreparedDataset, hookimpl


@dataclass(frozen=True)
class HeldOut:
    """Another data set `of`, whose held-out images replace its test images: to choose settings on.

    Training is on the same images as with `of` itself. Its test images are not looked at, and nothing else is held out.
    """

    of: Dataset

    tested: ClassVar[str] = "validation"
    validates: ClassVar[str] = "of"

    @property
    def folder(self) -> str:
        return self.of.folder

    @property
    def pixel_range(self) -> PixelRange:
        return self.of.pixel_range

    @property
    def validation(self) -> int:
        return self.of.validation

    def prepare(self, scratch: Path) -> PreparedDataset:
        return self.of.prepare(scratch)


@hookimpl
def vimae_datasets() -> Mapping[str, Callable[..., Dataset]]:
    return {"held_out": HeldOut}
