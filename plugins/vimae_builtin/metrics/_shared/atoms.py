"""Whether codes have atoms: values of positive probability, whose entropy is minus infinity."""

import numpy as np
from scipy.special import pdtrc
from torch import Tensor

LEVEL = 1e-4
"""How improbable so many equal values of a density have to be."""


def has_atoms(z: Tensor, level: float = LEVEL) -> bool:
    """Whether codes z [n, d], of float32, are repeated, which codes that have a density never are.

    In one dimension rounding makes a few pairs of ten thousand codes equal: about sum_i f(z_i) n s_i / 2 of them, s_i
    being the spacing of float32 at z_i and f the density, which is estimated from the gaps between codes. More pairs
    than a Poisson number of this mean can be are atoms.
    """
    codes = z.detach().float().cpu().numpy()
    if codes.shape[1] > 1:
        return len(np.unique(codes, axis=0)) < len(codes)
    ordered = np.sort(codes[:, 0])
    held = np.unique(ordered, return_counts=True)[1]
    pairs = int((held * (held - 1) // 2).sum())
    return pairs > 0 and bool(pdtrc(pairs - 1, _count_rounded_pairs(ordered)) < level)


def has_marginal_atoms(z: Tensor) -> bool:
    """Whether some dimension of codes z [n, d] has atoms."""
    return any(has_atoms(column[:, None], LEVEL / z.shape[1]) for column in z.T)


def _count_rounded_pairs(ordered: np.ndarray) -> float:
    """How many pairs of so many codes, in order [n], rounding to float32 makes equal on average."""
    n = len(ordered)
    m = max(1, round(n**0.5))
    place = np.arange(n)
    after, before = np.minimum(place + m, n - 1), np.maximum(place - m, 0)
    gap = ordered[after].astype(np.float64) - ordered[before]
    density = (after - before) / np.maximum(gap, np.spacing(np.abs(ordered)))
    # Where an atom fills the whole window its own density would explain it: rounding makes one pair of two at most.
    return float(np.minimum(density * np.spacing(np.abs(ordered)), 1.0).sum() / 2)
