"""What can be said of the entropy of q(z) in many dimensions: a bound, and the entropies of single dimensions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import e, log, pi
from typing import ClassVar

import torch
from torch import Tensor

from vimae_bench.functional import estimate_mean
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, Splits, hookimpl

from ._shared.covariance import compute_logdet_bias

SINGULAR = 1e-6
"""The share of a dimension's standard deviation that others have to leave unexplained."""


@dataclass(frozen=True)
class LatentEntropy(Metric):
    """Entropies in nats of one draw of q(z|x) for each test image, for any posterior and any number of latents.

    `latent entropy bound` is 0.5 log det(2 pi e S), S being the covariance of the n draws: the entropy of the Gaussian
    with their moments, and so an upper bound of h(q(z)). `latent marginal entropy` is the mean of h(z_k) over
    dimensions, from spacings of m = n^(1/3) order statistics (Vasicek 1976) less their bias for a uniform distribution;
    d times it is another upper bound. The prior's values to compare with are 1.4189 a dimension for a normal one,
    1.4046 for a logistic one. Either is left out where it is infinite: a dimension does not vary, or is a combination
    of others.

    Standard errors are those of sampling n images.
    """

    estimator: ClassVar[str] = "log determinant of the covariance, corrected as for Gaussian codes; m-spacings"
    bias: ClassVar[str] = (
        "latent entropy bound: an upper bound of h(q(z)), unbiased for Gaussian codes; latent marginal entropy: below "
        "0.01 nats upwards from 1,000 images on, for smooth densities"
    )
    source: ClassVar[str] = (
        "Vasicek, JRSS B 38, 1976; Wieczorkowski and Grzegorzewski, Comm. Statist. Simul. 28, 1999 (its bias)"
    )

    def check(self, splits: Splits, spec: ModelSpec) -> None:
        if len(splits.test) <= spec.latent:
            raise ValueError(
                f"latent_entropy: {len(splits.test)} test images have no covariance of {spec.latent} latents; "
                f"take more than {spec.latent} images"
            )

    def measures(self) -> tuple[Measure, ...]:
        return Measure("latent entropy bound", "nats", None), Measure("latent marginal entropy", "nats", None)

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        z = evaluation.posterior_samples("test").double()
        terms = {"latent entropy bound": gaussian_terms(z), "latent marginal entropy": spacing_terms(z).mean(1)}
        return {name: estimate_mean(of) for name, of in terms.items() if of.isfinite().all()}


def gaussian_terms(z: Tensor) -> Tensor:
    """Values [n] whose mean is the entropy of the Gaussian with the moments of z [n, d]; not finite if that has none.

    They vary as the estimate does with each of the n points, so that their spread gives its standard error.
    """
    n, d = z.shape
    centred = z - z.mean(0)
    scale = centred.std(0)
    root, failed = torch.linalg.cholesky_ex(torch.atleast_2d(torch.corrcoef(centred.T)))
    if failed or n <= d or root.diagonal().min() < SINGULAR:
        return torch.full_like(z[:, 0], -torch.inf)
    logdet = 2 * (scale.log().sum() + root.diagonal().log().sum()) - compute_logdet_bias(n, d)
    u = torch.linalg.solve_triangular(root, (centred / scale).T, upper=False)
    influence = u.square().sum(0)
    return 0.5 * (d * log(2 * pi * e) + logdet + influence - influence.mean())


def spacing_terms(z: Tensor) -> Tensor:
    """Values [n, d] whose mean over n is the entropy of each dimension of z [n, d], in the order of the points."""
    n = len(z)
    m = max(1, round(n ** (1 / 3)))
    ordered, place = z.sort(0)
    i = torch.arange(n, device=z.device)
    spacing = ordered[(i + m).clamp(max=n - 1)] - ordered[(i - m).clamp(min=0)]
    terms = (spacing * n / (2 * m)).log() - spacing_bias(n, m)
    return torch.empty_like(terms).scatter_(0, place, terms)


def spacing_bias(n: int, m: int) -> float:
    """The bias of Vasicek's estimate from n points for a uniform distribution, where it is known exactly."""
    edge = torch.arange(1, m + 1, dtype=torch.float64) + m - 1
    two_m, after = (torch.digamma(torch.tensor(float(x), dtype=torch.float64)) for x in (2 * m, n + 1))
    inner = (1 - 2 * m / n) * two_m + 2 / n * torch.digamma(edge).sum() - after
    return float(log(n / (2 * m)) + inner)


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"latent_entropy": LatentEntropy}
