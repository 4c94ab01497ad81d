"""The Laplace prior: heavier tails than the logistic, for the response of a method to the shape of its prior."""

from collections.abc import Callable, Mapping
from math import log, sqrt

import torch
from torch import Tensor

from vimae_bench.plugin import Prior, hookimpl

SCALE = 1 / sqrt(2)  # of unit variance: a Laplace distribution has variance 2 * scale^2
SMALLEST = 2.0**-24


class StandardLaplace(Prior):
    """Independent Laplace dimensions of mean 0 and variance 1, and so of fourth moment 6."""

    def sample(self, n: int) -> Tensor:
        # As for the logistic prior, uniforms in float64, so that both tails are equally fine.
        u = torch.rand(n, self.latent, dtype=torch.float64, device=self.origin.device)
        return self.inverse_cdf(SMALLEST + (1 - 2 * SMALLEST) * u)

    def inverse_cdf(self, u: Tensor) -> Tensor:
        v = u - 0.5
        return (-SCALE * v.sign() * torch.log1p(-2 * v.abs())).to(self.origin.dtype)

    def log_prob(self, z: Tensor) -> Tensor:
        return -(z.abs() / SCALE + log(2 * SCALE)).sum(-1)

    def entropy(self, n: int = 100_000) -> Tensor:  # noqa: ARG002
        """Exact: d * (1 + log 2b) nats, 1.3466 for each dimension, with the scale b = 1/sqrt(2)."""
        return self.origin.new_tensor(self.latent * (1 + log(2 * SCALE)))


@hookimpl
def vimae_priors() -> Mapping[str, Callable[..., Prior]]:
    return {"laplace": StandardLaplace}
