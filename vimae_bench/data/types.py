"""Types of data sets: arrays of images with labels, their splits, and what a data set plugin gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

PixelRange = Literal["unit", "sym"]
"""What the network sees: `unit` is [0, 1] and decodes through a sigmoid, `sym` is [-1, 1] and decodes through tanh."""


@dataclass(frozen=True)
class Examples:
    """Images uint8 [N, C, H, W], 0 black and 255 white, often a memory map; labels int64 [N] or None.

    `factors` are what else is known of each image, int64 [N] by name: what it was generated from, or who drew it.
    """

    x: np.ndarray
    y: np.ndarray | None
    factors: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class Splits:
    """A data set as a run uses it. Validation images are taken from the training file and never trained on."""

    train: Examples
    validation: Examples
    test: Examples

    def copy(self) -> "Splits":
        """The same with memory of its own: changes of one are not seen by the other. What is mapped is mapped anew."""
        return Splits(*(_copy_examples(part) for part in (self.train, self.validation, self.test)))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.train.x.shape[1:]
        return channels, height, width


@dataclass(frozen=True)
class PreparedDataset:
    """What a data set prepares once: the layout of `vimae-bench data`, before it is written."""

    train: Examples
    test: Examples
    source: str


class Dataset(Protocol):
    """A source of images. The harness keeps what it prepares under `<data>/<folder>` and maps it from there.

    It may have an attribute `tested` with the value `validation`: its validation images then replace the test images.

    The folder has to differ between settings that decide which images are prepared. Settings that are applied when they
    are read, as `pixel_range` and `validation` are, are named in an attribute `reading_settings`, a tuple.
    """

    @property
    def folder(self) -> str:
        """The folder of the prepared arrays: below the data root, or absolute."""
        ...

    @property
    def pixel_range(self) -> PixelRange:
        """What the network sees of these images."""
        ...

    @property
    def validation(self) -> int:
        """How many of the last training images are held out."""
        ...

    def prepare(self, scratch: Path, /) -> PreparedDataset:
        """Fetch the originals into `scratch` (an empty folder, removed afterwards) and decode them."""
        ...


def _copy_examples(part: Examples) -> Examples:
    y = None if part.y is None else _copy_array(part.y)
    return Examples(_copy_array(part.x), y, {name: _copy_array(values) for name, values in part.factors.items()})


def _copy_array(array: np.ndarray) -> np.ndarray:
    """A part of a file that is mapped copy-on-write as a part of another such map; a copy of any other array."""
    whole = array
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    if not isinstance(whole, np.memmap) or whole.mode != "c" or whole.filename is None:
        return array.copy()
    again = np.memmap(whole.filename, whole.dtype, "c", whole.offset, whole.shape)
    start = array.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return np.ndarray(array.shape, array.dtype, again, start, array.strides)
