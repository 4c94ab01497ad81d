"""The Cramer-Wold distance to the standard normal distribution."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import log, pi, sqrt
from typing import Annotated

import numpy as np
import torch
from annotated_types import Gt
from torch import Tensor

from vimae_bench.functional import squared_distances
from vimae_bench.models import PosteriorFamily, Prior
from vimae_bench.plugin import Divergence, DivergenceContext, hookimpl

DEGREE = 20
NEGLIGIBLE = 1e-7
"""Higher coefficients below this are dropped."""


@dataclass(frozen=True)
class CramerWold(Divergence):
    """The squared Cramer-Wold distance of codes from N(0, I), in closed form (Knop et al., JMLR 21, 2020; 1805.09235).

    It is the mean over all directions of the squared L2 distance between the densities of codes and prior along them,
    both smoothed by a Gaussian of variance `smoothing`, which is (4/(3n))^(2/5) unless given. The function phi_d of
    it is exact to 2e-6 in any dimension; the authors' asymptotic form is off by 0.02 at d = 8. It is positive also for
    codes drawn from N(0, I), since n points are never as smooth. CWAE minimises its logarithm: `logarithm = true`,
    with a weight of 1.
    """

    smoothing: Annotated[float, Gt(0)] | None = None
    logarithm: bool = False

    def check(self, prior: Prior, family: PosteriorFamily) -> None:  # noqa: ARG002
        """Raises ValueError for any other prior than N(0, I)."""
        z = torch.linspace(-3, 3, 7, device=prior.origin.device)[:, None].expand(-1, prior.latent)
        normal = -0.5 * (z.square() + log(2 * pi)).sum(1)
        learned = next(prior.parameters(), None) is not None
        if learned or not torch.allclose(prior.log_prob(z), normal, atol=1e-4):
            raise ValueError("cramer_wold is the distance from N(0, I): use it with prior = 'normal'")

    def loss(self, z: Tensor, prior: Prior, context: DivergenceContext) -> Tensor:  # noqa: ARG002
        n, d = z.shape
        g = (4 / (3 * n)) ** 0.4 if self.smoothing is None else self.smoothing
        within = phi(squared_distances(z, z) / (4 * g), d).mean() / sqrt(g)
        across = phi(z.double().square().sum(1) / (4 * g + 2), d).mean() / sqrt(g + 0.5)
        distance = (within + 1 / sqrt(1 + g) - 2 * across) / (2 * sqrt(pi))
        return (distance.log() if self.logarithm else distance).to(z.dtype)


def phi(s: Tensor, d: int) -> Tensor:
    """Kummer's 1F1(1/2; d/2; -s) for s >= 0, the mean of exp(-s u^2) over a coordinate u of the unit sphere; float64.

    It is (1 + 4s/(2d-3))^(-1/2) for large d, times a polynomial in s/(s + d/2) that is fitted once for each d.
    """
    s = s.double()
    if d == 1:
        return torch.exp(-s)
    at, value = 2 * s / (s + d / 2) - 1, torch.zeros_like(s)
    for c in fit_correction(d):
        value = value * at + c
    return value * (1 + 4 * s / (2 * d - 3)).rsqrt()


@cache
def fit_correction(d: int) -> tuple[float, ...]:
    """The coefficients of that polynomial, the highest first, by interpolation at Chebyshev points.

    Its degree is 20 at d = 2 and lower where that suffices.
    """
    from numpy.polynomial import Chebyshev, Polynomial
    from scipy.special import hyp1f1

    def compute_ratio(at: np.ndarray) -> np.ndarray:
        s = d / 2 * (1 + at) / (1 - at)
        return hyp1f1(0.5, d / 2, -s) * np.sqrt(1 + 4 * s / (2 * d - 3))

    polynomial = Chebyshev.interpolate(compute_ratio, DEGREE).trim(NEGLIGIBLE).convert(kind=Polynomial)
    return tuple(float(c) for c in polynomial.coef[::-1])


@hookimpl
def vimae_divergences() -> Mapping[str, Callable[..., Divergence]]:
    return {"cramer_wold": CramerWold}
