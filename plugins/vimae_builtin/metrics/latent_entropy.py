"""What can be said of the entropy of q(z) in many dimensions: a bound, and the entropies of single dimensions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import e, inf, log, pi, sqrt
from typing import ClassVar

import torch
from torch import Tensor

from vimae_bench.functional import estimate_mean
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, Splits, hookimpl

from ._shared.atoms import has_marginal_atoms
from ._shared.codes import draw_codes
from ._shared.covariance import compute_logdet_bias

SINGULAR = 1e-6
"""The share of a dimension's standard deviation that others have to leave unexplained."""
LEAST_FOR_SPACINGS = 500
"""With fewer images than this the standard error from spacings is too small, as it leaves out the ends."""


@dataclass(frozen=True)
class LatentEntropy(Metric):
    """Entropies in nats of one draw of q(z|x) for each test image, for any posterior and any number of latents.

    `latent entropy bound` is 0.5 log det(2 pi e S), S being the covariance of the n draws: the entropy of the Gaussian
    with their moments, and so an upper bound of h(q(z)). `latent marginal entropy` is the mean of h(z_k) over
    dimensions, from spacings of m = n^(1/3) order statistics (Vasicek 1976) less their bias for a uniform distribution;
    d times it is another upper bound. The prior's values to compare with are 1.4189 a dimension for a normal one,
    1.4046 for a logistic one. Either is left out where it is infinite: a dimension does not vary, is a combination of
    others, or has a value that is repeated, and so a probability of its own.

    Values are means over 5 draws of each code, which all runs share. Standard errors are those of fresh test images and
    draws. That of `latent entropy bound` is exact for Gaussian codes and any n, and corrected by the spread of the
    codes' distances from their mean; there is none for n = d + 1 random codes. `latent marginal entropy` has one from
    500 images on.
    """

    version: ClassVar[int] = 2
    changes: ClassVar[tuple[str, ...]] = (
        "values are means over 5 draws that all runs share, and errors hold for few images",
    )
    estimator: ClassVar[str] = "log determinant of the covariance, corrected as for Gaussian codes; m-spacings"
    bias: ClassVar[str] = (
        "latent entropy bound: an upper bound of h(q(z)), unbiased for Gaussian codes; latent marginal entropy: below "
        "0.01 nats upwards from 1,000 images on, for smooth densities"
    )
    source: ClassVar[str] = (
        "Vasicek, JRSS B 38, 1976; Wieczorkowski and Grzegorzewski, Comm. Statist. Simul. 28, 1999 (its bias); "
        "Cressie, Biometrika 63, 1976 (its variance)"
    )
    use_for: ClassVar[str] = "the entropy of codes of many latents, as a bound"

    def check(self, splits: Splits, spec: ModelSpec) -> None:
        if len(splits.test) <= spec.latent:
            raise ValueError(
                f"latent_entropy: too few test images, {len(splits.test)}, for a covariance of {spec.latent} latents; "
                f"take more than {spec.latent} images"
            )

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure(
                "latent entropy bound",
                "nats",
                None,
                topic="Information",
                display_name="Entropy of codes (bound)",
                description="Entropy of the Gaussian with the covariance of the codes: an upper bound on theirs.",
            ),
            Measure(
                "latent marginal entropy",
                "nats",
                None,
                topic="Information",
                display_name="Entropy of a dimension",
                description="Entropy of a single latent dimension, a mean over dimensions; 1.42 for a normal one.",
            ),
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        z = draw_codes(evaluation).double()
        found = {
            "latent entropy bound": estimate_gaussian_entropy(z),
            "latent marginal entropy": estimate_marginal_entropy(z),
        }
        return {name: estimate for name, estimate in found.items() if estimate is not None}


def estimate_gaussian_entropy(z: Tensor) -> Estimate | None:
    """The entropy of the Gaussian with the moments of z [draws, n, d], a mean over draws; None if it has none."""
    _, n, d = z.shape
    fits = [fit_gaussian(codes) for codes in z]
    distances = torch.stack([distance for _, distance in fits])
    if n <= d or not distances.isfinite().all():
        return None
    per_draw = tuple(d / 2 * log(2 * pi * e) + (logdet - compute_logdet_bias(n, d)) / 2 for logdet, _ in fits)
    if n == d + 1 and bool((z != z[0]).any()):  # all distances are equal, and do not tell what draws have in common
        return Estimate(sum(per_draw) / len(per_draw), n, None, per_draw)
    return Estimate(sum(per_draw) / len(per_draw), n, estimate_entropy_error(distances, d), per_draw)


