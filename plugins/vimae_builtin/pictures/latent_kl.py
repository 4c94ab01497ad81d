"""How many nats each latent dimension costs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log, pi, sqrt

import numpy as np
import torch
from torch import Tensor

from vimae_bench.data import choose_places
from vimae_bench.models import DiracPosterior, GaussianPosterior, Prior, StandardNormal
from vimae_bench.plugin import BarChart, Evaluation, Picture, hookimpl

THRESHOLD, IMAGES, NODES, STEP = 0.01, 500, 24, 1e-4


@dataclass(frozen=True)
class LatentKl(Picture):
    """Mean KL(q(z_k|x) || p(z_k)) of each latent dimension over test images in nats, the largest first.

    They add up to the rate. Under N(0, I) in closed form, over all test images; under another prior with independent
    dimensions by Gauss-Hermite quadrature with 24 nodes, over 500 test images, the same for all runs on a data set. The
    line is at 0.01 nats, above which a dimension counts as active (1509.00519, as in the measure `active units by kl`).
    Models whose posterior is no diagonal Gaussian, or whose prior has dependent dimensions, have no such picture.
    """

    def __call__(self, evaluation: Evaluation) -> BarChart:
        kl = _estimate_once(evaluation)
        order = kl.argsort(descending=True, stable=True).tolist()
        values = kl.cpu().numpy()[order].astype(np.float64)
        active = int((values > THRESHOLD).sum())
        return BarChart(
            values,
            f"KL of each latent dimension: {values.sum():.3g} nats in all, {active} of {len(values)} active",
            "latent dimension, by its KL",
            "mean KL to the prior [nats]",
            tuple(f"z{k + 1}" for k in order),
            THRESHOLD,
            f"active: above {THRESHOLD} nats",
        )

    def explain_absence(self, evaluation: Evaluation) -> str:
        q, prior = evaluation.posterior("test"), evaluation.model.prior
        if isinstance(q, DiracPosterior):
            return "its codes have no noise, so their KL is infinite"
        if not isinstance(q, GaussianPosterior):
            return "its posterior is no diagonal Gaussian"
        if prior.inverse_cdf(torch.full((1, prior.latent), 0.5, dtype=torch.float64, device=q.m.device)) is None:
            return "the dimensions of its prior are dependent"
        return "" if _estimate_once(evaluation).isfinite().all() else "its KL is infinite"


def estimate_unit_kl(q: GaussianPosterior, prior: Prior) -> Tensor:
    """Mean KL(q(z_k|x) || p(z_k)) [d] of a prior with independent dimensions, by quadrature; infinite where it is."""
    x, weights = (torch.from_numpy(part).to(q.m.device) for part in np.polynomial.hermite_e.hermegauss(NODES))
    medians = _invert(prior, 0.5)
    # The density of a dimension at its median is the slope of the distribution function there.
    at_median = (2 * STEP / (_invert(prior, 0.5 + STEP) - _invert(prior, 0.5 - STEP)).double()).log()
    log_p = prior.log_prob(medians).double()
    at_median = at_median + (log_p - at_median.sum()) / len(medians)  # so that the dimensions add up exactly
    values: list[Tensor] = []
    for k in range(prior.latent):
        m, std = q.m[:, k].double(), q.std[:, k].double()
        z = medians.repeat(len(x), len(m), 1)
        z[..., k] = (m + std * x[:, None]).to(z.dtype)
        expected = weights @ (prior.log_prob(z).double() - log_p + at_median[k]) / sqrt(2 * pi)
        values.append((-0.5 * (1 + log(2 * pi)) - std.log() - expected).mean())
    return torch.stack(values)


def _estimate_once(evaluation: Evaluation) -> Tensor:
    q, prior = evaluation.posterior("test"), evaluation.model.prior
    assert isinstance(q, GaussianPosterior)  # noqa: S101  # explain_absence has asked

    def estimate() -> Tensor:
        if type(prior) is StandardNormal:
            m, l = q.m.double(), q.l.double()  # noqa: E741
            return 0.5 * (m.square() + l.exp() - 1 - l).mean(0)
        places = torch.from_numpy(choose_places(len(q.m), IMAGES, "latent kl", evaluation.dataset)).to(q.m.device)
        return estimate_unit_kl(GaussianPosterior(q.m[places], q.l[places]), prior)

    with torch.inference_mode():
        return evaluation.compute_once("latent kl", estimate)


def _invert(prior: Prior, share: float) -> Tensor:
    """The code [d] at this quantile of every dimension."""
    z = prior.inverse_cdf(torch.full((1, prior.latent), share, dtype=torch.float64, device=prior.origin.device))
    assert z is not None  # noqa: S101
    return z[0]


@hookimpl
def vimae_pictures() -> Mapping[str, Callable[..., Picture]]:
    return {"latent_kl": LatentKl}
