"""The VAE trained at a given rate."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt, Le

from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, Gaussian
from vimae_bench.plugin import Batch, Loss, Objective, hookimpl


@dataclass(frozen=True)
class RateTarget(Objective):
    """Minimises c * SSE + gamma * |mean KL(q(z|x) || p(z)) - rate|, with c = `recon_scale` (1711.00464).

    The absolute value is of the mean over the batch, since a rate is an expectation; its subgradient where both are
    equal is 0. The target grows linearly from 0 over the first `anneal` of training (1804.03599); 0: it is `rate` from
    the start. While the rate is below the target, gamma rewards more of it. The KL has to be in closed form: the
    absolute value of a noisy mean would be biased.
    """

    formula: ClassVar[str] = "recon_scale * SSE + gamma * |mean KL(q(z|x) || p(z)) - rate|"
    source: ClassVar[str] = "Alemi et al., 1711.00464; the growing target: Burgess et al., 1804.03599"
    special_cases: ClassVar[tuple[str, ...]] = ("rate = 0: elbo with beta = gamma",)

    rate: Annotated[float, Ge(0)] = 10.0
    gamma: Annotated[float, Gt(0)] = 1.0
    anneal: Annotated[float, Ge(0), Le(1)] = 0.0
    recon_scale: Annotated[float, Gt(0)] = 1.0

    def posterior(self) -> Gaussian:
        return Gaussian()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        kl = model.prior.kl(q, z).mean()
        growth = (batch.progress / self.anneal).clamp(max=1) if self.anneal else torch.ones_like(batch.progress)
        target = self.rate * growth
        total = self.recon_scale * sse + self.gamma * (kl - target).abs()
        return Loss(total, {"sse": sse, "kl": kl, "target": target})

    def check(self, model: Autoencoder) -> None:
        """Raises ValueError for a prior whose KL from a diagonal Gaussian is not known in closed form."""
        if not model.prior.closed_form_kl:
            raise ValueError(
                f"{type(model.prior).__name__} has no closed form of the KL from a diagonal Gaussian, and the absolute "
                "value of an estimate is biased; use the prior 'normal'"
            )


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"rate_target": RateTarget}
