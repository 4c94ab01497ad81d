"""The Fréchet distance between two samples of features, as if both were Gaussian (Heusel et al., 1706.08500).

|m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1^1/2 S2 S1^1/2)^1/2, all of it in float64. A covariance is held as a root R with
S = R'R, so that the last trace is the sum of the singular values of R1 R2', the roots of the eigenvalues of the
symmetric product. They are never squared and rooted again, which would leave 1e-8 of noise in every direction that a
sample of fewer images than features does not span.
"""

from dataclasses import dataclass

import numpy as np

from ..core.results import Estimate

LEAST_DRAWS = 20
"""With fewer draws than this the standard error of a distance is not known."""


@dataclass(frozen=True)
class Moments:
    """The mean [F] of n features and a root [min(n, F), F] of their covariance: covariance = root' root, over n - 1."""

    n: int
    mean: np.ndarray
    root: np.ndarray

    @classmethod
    def from_features(cls, features: np.ndarray) -> "Moments":
        """The moments of features [n, F], n >= 2, in float64."""
        mean, centred = _center(features)
        return cls(len(features), mean, np.linalg.qr(centred, mode="r") / np.sqrt(len(features) - 1))


def frechet_distance(a: Moments, b: Moments) -> float:
    """The squared distance between two Gaussians, in the features' units squared; 0 for two that are the same."""
    overlap = np.linalg.svd(a.root @ b.root.T, compute_uv=False)
    return _combine(a.mean - b.mean, a.root, b.root, overlap)


def estimate_frechet_distance(features: np.ndarray, real: Moments) -> Estimate:
    """The distance of features [n, F] from fixed real moments, with the standard error of n draws.

    The error is that of the influence function (Hampel, 1974): a feature x moves the distance by
    2 (m - m_real)'x + |x|^2 - x'Tx, x measured from the mean and T the optimal transport map from its Gaussian to the
    real one. Nothing has to be inverted, as x'Tx is a sum over the singular values. It counts the part of second order
    twice, which is all there is between equal distributions; the errors of both halves of the features tell how large
    that is. None for fewer than 20 draws. The bias, which is positive and of order 1/n, is left out.
    """
    n = len(features)
    value, variance = _measure_distance(features, real)
    if n < LEAST_DRAWS:
        return Estimate(value, n)
    halves = np.mean([_measure_distance(half, real)[1] for half in (features[: n // 2], features[n // 2 :])])
    # Of n draws it is a + 2b where a + b is right, and of half as many 2a + 8b.
    return Estimate(value, n, float(np.sqrt(np.clip(1.5 * variance - halves / 4, variance / 2, variance))))


def _measure_distance(features: np.ndarray, real: Moments) -> tuple[float, float]:
    """The distance of features [n, F], and its variance by the influence function."""
    n = len(features)
    mean, centred = _center(features)
    q, r = np.linalg.qr(centred)
    root = r / np.sqrt(n - 1)
    _, overlap, right = np.linalg.svd(real.root @ root.T, full_matrices=False)
    difference = mean - real.mean
    transported = (q @ right.T) ** 2 @ overlap * (n - 1)
    influence = 2 * centred @ difference + (centred**2).sum(1) - transported
    return _combine(difference, real.root, root, overlap), float(influence.var(ddof=1) / n)


def _combine(difference: np.ndarray, root_a: np.ndarray, root_b: np.ndarray, overlap: np.ndarray) -> float:
    value = difference @ difference + (root_a**2).sum() + (root_b**2).sum() - 2 * overlap.sum()
    return max(float(value), 0.0)


def _center(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x = features.astype(np.float64)
    mean = x.mean(0)
    return mean, x - mean
