"""The uniform prior: no tails at all, for the response of a method to the shape of its prior."""

from collections.abc import Callable, Mapping
from math import inf, log, sqrt

import torch
from torch import Tensor

from vimae_bench.plugin import Prior, hookimpl

HALF_WIDTH = sqrt(3)  # of unit variance: a uniform distribution has variance width^2 / 12


class StandardUniform(Prior):
    """Independent uniform dimensions of mean 0 and variance 1, and so of fourth moment 1.8.

    The density is 0 outside of [-sqrt(3), sqrt(3)]^d, so the KL of a Gaussian posterior is infinite, and objectives
    that use it diverge: this prior is for those that draw from it (`vimae` with `mmd` or `sliced_wasserstein`).
    """

    def sample(self, n: int) -> Tensor:
        # No draw crosses the ends: to float32, sqrt(3) is rounded inwards.
        return self.inverse_cdf(torch.rand(n, self.latent, dtype=torch.float64, device=self.origin.device))

    def inverse_cdf(self, u: Tensor) -> Tensor:
        return (HALF_WIDTH * (2 * u - 1)).to(self.origin.dtype)

    def log_prob(self, z: Tensor) -> Tensor:
        """-d * log(2 sqrt(3)) inside, -inf where any coordinate lies outside; its gradient is 0. That of NaN is NaN."""
        outside = (z.abs() > HALF_WIDTH).any(-1)
        inside = (0 * z).sum(-1) - self.latent * log(2 * HALF_WIDTH)
        return inside.masked_fill(outside, -inf)

    def entropy(self, n: int = 100_000) -> Tensor:  # noqa: ARG002
        """Exact: d * log(2 sqrt(3)) nats, 1.2425 for each dimension."""
        return self.origin.new_tensor(self.latent * log(2 * HALF_WIDTH))


@hookimpl
def vimae_priors() -> Mapping[str, Callable[..., Prior]]:
    return {"uniform": StandardUniform}
