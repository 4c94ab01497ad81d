"""How far the aggregated posterior q(z) is from a prior, as a maximum mean discrepancy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import copysign, log, pi, sqrt
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge
from torch import Tensor

from vimae_bench.functional import KernelName, estimate_mean, mmd2
from vimae_bench.models import Prior
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, hookimpl

BLOCKS = 20
REPLICATE = 500

Sample = Callable[[int, str], Tensor]
"""Draws of a distribution, from the stream of this purpose."""


@dataclass(frozen=True)
class AggregateMMD(Metric):
    """MMD^2 between one draw of q(z|x) for each of n test images and n draws of N(0, I), or of the model's own prior.

    `mmd2` is the unbiased statistic against N(0, I) and may be negative; `mmd` is its root with its sign; `mmd p` is
    the share of `replicates` comparisons of N(0, I) with itself that give as much or more, the probability of the
    value if q = p. `mmd2 prior`, `mmd prior` and `mmd p prior` are the same against the model's prior. The standard
    error of `mmd2` is that of the mean over 20 disjoint random blocks: up to four times too large where q is p.

    Replicates are made of 500 draws at most: n * MMD^2 of a distribution with itself has one distribution for all large
    n (Gretton et al., JMLR 13, 2012). A model that ignores its data has a perfect value.
    """

    estimator: ClassVar[str] = (
        "all pairs of one draw of q(z|x) an image and as many draws of the prior, none with itself"
    )
    bias: ClassVar[str] = (
        "`mmd2` none, so it may be negative; `mmd` downwards near 0; `mmd p` at least 1/(replicates + 1)"
    )
    source: ClassVar[str] = "Gretton et al., JMLR 13, 2012, equation 3; kernel of github.com/tolstikhin/wae"

    kernel: KernelName = "imq"
    replicates: Annotated[int, Ge(19)] = 200

    def measures(self) -> tuple[Measure, ...]:
        return tuple(
            measure
            for suffix in ("", " prior")
            for measure in (
                Measure(
                    f"mmd2{suffix}",
                    "",
                    "lower",
                    rewards_collapse=True,
                    is_hidden=not suffix,
                    family=f"prior mismatch{suffix}",
                ),
                Measure(f"mmd{suffix}", "", "lower", rewards_collapse=True, is_hidden=True),
                Measure(f"mmd p{suffix}", "", None),
            )
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        z = evaluation.posterior_samples("test")
        # Neighbouring images may be of one class or one hand: blocks of them would not be samples of q(z).
        z = z[evaluation.with_seed(lambda: torch.randperm(len(z)), "mmd blocks").to(z.device)]

        def normal(n: int, purpose: str) -> Tensor:
            return evaluation.with_seed(lambda: torch.randn(n, z.shape[1], device=z.device), "normal", purpose)

        to_normal = self._compare_with(normal, z)
        same = is_standard_normal(evaluation.model.prior, z)
        to_prior = to_normal if same else self._compare_with(evaluation.prior_samples, z)
        return {**to_normal, **{f"{name} prior": estimate for name, estimate in to_prior.items()}}

    def _compare_with(self, sample: Sample, z: Tensor) -> dict[str, Estimate]:
        n, p = len(z), sample(len(z), "mmd")
        value, se = float(mmd2(z, p, self.kernel)), self._estimate_over_blocks(z, p).se
        # Half the width of the interval value +- se, which the delta method gives away from 0 and not near it.
        root_se = None if se is None else (signed_root(value + se) - signed_root(value - se)) / 2
        return {
            "mmd2": Estimate(value, n, se),
            "mmd": Estimate(signed_root(value), n, root_se),
            "mmd p": self._estimate_p_value(sample, n, value),
        }

    def _estimate_over_blocks(self, z: Tensor, p: Tensor) -> Estimate:
        size = max(2, len(z) // BLOCKS)
        pairs = list(zip(z.split(size), p.split(size), strict=True))[: min(BLOCKS, len(z) // size)]
        return estimate_mean(torch.stack([mmd2(a, b, self.kernel) for a, b in pairs]))

    def _estimate_p_value(self, sample: Sample, n: int, value: float) -> Estimate:
        size = min(n, REPLICATE)
        draws = sample(2 * size * self.replicates, "mmd null").unflatten(0, (self.replicates, 2, size))
        null = torch.stack([mmd2(a, b, self.kernel) for a, b in draws])
        exceeded = int((size * null >= n * value).sum())
        return Estimate((1 + exceeded) / (1 + self.replicates), self.replicates)


def signed_root(value: float) -> float:
    """The square root of |value| with the sign of the value."""
    return copysign(sqrt(abs(value)), value)


def is_standard_normal(prior: Prior, z: Tensor) -> bool:
    """Whether the prior's density is that of N(0, I) at all of these codes, so that one comparison serves for both."""
    with torch.inference_mode():
        return torch.allclose(prior.log_prob(z), -0.5 * (z.square() + log(2 * pi)).sum(-1), atol=1e-4)


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"aggregate_mmd": AggregateMMD}
