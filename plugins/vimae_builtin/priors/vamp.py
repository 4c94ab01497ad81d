"""The VampPrior: a mixture of the posteriors of learned images."""

from collections.abc import Callable, Mapping
from math import log
from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor, nn

from vimae_bench.models import GaussianPosterior, Posterior
from vimae_bench.plugin import ModelSpec, Prior, hookimpl

CHUNK_VALUES = 2**22
"""Values at once of codes under all components, in each of their dimensions: 16 MiB."""


class VampPrior(Prior):
    """A VampPrior of `components` pseudo-inputs (Tomczak and Welling, 1705.07120); for Gaussian posteriors.

    (1/K) sum_k q(z|u_k), over K learned images u_k: each is a sigmoid (a tanh for pixels in [-1, 1]) of free
    parameters, which start from N(0, spread^2). The encoder sees them as in evaluation, so that they do not enter the
    data's batch statistics.
    """

    def __init__(
        self, latent: int, /, *, components: Annotated[int, Gt(0)] = 500, spread: Annotated[float, Gt(0)] = 1.0
    ):
        super().__init__(latent)
        self.components, self.spread = components, spread

    def bind(self, spec: ModelSpec, encode: Callable[[Tensor], Posterior]) -> None:
        self.encode, self.activation = encode, spec.output_activation()
        self.images = nn.Parameter(self.spread * torch.randn(self.components, *spec.shape))

    def posteriors(self) -> GaussianPosterior:
        """q(z|u_k) of all K. Raises TypeError where the objective trains no Gaussian posterior."""
        q = self.encode(self.activation(self.images))
        if not isinstance(q, GaussianPosterior):
            raise TypeError(
                f"the prior 'vamp' is a mixture of Gaussian posteriors, and this objective trains a {type(q).__name__}"
            )
        return q

    def sample(self, n: int) -> Tensor:
        q = self.posteriors()
        k = torch.randint(len(q.m), (n,), device=q.m.device)
        return GaussianPosterior(q.m[k], q.l[k]).rsample()

    def log_prob(self, z: Tensor) -> Tensor:
        q, codes = self.posteriors(), z.reshape(-1, self.latent)
        size = max(1, CHUNK_VALUES // q.m.numel())
        log_sums = [q.log_prob(few.unsqueeze(-2)).logsumexp(-1) for few in codes.split(size)]
        return torch.cat(log_sums).reshape(z.shape[:-1]) - log(len(q.m))


@hookimpl
def vimae_priors() -> Mapping[str, Callable[..., Prior]]:
    return {"vamp": VampPrior}
