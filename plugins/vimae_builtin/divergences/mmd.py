"""The squared maximum mean discrepancy to fresh draws of the prior."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Gt
from torch import Tensor

from vimae_bench.functional import Statistic, median_bandwidth, mmd2
from vimae_bench.models import Prior
from vimae_bench.plugin import Divergence, DivergenceContext, hookimpl


@dataclass(frozen=True)
class MMD(Divergence):
    """MMD^2 between codes and as many draws of the prior, as in WAE-MMD (1711.01558): neither square root nor clamp.

    `imq` is the seven-scale inverse multiquadric of the WAE code, with C = t * 2d * bandwidth^2 (bandwidth 1 unless
    given, as in pythae); `rbf` is exp(-r^2/(2 bandwidth^2)), or InfoVAE's exp(-r^2/d^2)
    (1706.02262) where no bandwidth is given; `rbf_median` is the WAE code's other kernel, whose bandwidth is set by the
    median distances of the batch. With it the `unbiased` statistic is biased, as the kernel depends on the sample.
    """

    kernel: Literal["imq", "rbf", "rbf_median"] = "imq"
    bandwidth: Annotated[float, Gt(0)] | None = None
    statistic: Statistic = "unbiased"

    def __post_init__(self):
        if self.kernel == "rbf_median" and self.bandwidth is not None:
            raise ValueError("rbf_median sets its bandwidth itself; use rbf to set it")

    def loss(self, z: Tensor, prior: Prior, context: DivergenceContext) -> Tensor:  # noqa: ARG002
        p = prior.sample(len(z))
        if self.kernel == "rbf_median":
            return mmd2(z, p, "rbf", median_bandwidth(z, p), self.statistic)
        return mmd2(z, p, self.kernel, self.bandwidth, self.statistic)


@hookimpl
def vimae_divergences() -> Mapping[str, Callable[..., Divergence]]:
    return {"mmd": MMD}
