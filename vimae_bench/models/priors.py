"""Priors p(z) over the latent space.

A prior is a module and not a `torch.distributions.Distribution`, for three reasons. A learned prior has weights, which
move, are trained and are saved with the model. A training step has to compile into one graph, which the validation of
arguments in a `Distribution` breaks, as it branches on data. And draws have to reach the tails: PyTorch has no logistic
distribution, and one made by transforming uniforms of float32 has two tails of different lengths, so the priors with
heavy tails draw in float64.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from math import e, log, pi
from typing import ClassVar

import torch
from torch import Tensor, nn

from .model_spec import ModelSpec
from .posteriors import GaussianPosterior, Posterior


class Prior(nn.Module, ABC):
    """p(z) over `latent` dimensions d.

    The plugin is the class itself: the harness calls it with the number of latent dimensions, and with the settings
    of the benchmark file by keyword. Initial weights are drawn from the global generator.

        class Capped(Prior):
            def __init__(self, latent: int, /, *, bound: float = 3.0):
                super().__init__(latent)
                self.bound = bound
    """

    origin: Tensor
    closed_form_kl: ClassVar[bool] = False
    """Whether `kl` is exact for a diagonal Gaussian posterior; else it is estimated from one draw for each image."""

    def __init__(self, latent: int, /):
        super().__init__()
        self.latent = latent
        # Draws are made on the device and in the precision of this buffer, which follows the model.
        self.register_buffer("origin", torch.zeros(()), persistent=False)

    def bind(self, spec: ModelSpec, encode: Callable[[Tensor], Posterior]) -> None:
        """Connect the prior to its model, once, when the model is made; does nothing unless overridden.

        A prior that consists of posteriors stores `encode`, which gives q(z|x) of images [B, C, H, W] in network units
        with the encoder in evaluation mode, and calls it later in `sample` and `log_prob`. Weights that have the shape
        of images are made here.
        """

    @abstractmethod
    def sample(self, n: int) -> Tensor:
        """n independent draws [n, d] from the global generator of the device of `origin`, in its precision: float32."""

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z) in nats; z [..., d] gives [...]."""

    def kl(self, q: Posterior, z: Tensor) -> Tensor:
        """KL(q(z|x) || p(z)) for each image, in nats, shape [B]; z [B, d] are draws of q.

        Unless overridden: the one-sample estimate log q(z|x) - log p(z), unbiased.
        Raises TypeError for a posterior without a density, whose KL is infinite.
        """
        log_q = getattr(q, "log_prob", None)
        if log_q is None:
            raise TypeError(f"{type(q).__name__} has no density, so its KL to a prior is infinite")
        return log_q(z) - self.log_prob(z)

    def entropy(self, n: int = 100_000) -> Tensor:
        """h(p) in nats, a scalar. Unless overridden: the mean of -log p over n draws, unbiased."""
        return -torch.cat([self.log_prob(z) for z in self.sample(n).split(10_000)]).mean()

    def inverse_cdf(self, u: Tensor) -> Tensor | None:  # noqa: ARG002
        """The codes z [..., d] below which a share u of the prior lies along each dimension, u in (0, 1), in float64.

        For a prior with independent dimensions, so that uniforms become draws of it: pictures of priors are paired
        through them. Unless overridden None, as for every prior with dependent dimensions.
        """
        return None


class StandardNormal(Prior):
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

    def inverse_cdf(self, u: Tensor) -> Tensor:
        return torch.special.ndtri(u).to(self.origin.dtype)

    def entropy(self, n: int = 100_000) -> Tensor:  # noqa: ARG002
        """Exact: d/2 * log(2 pi e) nats."""
        return self.origin.new_tensor(self.latent * 0.5 * log(2 * pi * e))


def has_full_support(prior: Prior) -> bool:
    """Whether the density of a prior is positive far from 0, as far as can be known before training.

    True for every prior with weights, as these may change.
    """
    is_learned = next(prior.parameters(), None) is not None
    far = torch.full((1, prior.latent), 1e3, device=prior.origin.device)
    return is_learned or bool(prior.log_prob(far).isfinite().all())
