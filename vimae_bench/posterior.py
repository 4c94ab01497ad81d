"""Posteriors q(z|x), and the families of them that an objective may train.

An architecture gives an encoder with as many heads as the family asks for; the family makes a posterior of what the
heads give. So one encoder serves every objective, and two methods differ in the objective alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import erf, log, pi, sqrt
from typing import ClassVar

import torch
from torch import Tensor, library

Encoder = Callable[[Tensor], tuple[Tensor, ...]]
"""Images [B, C, H, W] in network units to the heads [B, d] that a posterior is made of."""
LOG_VARIANCE_BOUND = 50.0
STD_FLOOR = 1e-8


class Posterior(ABC):
    """q(z|x) for a batch of B images over d latent dimensions."""

    @property
    @abstractmethod
    def mean(self) -> Tensor:
        """The code without noise, shape [B, d]."""

    @abstractmethod
    def rsample(self, shape: tuple[int, ...] = ()) -> Tensor:
        """Draws of z, differentiable in the encoder's weights, shape [*shape, B, d]."""


@dataclass(frozen=True)
class GaussianPosterior(Posterior):
    """N(m, diag(exp l)), with m and l of shape [B, d]; std = sqrt(1e-8 + exp l) as in the code of WAE (1711.01558)."""

    m: Tensor
    l: Tensor  # noqa: E741  (the log-variance is called l wherever this is written down)

    @property
    def mean(self) -> Tensor:
        return self.m

    @property
    def std(self) -> Tensor:
        return (STD_FLOOR + self.l.exp()).sqrt()

    def rsample(self, shape: tuple[int, ...] = ()) -> Tensor:
        noise = torch.randn((*shape, *self.m.shape), dtype=self.m.dtype, device=self.m.device)
        return self.m + self.std * noise

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z|x) in nats; z [..., B, d] gives [..., B]."""
        u = (z - self.m) / self.std
        return -0.5 * (u.square() + log(2 * pi)).sum(-1) - self.std.log().sum(-1)


@dataclass(frozen=True)
class PointPosterior(Posterior):
    """All mass on one code, shape [B, d]: a draw is the mean."""

    m: Tensor

    @property
    def mean(self) -> Tensor:
        return self.m

    def rsample(self, shape: tuple[int, ...] = ()) -> Tensor:
        return self.m.expand(*shape, *self.m.shape)


@dataclass(frozen=True)
class PushForwardPosterior(Posterior):
    """The law of f(x + nu): a deterministic encoder f over an input x [B, C, H, W] with small noise nu on it."""

    encoder: Encoder
    x: Tensor
    noise: "TruncatedNormal"

    @property
    def mean(self) -> Tensor:
        return self.encoder(self.x)[0]

    def rsample(self, shape: tuple[int, ...] = ()) -> Tensor:
        x = self.x.expand(*shape, *self.x.shape)
        z = self.encoder((x + self.noise.like(x)).flatten(0, len(shape)))[0]
        return z.unflatten(0, (*shape, len(self.x)))


@dataclass(frozen=True)
class TruncatedNormal:
    """N(0, scale^2) kept within `cut` scales of 0, drawn by inversion so that no draw is ever repeated.

    Its standard deviation is below `scale`: 0.8796 of it at a cut of 2.
    """

    scale: float
    cut: float = 2.0

    def like(self, x: Tensor) -> Tensor:
        inside = erf(self.cut / sqrt(2))
        u = torch.rand_like(x) * 2 - 1
        # erfinv(+-1) is infinite, and rand may return 0: the clamp costs nothing and keeps every draw within the cut.
        draw = _erfinv(u * inside).mul(sqrt(2) * self.scale)
        return draw.clamp(-self.cut * self.scale, self.cut * self.scale)


def _erfinv(x: Tensor) -> Tensor:
    return torch.ops.vimae_bench.erfinv(x) if torch.compiler.is_compiling() else torch.erfinv(x)


@library.custom_op("vimae_bench::erfinv", mutates_args=())
def _erfinv_whole(x: Tensor) -> Tensor:  # pyright: ignore[reportUnusedFunction]
    """torch.erfinv, kept whole: the compiler's own CPU code takes one value at a time and 40 times as long."""
    return torch.erfinv(x)


@_erfinv_whole.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


class PosteriorFamily(ABC):
    """Which posterior an objective trains, and how many heads [B, d] of the encoder it is made of."""

    heads: ClassVar[int]

    @abstractmethod
    def at(self, *heads: Tensor) -> Posterior:
        """The posterior as it is evaluated, from the encoder's heads: without any input noise."""

    def __call__(self, encoder: Encoder, x: Tensor) -> Posterior:
        """The posterior as it is trained, for images x [B, C, H, W] in network units."""
        return self.at(*encoder(x))


@dataclass(frozen=True)
class Gaussian(PosteriorFamily):
    """A diagonal Gaussian: mean and log-variance heads, the latter clipped to [-50, 50]."""

    heads: ClassVar[int] = 2

    def at(self, *heads: Tensor) -> GaussianPosterior:
        m, l = heads  # noqa: E741
        return GaussianPosterior(m, l.clamp(-LOG_VARIANCE_BOUND, LOG_VARIANCE_BOUND))


@dataclass(frozen=True)
class Deterministic(PosteriorFamily):
    """z = f(x)."""

    heads: ClassVar[int] = 1

    def at(self, *heads: Tensor) -> PointPosterior:
        return PointPosterior(heads[0])


@dataclass(frozen=True)
class NoisedDeterministic(PosteriorFamily):
    """z = f(x + nu) in training, z = f(x) at evaluation."""

    noise: TruncatedNormal
    heads: ClassVar[int] = 1

    def at(self, *heads: Tensor) -> PointPosterior:
        return PointPosterior(heads[0])

    def __call__(self, encoder: Encoder, x: Tensor) -> PushForwardPosterior:
        return PushForwardPosterior(encoder, x, self.noise)
