"""The two-dimensional codes of test images, in a file among a run's pictures."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import ResultsError
from .picture_files import check_array_sizes
from .plain_files import open_plain_file


@dataclass(frozen=True)
class LatentCodes:
    """Codes z [N, 2] of the test images, and their classes y [N], all 0 where the data set has none.

    `prior` [M, 2] are lines around the densest 95 % of the model's prior, each ended by a row of NaN. There are none in
    files of earlier versions, which did not keep them.
    """

    z: NDArray[np.float32]
    y: NDArray[np.int64]
    prior: NDArray[np.float32]


def read_latent_codes(path: Path) -> LatentCodes:
    """Read the codes in a file. Raises ResultsError if it is damaged."""
    try:
        check_array_sizes(path)
        with open_plain_file(path) as file, np.load(file, allow_pickle=False) as kept:
            z = np.asarray(kept["z"], dtype=np.float32)
            y = np.asarray(kept["y"], dtype=np.int64) if "y" in kept else np.zeros(len(z), np.int64)
            prior = np.asarray(kept["prior"] if "prior" in kept else np.empty((0, 2)), dtype=np.float32)
        if z.shape != (y.size, 2) or y.ndim != 1 or prior.ndim != 2 or prior.shape[1] != 2:
            raise ValueError(f"codes are [N, 2], labels [N], lines [M, 2], not {z.shape}, {y.shape}, {prior.shape}")
    except ResultsError:
        raise
    except Exception as error:  # a damaged archive fails in many ways
        raise ResultsError(f"{path}: has no codes ({error}); remove {path.parent} and run again") from error
    return LatentCodes(z, y, prior)
