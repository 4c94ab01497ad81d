"""The standard normal prior."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import e, log, pi
from typing import ClassVar

import torch
from torch import Tensor

from vimae_bench.models import GaussianPosterior, Posterior, PriorDistribution
from vimae_bench.plugin import ModelSpec, Prior, hookimpl


class StandardNormal(PriorDistribution):
    """N(0, I)."""

    closed_form_kl: ClassVar[bool] = True

    def sample(self, n: int) -> Tensor:
        return torch.randn(n, self.latent, dtype=self.origin.dtype, device=self.origin.device)

    def log_prob(self, z: Tensor) -> Tensor:
        return -0.5 * (z.square() + log(2 * pi)).sum(-1)

    def kl(self, q: Posterior, z: Tensor) -> Tensor:
        """In closed form for a Gaussian posterior: 0.5 * sum_k (m_k^2 + exp l_k - 1 - l_k), nats, float32."""
        if not isinstance(q, GaussianPosterior):
            return super().kl(q, z)
        m, l = q.m.float(), q.l.float()  # noqa: E741
        return 0.5 * (m.square() + l.exp() - 1 - l).sum(-1)

    def entropy(self, n: int = 100_000) -> Tensor:  # noqa: ARG002
        """Exact: d/2 * log(2 pi e) nats."""
        return self.origin.new_tensor(self.latent * 0.5 * log(2 * pi * e))


@dataclass(frozen=True)
class Normal:
    """Makes N(0, I)."""

    def __call__(self, spec: ModelSpec, encode: Callable[[Tensor], Posterior]) -> StandardNormal:  # noqa: ARG002
        return StandardNormal(spec.latent)


@hookimpl
def vimae_priors() -> Mapping[str, Callable[..., Prior]]:
    return {"normal": Normal}
