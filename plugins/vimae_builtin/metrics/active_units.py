"""How many latent dimensions the encoder uses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt
from torch import Tensor

from vimae_bench.models import GaussianPosterior
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, Splits, hookimpl


@dataclass(frozen=True)
class ActiveUnits(Metric):
    """Latent dimensions whose posterior mean moves with x (1509.00519).

    `active units` counts those where Var_x[m_k] over the test images is above `threshold`, and `active units by kl`
    those whose mean KL(q(z_k|x) || N(0, 1)) is above it in nats. The latter is left out for posteriors that are no
    diagonal Gaussians. Counts have no standard error.
    """

    estimator: ClassVar[str] = (
        "counts of dimensions, by the variance of posterior means and by mean KL over test images"
    )
    bias: ClassVar[str] = "none but near the threshold, where a dimension is counted or not by chance"
    source: ClassVar[str] = "Burda et al., 1509.00519, section 5.2"
    use_for: ClassVar[str] = "how many latents are used, and whether a model is near collapse"

    threshold: Annotated[float, Gt(0)] = 0.01

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure(
                "active units",
                "units",
                None,
                collapse_below=0.05,
                is_per_latent=True,
                topic="Information",
                display_name="Active units",
                description="Number of latent dimensions whose posterior mean changes from image to image.",
            ),
            Measure(
                "active units by kl",
                "units",
                None,
                topic="Information",
                display_name="Active units (by KL)",
                description="Number of latent dimensions whose mean KL divergence from the prior is above a threshold.",
            ),
        )

    def check(self, splits: Splits, spec: ModelSpec) -> None:  # noqa: ARG002
        """Raises ValueError for a single test image, from which no variance is known."""
        if (n := len(splits.test)) < 2:
            raise ValueError(f"active_units: there is {n} test image; it takes 2 or more")

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        q = evaluation.posterior("test")
        counts = {"active units": self._count_active(q.mean.double().var(0), q.mean)}
        if isinstance(q, GaussianPosterior):
            counts["active units by kl"] = self._count_active(compute_unit_kl(q), q.mean)
        return counts

    def _count_active(self, of: Tensor, codes: Tensor) -> Estimate:
        return Estimate(int((of > self.threshold).sum()), len(codes))


def compute_unit_kl(q: GaussianPosterior) -> Tensor:
    """KL(q(z_k|x) || N(0, 1)) in nats for each dimension [d], a mean over images."""
    m, l = q.m.double(), q.l.double()  # noqa: E741
    return 0.5 * (m.square() + l.exp() - 1 - l).mean(0)


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"active_units": ActiveUnits}
