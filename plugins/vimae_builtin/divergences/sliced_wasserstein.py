"""The sliced Wasserstein distance to fresh draws of the prior."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor
from torch.nn.functional import normalize

from vimae_bench.models import Prior
from vimae_bench.plugin import Divergence, DivergenceContext, hookimpl


@dataclass(frozen=True)
class SlicedWasserstein(Divergence):
    """The mean over random directions of the squared 2-Wasserstein distance along them (Kolouri et al., 1804.01947).

    Codes and as many draws of the prior are projected on `projections` fresh directions, uniform on the sphere, and
    matched in order. In units of a code's square; from samples it is biased upwards, by about loglog(n)/n for two
    equal Gaussians, as two finite samples never agree. N(m, s^2 I) is |m|^2/d + (s - 1)^2 from N(0, I).
    """

    projections: Annotated[int, Ge(1)] = 50

    def loss(self, z: Tensor, prior: Prior, context: DivergenceContext) -> Tensor:  # noqa: ARG002
        p = prior.sample(len(z)).to(z.dtype)
        directions = normalize(torch.randn(z.shape[1], self.projections, dtype=z.dtype, device=z.device), dim=0)
        return ((z @ directions).sort(0).values - (p @ directions).sort(0).values).square().mean()


@hookimpl
def vimae_divergences() -> Mapping[str, Callable[..., Divergence]]:
    return {"sliced_wasserstein": SlicedWasserstein}
