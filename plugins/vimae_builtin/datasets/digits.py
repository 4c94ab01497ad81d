"""scikit-learn's 8x8 digits: real handwriting that needs no download."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge

from vimae_bench.plugin import Dataset, Examples, PixelRange, PreparedDataset, derive_seed, hookimpl


@dataclass(frozen=True)
class Digits:
    """1,797 digits of 8x8 pixels in 17 grey levels (0 to 16, stored as 0 to 255), split into 1,437 and 360.

    The test set of the UCI "Optical Recognition of Handwritten Digits", as in `sklearn.datasets.load_digits`.
    """

    pixel_range: PixelRange = "unit"
    validation: Annotated[int, Ge(0)] = 0

    folder = "digits"

    def prepare(self, scratch: Path) -> PreparedDataset:  # noqa: ARG002
        from sklearn.datasets import load_digits

        rows, y = load_digits(return_X_y=True)
        x = np.rint(np.asarray(rows) * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
        y = np.asarray(y, dtype=np.int64)
        train, test = split_indices(y)
        return PreparedDataset(Examples(x[train], y[train]), Examples(x[test], y[test]), "sklearn.datasets.load_digits")


def split_indices(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Training and test indices for labels y [N], the same on every machine and with every version of NumPy.

    Within each class images are put in an order drawn for this split, and every fifth of that row goes to the test set.
    """
    shuffled = sorted(range(len(y)), key=lambda i: (y[i], derive_seed("digits", "split", i)))
    test = np.zeros(len(y), dtype=bool)
    test[shuffled[::5]] = True
    return np.flatnonzero(~test), np.flatnonzero(test)


@hookimpl
def vimae_datasets() -> Mapping[str, Callable[..., Dataset]]:
    return {"digits": Digits}
