"""The entropy of the aggregated posterior q(z) = E_x q(z|x), and what follows from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil, lgamma, log, pi
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge
from scipy.spatial import KDTree
from scipy.special import digamma
from torch import Tensor

from vimae_bench.data import choose_places
from vimae_bench.functional import estimate_mean
from vimae_bench.models import DiracPosterior, GaussianPosterior
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, hookimpl

from ._shared.atoms import has_atoms
from ._shared.blocks import estimate_block_error, split_blocks

NEAREST_NEIGHBOUR_LATENTS = 8
AT_ONCE = 16
SETS = 5
LEAST_BLOCK = 40


@dataclass(frozen=True)
class Entropy(Metric):
    """h(q(z)), h(q(z)) - h(p(z)), KL(q(z) || p(z)) and the mutual information I(x; z) under q, in nats.

    Gaussian encoders: q(z) is the mixture of the posteriors of all N training images, and `draws` draws of it, in five
    sets that all runs share, give unbiased means. `mutual information` is the mean of log q(z|x) - log q(z) over them,
    which is the rate on the training images less `marginal kl` (the index-code information of Hoffman and Johnson
    2016), at most log N. Standard errors are those of fresh draws, given the model and its training images.

    Deterministic encoders of up to 8 latents: the estimate of Kozachenko and Leonenko (1987) from the distances of the
    test codes to their `neighbours`-th neighbours. Above 8 latents its bias is of the order of whole nats, and all
    measures are left out; the mutual information always is, being infinite. Standard errors are those of fresh test
    images, from the spread over up to 20 random blocks of at least 40 images; there is none for fewer than 200 images.

    If codes of a deterministic encoder are repeated, since test images are or since the encoder maps many images to one
    code, q(z) has atoms, its entropy is minus infinity and its KL infinite: all measures are left out.

    The entropy of a prior that has no closed form is a mean over 100,000 draws, whose error is not counted.
    """

    version: ClassVar[int] = 2
    changes: ClassVar[tuple[str, ...]] = (
        "repeated codes leave it out, the draws are shared by all runs, errors allow for shared neighbours",
    )
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
    use_for: ClassVar[str] = "whether codes fill the prior, for Gaussian encoders or at most 8 latents"

    draws: Annotated[int, Ge(2)] = 2000
    neighbours: Annotated[int, Ge(1)] = 3

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure(
                "entropy",
                "nats",
                None,
                topic="Information",
                display_name="Entropy of codes",
                description="Differential entropy h(q(z)) of the distribution of all codes.",
            ),
            Measure(
                "entropy gap",
                "nats",
                None,
                topic="Prior match",
                display_name="Entropy gap",
                description=(
                    "Entropy of the distribution of all codes less that of the prior: below 0 they fill less room than "
                    "it, above 0 more."
                ),
                target=0.0,
            ),
            Measure(
                "marginal kl",
                "nats",
                "lower",
                rewards_collapse=True,
                topic="Prior match",
                display_name="KL to prior",
                description="KL divergence KL(q(z) || p(z)) of the distribution of all codes from the prior.",
            ),
            Measure(
                "mutual information",
                "nats",
                None,
                topic="Information",
                display_name="Mutual information",
                description="Mutual information I(x; z) of training images and codes, at most log N.",
            ),
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        with torch.inference_mode():
            if isinstance(evaluation.posterior("test"), DiracPosterior):
                return self._measure_codes(evaluation)
            q = evaluation.posterior("train")
            return self._measure_mixture(evaluation, q) if isinstance(q, GaussianPosterior) else {}

    def _measure_mixture(self, evaluation: Evaluation, q: GaussianPosterior) -> dict[str, Estimate]:
        q = GaussianPosterior(q.m.double(), q.l.double())
        size = ceil(self.draws / SETS)

        def draw_set() -> tuple[Tensor, Tensor]:
            drawn = torch.randint(len(q.m), (size,), device=q.m.device)
            component = GaussianPosterior(q.m[drawn], q.l[drawn])
            z = component.rsample()
            return z, component.log_prob(z)

        sets = [evaluation.with_seed(draw_set, "entropy", draw=draw) for draw in range(SETS)]
        z, log_component = (torch.cat(parts) for parts in zip(*sets, strict=True))
        log_q = mixture_log_prob(z, q)
        values = {**_compare_with_prior(evaluation, z, -log_q), "mutual information": log_component - log_q}
        return {name: estimate_sets(of) for name, of in values.items()}

    def _measure_codes(self, evaluation: Evaluation) -> dict[str, Estimate]:
        z = evaluation.posterior("test").mean
        if z.shape[1] > NEAREST_NEIGHBOUR_LATENTS or len(z) <= self.neighbours or has_atoms(z):
            return {}
        places = choose_places(len(z), len(z), "entropy", evaluation.dataset)
        z = z[torch.from_numpy(places).to(z.device)].double()
        terms = entropy_terms(z, self.neighbours)
        if not terms.isfinite().all():  # rounding has left nothing between a code and its neighbours
            return {}
        values = _compare_with_prior(evaluation, z, terms)
        blocks = [z[block] for block in split_blocks(len(z), max(LEAST_BLOCK, 10 * self.neighbours))]
        spread = [_compare_with_prior(evaluation, block, entropy_terms(block, self.neighbours)) for block in blocks]
        return {
            name: Estimate(float(of.mean()), len(z), estimate_block_error([block[name] for block in spread]))
            for name, of in values.items()
        }


def _compare_with_prior(evaluation: Evaluation, z: Tensor, surprise: Tensor) -> dict[str, Tensor]:
    """Values [n] whose means are the measures, from codes z [n, d] and values [n] whose mean is h(q(z))."""
    prior = evaluation.model.prior
    known = evaluation.compute_once("prior entropy", lambda: evaluation.with_seed(prior.entropy, "prior entropy"))
    values = {"entropy": surprise, "entropy gap": surprise - float(known)}
    log_p = prior.log_prob(z.float())
    # A code where the prior has no mass makes the divergence infinite.
    return values | ({"marginal kl": -surprise - log_p} if log_p.isfinite().all() else {})


def estimate_sets(x: Tensor) -> Estimate:
    """The mean of independent values [n], and the means of the sets that they are drawn in."""
    return replace(estimate_mean(x), per_draw=tuple(x.double().unflatten(0, (SETS, -1)).mean(1).tolist()))


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
