"""The entropy of the aggregated posterior q(z) = E_x q(z|x), and what follows from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import lgamma, log, pi
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge
from scipy.spatial import KDTree
from scipy.special import digamma
from torch import Tensor

from vimae_bench.functional import estimate_mean
from vimae_bench.models import DiracPosterior, GaussianPosterior
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, hookimpl

NEAREST_NEIGHBOUR_LATENTS = 8
JITTER = 1e-10
AT_ONCE = 16


@dataclass(frozen=True)
class Entropy(Metric):
    """h(q(z)), h(q(z)) - h(p(z)), KL(q(z) || p(z)) and the mutual information I(x; z) under q, in nats.

    Gaussian encoders: q(z) is the mixture of the posteriors of all N training images, and `draws` draws of it give
    unbiased means. `mutual information` is the mean of log q(z|x) - log q(z) over them, which is the rate on the
    training images less `marginal kl` (the index-code information of Hoffman and Johnson 2016), at most log N.

    Deterministic encoders of up to 8 latents: the estimate of Kozachenko and Leonenko (1987) from the distances of the
    test codes to their `neighbours`-th neighbours. Above 8 latents its bias is of the order of whole nats, and all
    measures are left out; the mutual information always is, being infinite.

    The entropy of a prior that has no closed form is a mean over 100,000 draws, whose error is not counted.
    """

    estimator: ClassVar[str] = (
        "Gaussian encoders: Monte Carlo over the mixture of all training posteriors; deterministic ones of up to 8 "
        "latents: Kozachenko and Leonenko's, from nearest neighbours among the test codes"
    )
    bias: ClassVar[str] = (
        "none for the mixture; some hundredths of a nat, of either sign, for nearest neighbours in up to 8 dimensions"
    )
    source: ClassVar[str] = (
        "Kozachenko and Leonenko, Probl. Inf. Transm. 23, 1987; Hoffman and Johnson, NIPS workshop 2016 (the identity)"
    )

    draws: Annotated[int, Ge(2)] = 2000
    neighbours: Annotated[int, Ge(1)] = 3

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure("entropy", "nats", None),
            Measure("entropy gap", "nats", None),
            Measure("marginal kl", "nats", "lower", rewards_collapse=True),
            Measure("mutual information", "nats", None),
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        with torch.inference_mode():
            return evaluation.with_seed(lambda: self._measure(evaluation), "entropy")

    def _measure(self, evaluation: Evaluation) -> dict[str, Estimate]:
        if isinstance(evaluation.posterior("test"), DiracPosterior):
            return self._measure_codes(evaluation) if evaluation.spec.latent <= NEAREST_NEIGHBOUR_LATENTS else {}
        q = evaluation.posterior("train")
        return self._measure_mixture(evaluation, q) if isinstance(q, GaussianPosterior) else {}

    def _measure_mixture(self, evaluation: Evaluation, q: GaussianPosterior) -> dict[str, Estimate]:
        q = GaussianPosterior(q.m.double(), q.l.double())
        drawn = torch.randint(len(q.m), (self.draws,), device=q.m.device)
        component = GaussianPosterior(q.m[drawn], q.l[drawn])
        z = component.rsample()
        log_q = mixture_log_prob(z, q)
        information = estimate_mean(component.log_prob(z) - log_q)
        return {**_compare_with_prior(evaluation, z, -log_q), "mutual information": information}

    def _measure_codes(self, evaluation: Evaluation) -> dict[str, Estimate]:
        z = evaluation.posterior("test").mean.double()
        # Equal codes have no distance to take the logarithm of.
        z = z + JITTER * torch.randn_like(z)
        return _compare_with_prior(evaluation, z, entropy_terms(z, self.neighbours))


def _compare_with_prior(evaluation: Evaluation, z: Tensor, surprise: Tensor) -> dict[str, Estimate]:
    """The measures from codes z [n, d] and values [n] whose mean is h(q(z))."""
    entropy, prior = estimate_mean(surprise), evaluation.model.prior
    gap = entropy.value - float(prior.entropy())
    estimates = {"entropy": entropy, "entropy gap": Estimate(gap, entropy.n, entropy.se)}
    log_p = prior.log_prob(z.float())
    # A code where the prior has no mass makes the divergence infinite.
    return estimates | ({"marginal kl": estimate_mean(-surprise - log_p)} if log_p.isfinite().all() else {})


def mixture_log_prob(z: Tensor, q: GaussianPosterior) -> Tensor:
    """Log (1/N) sum_i q(z|x_i) in nats [M] for z [M, d], q being the posterior of N images; float64 is needed.

    The exponent is a quadratic polynomial in z, so all N*M of them are one matrix product.
    """
    precision = q.std.pow(-2)
    weights = torch.cat([-precision / 2, precision * q.m], 1).T
    constant = -(precision * q.m.square() / 2 + q.std.log() + log(2 * pi) / 2).sum(1) - log(len(q.m))
    powers = torch.cat([z.square(), z], 1)
    log_q = z.new_empty(len(z))  # one block: small results kept between large ones would leave the heap full of holes
    for some, into in zip(powers.split(AT_ONCE), log_q.split(AT_ONCE), strict=True):
        torch.logsumexp((some @ weights).add_(constant), 1, out=into)
    return log_q


def entropy_terms(z: Tensor, k: int) -> Tensor:
    """Values [n] whose mean is the Kozachenko-Leonenko estimate of the entropy in nats of codes z [n, d]."""
    n, d = z.shape
    codes = z.cpu().numpy()
    radius = torch.from_numpy(KDTree(codes).query(codes, k + 1)[0][:, k]).to(z)
    unit_ball = d / 2 * log(pi) - lgamma(d / 2 + 1)
    return d * radius.log() + unit_ball + float(digamma(n) - digamma(k))


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"entropy": Entropy}
