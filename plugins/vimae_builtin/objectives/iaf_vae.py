"""The VAE with an inverse autoregressive flow for a posterior."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn
from torch.nn.functional import elu, linear

from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, Flow, NormalizingFlow, has_full_support
from vimae_bench.plugin import Batch, Loss, ModelSpec, Objective, hookimpl


class MaskedNetwork(nn.Module):
    """Log-scales and shifts for each latent dimension, from the dimensions before it in an order, and the context.

    One hidden layer, masked as in MADE (1502.03509): hidden unit j sees the first j mod d dimensions of the order, and
    the i-th output those units that see fewer than i. Log-scales stay within `max_log_scale`. The last layer starts
    from 0.
    """

    seen: Tensor
    used: Tensor

    def __init__(self, place: Tensor, hidden: int, max_log_scale: float):
        super().__init__()
        d = len(place)
        self.max_log_scale = max_log_scale
        self.first, self.last = nn.Linear(d, hidden), nn.Linear(hidden, 2 * d)
        self.context = nn.Linear(d, hidden, bias=False)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        sees = torch.arange(hidden) % d  # how many dimensions a hidden unit sees
        self.register_buffer("seen", (place < sees[:, None]).float(), persistent=False)
        self.register_buffer("used", (sees <= place[:, None]).float().repeat(2, 1), persistent=False)

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """z [..., B, d] and context [B, d] give log-scales and shifts, both [..., B, d]."""
        h = elu(linear(z, self.first.weight * self.seen, self.first.bias) + self.context(context))
        raw, shift = linear(h, self.last.weight * self.used, self.last.bias).chunk(2, -1)
        return self.max_log_scale * torch.tanh(raw / self.max_log_scale), shift


class AutoregressiveFlow(Flow):
    """`steps` maps y = exp(s(z)) z + t(z), in turn in the order of the dimensions and against it; at first y = z."""

    def __init__(self, latent: int, steps: int, hidden: int, max_log_scale: float):
        super().__init__()
        places = [torch.arange(latent), torch.arange(latent).flip(0)]
        self.nets = nn.ModuleList(MaskedNetwork(places[i % 2], hidden, max_log_scale) for i in range(steps))

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        log_det = torch.zeros_like(z[..., 0])
        for net in self.nets:
            log_scale, shift = net(z, context)
            z = log_scale.exp() * z + shift
            log_det = log_det + log_scale.sum(-1)
        return z, log_det

    def inverse(self, y: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """One pass per latent dimension and step, as each dimension depends on those before it."""
        log_det = torch.zeros_like(y[..., 0])
        for i, net in reversed([*enumerate(self.nets)]):
            y, log_scale = _invert_step(net, y, context, reverse=i % 2 == 1)
            log_det = log_det + log_scale.sum(-1)
        return y, log_det


def _invert_step(net: nn.Module, y: Tensor, context: Tensor, reverse: bool) -> tuple[Tensor, Tensor]:
    """The z that one step maps to y, and the log-scales there; both [..., B, d]."""
    d = y.shape[-1]
    z, log_scales = torch.zeros_like(y), torch.zeros_like(y)
    at = torch.arange(d, device=y.device)
    for k in reversed(range(d)) if reverse else range(d):
        log_scale, shift = net(z, context)
        z = torch.where(at == k, (y - shift) * (-log_scale).exp(), z)
        log_scales = torch.where(at == k, log_scale, log_scales)
    return z, log_scales


@dataclass(frozen=True)
class FlowVAE(Objective):
    """Minimises c * SSE + beta * (log q(z|x) - log p(z)), with q a Gaussian under an inverse autoregressive flow.

    c is `recon_scale`; both densities are taken at the one draw of z that is decoded. `flow_steps` maps in turn, each
    by a masked net of `hidden` units with a context from a third head of the encoder, scale each dimension by at most
    exp(+-`max_log_scale`) and shift it. At first the flow is the identity. The posterior's mean is the flow at the mean
    of the Gaussian.
    """

    formula: ClassVar[str] = "recon_scale * SSE + beta * mean [log q(z|x) - log p(z)], z = F(m + std * eps; context)"
    source: ClassVar[str] = "Kingma et al., 1606.04934, algorithm 1; masks: Germain et al., 1502.03509"
    special_cases: ClassVar[tuple[str, ...]] = ("at the first step: elbo_sampled",)

    flow_steps: Annotated[int, Ge(1)] = 4
    hidden: Annotated[int, Gt(0)] = 128
    max_log_scale: Annotated[float, Gt(0)] = 2.0
    beta: Annotated[float, Ge(0)] = 1.0
    recon_scale: Annotated[float, Gt(0)] = 1.0

    def posterior(self) -> NormalizingFlow:
        return NormalizingFlow()

    def auxiliary(self, spec: ModelSpec) -> AutoregressiveFlow:
        return AutoregressiveFlow(spec.latent, self.flow_steps, self.hidden, self.max_log_scale)

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        z, log_q = model.encode(batch.x).rsample_with_log_prob()
        sse = squared_error(batch.x, model.decode(z)).mean()
        kl = (log_q - model.prior.log_prob(z)).mean()
        return Loss(self.recon_scale * sse + self.beta * kl, {"sse": sse, "kl": kl})

    def check(self, model: Autoencoder) -> None:
        """Raises ValueError for a prior that consists of Gaussian posteriors, or whose density is 0 somewhere."""
        try:
            with torch.inference_mode():  # the model may have been made in it
                model.prior.log_prob(torch.zeros(1, model.spec.latent))
        except TypeError as error:
            raise ValueError(str(error)) from error
        if not has_full_support(model.prior):
            raise ValueError(f"{type(model.prior).__name__} has no density outside its support; use the prior 'normal'")


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"iaf_vae": FlowVAE}
