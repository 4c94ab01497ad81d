"""The VAE with a calibrated decoder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log, pi
from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, Gaussian
from vimae_bench.plugin import Batch, Loss, ModelSpec, Objective, hookimpl


class LearnedVariance(nn.Module):
    """A scalar log-variance that is trained from an initial value."""

    def __init__(self, initial: float):
        super().__init__()
        self.log_variance = nn.Parameter(torch.tensor(initial))


@dataclass(frozen=True)
class SigmaVAE(Objective):
    """Minimises D/2 log(2 pi s^2) + SSE / (2 s^2) + beta * KL(q(z|x) || p(z)): the decoder's variance s^2 is fitted.

    `optimal`: s^2 is the batch's mean SSE / D, which minimises the loss at every step. `learned`: log s^2 is a
    parameter, which Adam moves by about its learning rate in each step; s starts from `initial_std`, and while s^2 is
    above the largest eigenvalue of the data's covariance, the code is idle. In both, s is kept above `min_std`, by
    default about the deviation of rounding to bytes; all in network units. There is no scale of the reconstruction to
    choose. The KL is in closed form where the prior knows one, else estimated from one draw.
    """

    formula: ClassVar[str] = "D/2 log(2 pi s^2) + SSE / (2 s^2) + beta * mean KL(q(z|x) || p(z))"
    source: ClassVar[str] = "Rybkin et al., 2006.13202"
    special_cases: ClassVar[tuple[str, ...]] = (
        "s^2 held at 1/(2c): elbo with recon_scale = c, plus the constant D/2 log(pi / c)",
    )

    variance: Literal["optimal", "learned"] = "optimal"
    beta: Annotated[float, Ge(0)] = 1.0
    min_std: Annotated[float, Gt(0)] = 1e-3
    initial_std: Annotated[float, Gt(0)] = 1.0

    def posterior(self) -> Gaussian:
        return Gaussian()

    def auxiliary(self, spec: ModelSpec) -> nn.Module:  # noqa: ARG002
        return LearnedVariance(2 * log(self.initial_std)) if self.variance == "learned" else nn.Module()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        kl = model.prior.kl(q, z).mean()
        s2 = self._compute_variance(model, sse)
        nll = model.spec.input_size / 2 * (2 * pi * s2).log() + sse / (2 * s2)
        return Loss(nll + self.beta * kl, {"sse": sse, "kl": kl, "decoder std": s2.sqrt()})

    def _compute_variance(self, model: Autoencoder, sse: Tensor) -> Tensor:
        if self.variance == "optimal":
            return (sse / model.spec.input_size).clamp(min=self.min_std**2)
        return self.min_std**2 + model.auxiliary.log_variance.exp()


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"sigma_vae": SigmaVAE}
