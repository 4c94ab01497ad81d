"""How far the aggregated posterior q(z) is from a prior, as a maximum mean discrepancy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import copysign, log, pi, sqrt
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge
from torch import Tensor

from vimae_bench.data import choose_places
from vimae_bench.functional import KernelName, estimate_mmd2, mmd2
from vimae_bench.models import Prior
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, Splits, hookimpl

from ._shared.codes import DRAWS, draw_codes

REPLICATE = 500
COST_IMAGES = 10_000
FAR = 3

Sample = Callable[[int, str, int | None], Tensor]
"""So many draws of a distribution, from the stream of this purpose: the run's own, or that of a shared draw."""


@dataclass(frozen=True)
class AggregateMMD(Metric):
    """MMD^2 between one draw of q(z|x) for each of n test images and n draws of N(0, I), or of the model's own prior.

    Time grows with n^2. With `images`, so many of the test images are chosen at random, the same for all methods and
    runs, where there are more.

    `mmd2` is the unbiased statistic against N(0, I) and may be negative, a mean over 5 draws of both samples, which all
    runs share; `mmd` is its root with its sign; `mmd p` is the share of `replicates` comparisons of N(0, I) with itself
    that give as much as the first draw or more, the probability of the value if q = p. `mmd2 prior`, `mmd prior` and
    `mmd p prior` are the same against the model's prior.

    The standard error of `mmd2` is that of fresh test images and fresh draws for one model, as of a U-statistic; there
    is none for fewer than 20 images. `mmd` has one where it is at least three errors of `mmd2` away from 0.

    Replicates are made of 500 draws at most: n * MMD^2 of a distribution with itself has one distribution for all large
    n (Gretton et al., JMLR 13, 2012). A model that ignores its data has a perfect value.
    """

    version: ClassVar[int] = 2
    changes: ClassVar[tuple[str, ...]] = (
        "values are means over 5 draws that all runs share, and errors are those of a U-statistic",
    )
    estimator: ClassVar[str] = (
        "all pairs of one draw of q(z|x) an image and as many draws of the prior, none with itself"
    )
    bias: ClassVar[str] = (
        "`mmd2` none, so it may be negative; `mmd` downwards near 0; `mmd p` at least 1/(replicates + 1)"
    )
    source: ClassVar[str] = "Gretton et al., JMLR 13, 2012, equation 3; kernel of github.com/tolstikhin/wae"
    use_for: ClassVar[str] = "whether codes follow the prior, for any number of latents"

    kernel: KernelName = "imq"
    replicates: Annotated[int, Ge(19)] = 200
    images: Annotated[int, Ge(2)] | None = None

    def measures(self) -> tuple[Measure, ...]:
        return tuple(
            measure
            for suffix, of, long in (
                ("", "N(0, I)", "a standard normal distribution"),
                (" prior", "prior", "the model's own prior"),
            )
            for measure in (
                Measure(
                    f"mmd2{suffix}",
                    "",
                    "lower",
                    rewards_collapse=True,
                    is_hidden=not suffix,
                    family=f"prior mismatch{suffix}",
                    topic="Prior match",
                    display_name=f"MMD² to {of}",
                    description=f"Squared maximum mean discrepancy of codes from {long}; 0 if they are alike.",
                ),
                Measure(
                    f"mmd{suffix}",
                    "",
                    "lower",
                    rewards_collapse=True,
                    is_hidden=True,
                    topic="Prior match",
                    display_name=f"MMD to {of}",
                    description=f"Maximum mean discrepancy of codes from {long}, with the sign of its square.",
                ),
                Measure(
                    f"mmd p{suffix}",
                    "",
                    None,
                    topic="Prior match",
                    display_name=f"p of MMD² to {of}",
                    description=f"Probability of an MMD² as large or larger if codes were draws of {long}.",
                ),
            )
        )

    def check(self, splits: Splits, spec: ModelSpec) -> None:  # noqa: ARG002
        """Raises ValueError for a single test image, which has no other to be compared with."""
        if (n := len(splits.test)) < 2:
            raise ValueError(f"aggregate_mmd: there is {n} test image; it takes 2 or more, and 20 for a standard error")

    def cost(self, spec: ModelSpec, device: str) -> float:  # noqa: ARG002
        """Of so many `images`, or of 10,000 test images: twenty kernels for each pair of them."""
        return (self.images or COST_IMAGES) ** 2 * (1.2e-7 if device == "cpu" else 4e-9)

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        z = draw_codes(evaluation)
        if self.images is not None and z.shape[1] > self.images:
            places = choose_places(z.shape[1], self.images, "aggregate_mmd", evaluation.dataset)
            z = z[:, torch.from_numpy(places).to(z.device)]

        def normal(n: int, purpose: str, draw: int | None) -> Tensor:
            return evaluation.with_seed(
                lambda: torch.randn(n, z.shape[-1], device=z.device), "normal", purpose, draw=draw
            )

        to_normal = self._compare_with(normal, z)
        same = is_standard_normal(evaluation.model.prior, z[0])
        to_prior = to_normal if same else self._compare_with(evaluation.prior_samples, z)
        return {**to_normal, **{f"{name} prior": estimate for name, estimate in to_prior.items()}}

    def _compare_with(self, sample: Sample, z: Tensor) -> dict[str, Estimate]:
        n = z.shape[1]
        found = estimate_mmd2(z, torch.stack([sample(n, "mmd", draw) for draw in range(DRAWS)]), self.kernel)
        return {
            "mmd2": found,
            "mmd": estimate_root(found),
            "mmd p": self._estimate_p_value(sample, n, found.per_draw[0]),
        }

    def _estimate_p_value(self, sample: Sample, n: int, value: float) -> Estimate:
        size = min(n, REPLICATE)
        draws = sample(2 * size * self.replicates, "mmd null", None).unflatten(0, (self.replicates, 2, size))
        null = torch.stack([mmd2(a, b, self.kernel) for a, b in draws])
        exceeded = int((size * null >= n * value).sum())
        return Estimate((1 + exceeded) / (1 + self.replicates), self.replicates)


def estimate_root(squared: Estimate) -> Estimate:
    """The root of an MMD^2 with its sign; near 0 its distribution is no longer normal, and no error is known."""
    root = signed_root(squared.value)
    is_far = squared.se is not None and abs(squared.value) >= FAR * squared.se > 0
    return Estimate(root, squared.n, squared.se / (2 * abs(root)) if is_far and squared.se is not None else None)


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
