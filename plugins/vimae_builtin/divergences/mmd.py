"""The squared maximum mean discrepancy to fresh draws of the prior."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from vimae_bench import Divergence, KernelName, PriorDistribution, Statistic, hookimpl, mmd2


@dataclass(frozen=True)
class MMD:
    """MMD^2 between codes and as many draws of the prior, as WAE-MMD penalises it (1711.01558): neither root nor clamp.

    `imq` is the seven-scale inverse multiquadric of the WAE code, with C = t * 2d * bandwidth^2 (bandwidth 1 unless
    given); `rbf` is exp(-r^2/(2 bandwidth^2)), or InfoVAE's exp(-r^2/d^2) (1706.02262) where no bandwidth is given.
    """

    kernel: KernelName = "imq"
    bandwidth: Annotated[float, Gt(0)] | None = None
    statistic: Statistic = "unbiased"

    def __call__(self, z: Tensor, prior: PriorDistribution) -> Tensor:
        return mmd2(z, prior.sample(len(z)), self.kernel, self.bandwidth, self.statistic)


@hookimpl
def vimae_divergences() -> Mapping[str, Callable[..., Divergence]]:
    return {"mmd": MMD}