def fit_gaussian(z: Tensor) -> tuple[float, Tensor]:
    """The log determinant of the covariance of z [n, d], and squared distances from the mean in its metric [n].

    The latter are infinite where the covariance is singular.
    """
    centred = z - z.mean(0)
    scale = centred.std(0)
    root, failed = torch.linalg.cholesky_ex(torch.atleast_2d(torch.corrcoef(centred.T)))
    if failed or len(z) <= z.shape[1] or root.diagonal().min() < SINGULAR:
        return -inf, torch.full_like(z[:, 0], torch.inf)
    u = torch.linalg.solve_triangular(root, (centred / scale).T, upper=False)
    return float(2 * (scale.log().sum() + root.diagonal().log().sum())), u.square().sum(0)


def estimate_entropy_error(distances: Tensor, d: int) -> float:
    """The standard error of a Gaussian entropy from squared distances [draws, n] of codes of d dimensions.

    Of n Gaussian codes the log determinant has the variance sum_i psi'((n - i)/2), i = 1 to d (Wishart). For large n
    the variance is that of the squared distances over n whatever the distribution is, so it is multiplied by how much
    the distances, of which each is a mean over draws, vary in terms of Gaussian ones: these are (n-1)^2/n times a beta
    variate of d/2 and (n-1-d)/2.
    """
    n = distances.shape[1]
    i = torch.arange(1, d + 1, dtype=torch.float64)
    variance = float(torch.polygamma(1, (n - i) / 2).sum()) / 4
    if n == d + 1:
        return sqrt(variance)
    expected = 2 * (n - 1) * d * (n - 1 - d) / (n * (n + 1))
    return sqrt(variance * float(distances.mean(0).var()) / expected)


def estimate_marginal_entropy(z: Tensor) -> Estimate | None:
    """The mean entropy of the dimensions of z [draws, n, d], a mean over draws; None if a dimension has atoms.

    Terms of neighbouring points have most of their points in common, so that their mean varies by less than that of
    independent ones: the variance of log-spacings of 2m, psi'(2m), is replaced by what it is in the mean of
    overlapping ones, (2(2m)^2 - 2(2m) + 1) psi'(2m) - 2(2m) + 1 (Cressie, Biometrika 63, 1976).
    """
    draws, n, d = z.shape
    terms = torch.stack([spacing_terms(codes) for codes in z])
    if not terms.isfinite().all() or has_marginal_atoms(z[0]):
        return None
    means = estimate_mean(terms.mean((0, 2)))
    per_draw = tuple(terms.mean((1, 2)).tolist())
    if means.se is None or n < LEAST_FOR_SPACINGS:
        return Estimate(means.value, n, None, per_draw)
    step = 2 * choose_spacing(n)
    alone = float(torch.polygamma(1, torch.tensor(float(step), dtype=torch.float64)))
    overlapping = (2 * step**2 - 2 * step + 1) * alone - 2 * step + 1
    variance = means.se**2 - (alone - overlapping) / (n * d * draws)
    return Estimate(means.value, n, sqrt(max(variance, overlapping / (n * d * draws))), per_draw)


def spacing_terms(z: Tensor) -> Tensor:
    """Values [n, d] whose mean over n is the entropy of each dimension of z [n, d], in the order of the points."""
    n = len(z)
    m = choose_spacing(n)
    ordered, place = z.sort(0)
    i = torch.arange(n, device=z.device)
    spacing = ordered[(i + m).clamp(max=n - 1)] - ordered[(i - m).clamp(min=0)]
    terms = (spacing * n / (2 * m)).log() - spacing_bias(n, m)
    return torch.empty_like(terms).scatter_(0, place, terms)


def choose_spacing(n: int) -> int:
    """The number m of order statistics to each side."""
    return max(1, round(n ** (1 / 3)))


def spacing_bias(n: int, m: int) -> float:
    """The bias of Vasicek's estimate from n points for a uniform distribution, where it is known exactly."""
    edge = torch.arange(1, m + 1, dtype=torch.float64) + m - 1
    two_m, after = (torch.digamma(torch.tensor(float(x), dtype=torch.float64)) for x in (2 * m, n + 1))
    inner = (1 - 2 * m / n) * two_m + 2 / n * torch.digamma(edge).sum() - after
    return float(log(n / (2 * m)) + inner)


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"latent_entropy": LatentEntropy}
