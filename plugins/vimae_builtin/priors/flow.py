"""A learned prior: the standard normal under an invertible network."""

from collections.abc import Callable, Mapping
from math import log, pi
from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from vimae_bench.plugin import Prior, hookimpl


class AffineCoupling(nn.Module):
    """y = exp(s) z + t in every second dimension, where s and t are functions of the others; at first y = z.

    |s| stays within `max_log_scale`. With one dimension s and t are constants.
    """

    conditioned: Tensor

    def __init__(self, conditioned: Tensor, hidden: int, max_log_scale: float):
        super().__init__()
        d, self.max_log_scale = len(conditioned), max_log_scale
        self.register_buffer("conditioned", conditioned.float(), persistent=False)
        last = nn.Linear(hidden, 2 * d)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.net = nn.Sequential(nn.Linear(d, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), last)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """y [..., d] and log|det dy/dz| [...]."""
        log_scale, shift = self._affine(z)
        return log_scale.exp() * z + shift, log_scale.sum(-1)

    def inverse(self, y: Tensor) -> Tensor:
        """The z [..., d] of a y."""
        log_scale, shift = self._affine(y)  # they depend on the dimensions in which y and z agree
        return (-log_scale).exp() * (y - shift)

    def _affine(self, z: Tensor) -> tuple[Tensor, Tensor]:
        raw, shift = self.net(z * self.conditioned).chunk(2, -1)
        transformed = 1 - self.conditioned
        return transformed * self.max_log_scale * torch.tanh(raw / self.max_log_scale), transformed * shift


class RealNVP(Prior):
    """N(0, I) under a RealNVP (Dinh et al., 1605.08803): `couplings`, with nets of two layers of `hidden` units.

    They move the even and the odd dimensions in turn, and scale by at most exp(+-`max_log_scale`) each. Before training
    it is N(0, I), exactly.
    """

    def __init__(
        self,
        latent: int,
        /,
        *,
        couplings: Annotated[int, Ge(1)] = 6,
        hidden: Annotated[int, Gt(0)] = 64,
        max_log_scale: Annotated[float, Gt(0)] = 2.0,
    ):
        super().__init__(latent)
        odd = torch.arange(latent) % 2
        self.couplings = nn.ModuleList(AffineCoupling((odd + i) % 2, hidden, max_log_scale) for i in range(couplings))

    def sample(self, n: int) -> Tensor:
        z = torch.randn(n, self.latent, dtype=self.origin.dtype, device=self.origin.device)
        for coupling in reversed(self.couplings):
            z = coupling.inverse(z)
        return z

    def log_prob(self, z: Tensor) -> Tensor:
        log_det = torch.zeros_like(z[..., 0])
        for coupling in self.couplings:
            z, coupling_log_det = coupling(z)
            log_det = log_det + coupling_log_det
        return -0.5 * (z.square() + log(2 * pi)).sum(-1) + log_det


@hookimpl
def vimae_priors() -> Mapping[str, Callable[..., Prior]]:
    return {"flow": RealNVP}
