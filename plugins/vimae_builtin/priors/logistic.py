"""The logistic prior of VIMAE-l."""

from collections.abc import Callable, Mapping
from math import log, pi, sqrt

import torch
from torch import Tensor

from vimae_bench.plugin import Prior, hookimpl

SCALE = sqrt(3) / pi  # of unit variance: a scale of 1 would have variance pi^2/3
SMALLEST = 2.0**-24


class StandardLogistic(Prior):
    """Independent logistic dimensions of mean 0 and variance 1 (1905.10549, "identity variance")."""

    def sample(self, n: int) -> Tensor:
        # Uniforms in float64: in float32 they are too coarse near 1, and the two tails would differ.
        u = torch.rand(n, self.latent, dtype=torch.float64, device=self.origin.device)
        return self.inverse_cdf(SMALLEST + (1 - 2 * SMALLEST) * u)

    def inverse_cdf(self, u: Tensor) -> Tensor:
        return (SCALE * (u.log() - torch.log1p(-u))).to(self.origin.dtype)

    def log_prob(self, z: Tensor) -> Tensor:
        u = z.abs() / SCALE
        return -(u + log(SCALE) + 2 * torch.log1p(torch.exp(-u))).sum(-1)

    def entropy(self, n: int = 100_000) -> Tensor:  # noqa: ARG002
        """Exact: d * (2 + log s) nats, with the scale s = sqrt(3)/pi."""
        return self.origin.new_tensor(self.latent * (2 + log(SCALE)))


@hookimpl
def vimae_priors() -> Mapping[str, Callable[..., Prior]]:
    return {"logistic": StandardLogistic}
