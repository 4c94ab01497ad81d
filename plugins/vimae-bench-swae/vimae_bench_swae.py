"""The sliced Wasserstein autoencoder, an objective for vimae-bench."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt
from torch import Tensor
from torch.nn.functional import normalize

from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, Deterministic
from vimae_bench.plugin import Batch, Loss, Objective, hookimpl


@dataclass(frozen=True)
class SlicedWasserstein(Objective):
    """Minimises c * SSE + weight * SW(q(z), p(z)), with SW over `projections` directions and c = `recon_scale`.

    Kolouri et al. 2018 (1804.01947): a deterministic code is carried to as many draws of the prior along random lines.
    """

    formula: ClassVar[str] = "recon_scale * SSE + weight * SW(q(z), p(z))"
    source: ClassVar[str] = "Kolouri et al. 2018, 1804.01947"

    weight: Annotated[float, Ge(0)] = 10.0
    projections: Annotated[int, Ge(1)] = 50
    recon_scale: Annotated[float, Gt(0)] = 1.0

    def posterior(self) -> Deterministic:
        return Deterministic()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        z = model.encode(batch.x).mean
        sse = squared_error(batch.x, model.decode(z)).mean()
        distance = sliced_wasserstein(z, model.prior.sample(len(z)), self.projections)
        total = self.recon_scale * sse + self.weight * distance
        return Loss(total, {"sse": sse, "sliced_wasserstein": distance})


def sliced_wasserstein(a: Tensor, b: Tensor, projections: int) -> Tensor:
    """Mean over random directions of the squared 2-Wasserstein distance of samples a and b, both [n, d], along them."""
    lines = normalize(torch.randn(a.shape[1], projections, dtype=a.dtype, device=a.device), dim=0)
    return ((a @ lines).sort(0).values - (b @ lines).sort(0).values).square().mean()


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"swae": SlicedWasserstein}
