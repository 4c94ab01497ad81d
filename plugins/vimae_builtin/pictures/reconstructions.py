"""How a model reconstructs test images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from vimae_bench.data import to_uint8
from vimae_bench.functional import squared_error
from vimae_bench.plugin import Evaluation, ImageTable, Picture, hookimpl

ROWS, COLUMNS = 4, 10
"""Pairs of rows, and images in each."""


@dataclass(frozen=True)
class Reconstructions(Picture):
    """Forty test images, and below each its reconstruction from the mean code, with its squared error.

    The images stand as far apart in the test split as can be, since a data set may have its classes one after the
    other. The squared error is the sum over pixels in [0, 1] units, as in the measure `sse`.
    """

    def __call__(self, evaluation: Evaluation) -> ImageTable:
        count = len(evaluation.examples("test"))
        columns = min(COLUMNS, count)
        rows = min(ROWS, count // columns)
        places = np.linspace(0, count - 1, rows * columns).astype(np.int64)
        x = torch.cat(list(evaluation.images("test", places)))
        xhat = evaluation.decode(evaluation.posterior("test").mean[torch.from_numpy(places).to(x.device)])
        errors = squared_error(x, xhat).view(rows, columns)
        both = np.stack([to_uint8(part).reshape(rows, columns, *_get_shape(x)) for part in (x, xhat)], axis=1)
        notes = [note for row in errors.tolist() for note in (("",) * columns, tuple(f"{e:.3g}" for e in row))]
        return ImageTable(
            both.reshape(2 * rows, columns, *_get_shape(x)),
            "Test images and their reconstructions, with the squared error (SSE) of each",
            ("input", "output") * rows,
            ("",) * columns,
            tuple(notes),
        )


def _get_shape(x: torch.Tensor) -> tuple[int, int, int]:
    """Height, width and channels of images."""
    return x.shape[2], x.shape[3], x.shape[1]


@hookimpl
def vimae_pictures() -> Mapping[str, Callable[..., Picture]]:
    return {"reconstructions": Reconstructions}
