"""Blobs of light with known factors, made in a second: for scores of disentanglement without a download."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge

from vimae_bench.plugin import Dataset, Examples, PixelRange, PreparedDataset, derive_seed, hookimpl

SIDE = 28
SIZES = {"x": 16, "y": 16, "width": 4, "brightness": 4}
"""How many values each factor has."""


@dataclass(frozen=True)
class Blobs:
    """10,000 + 2,000 grey images of 28x28 pixels: one Gaussian blob, of which four independent factors decide all.

    Factors, each uniform: `x` and `y`, 16 centres from 6 to 21 pixels from the left and the top edge; `width`, a
    standard deviation of 1, 1.5, 2 or 2.5 pixels, which is the label as well; `brightness`, a peak of 0.4, 0.6, 0.8
    or 1. Pixel centres lie at whole numbers, so that no blob is cut by an edge within two standard deviations.
    """

    pixel_range: PixelRange = "unit"
    validation: Annotated[int, Ge(0)] = 0
    """How many of the last training images are held out."""

    folder = "blobs"

    def prepare(self, scratch: Path) -> PreparedDataset:  # noqa: ARG002
        return PreparedDataset(_draw("train", 10_000), _draw("test", 2_000), "drawn, version 1")


def _draw(part: str, n: int) -> Examples:
    """n combinations of the factors, independent and uniform: the same with every version of NumPy."""
    count = int(np.prod([*SIZES.values()]))
    drawn = np.array([derive_seed("blobs", part, i) % count for i in range(n)])
    values = np.unravel_index(drawn, tuple(SIZES.values()))
    factors = {name: index.astype(np.int64) for name, index in zip(SIZES, values, strict=True)}
    return Examples(_render(**factors), factors["width"], factors)


def _render(x: np.ndarray, y: np.ndarray, width: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """Blobs uint8 [n, 1, 28, 28] for indices [n] of the factors' values."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    distance = (columns - 6 - x[:, None, None]) ** 2 + (rows - 6 - y[:, None, None]) ** 2
    deviation, peak = 1 + width / 2, 0.4 + brightness / 5
    light = peak[:, None, None] * np.exp(-distance / (2 * deviation[:, None, None] ** 2))
    return np.rint(255 * light).astype(np.uint8)[:, None]


@hookimpl
def vimae_datasets() -> Mapping[str, Callable[..., Dataset]]:
    return {"blobs": Blobs}
