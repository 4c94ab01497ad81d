"""Posteriors q(z|x), and the families of them that an objective may train.

An architecture makes an encoder with as many heads as the family needs, and the family makes a posterior of their
output. So every objective can use every encoder, and two methods differ in the objective alone.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import erf, exp, log, pi, sqrt
from typing import ClassVar

import torch
from torch import Tensor, library, nn

Encoder = Callable[[Tensor], tuple[Tensor, ...]]
"""Maps images [B, C, H, W] in network units to the heads [B, d] that parametrise a posterior."""
LOG_VARIANCE_BOUND = 50.0
STD_FLOOR = 1e-8
SMALLEST_STD = 1e-3


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


class Flow(nn.Module, ABC):
    """An invertible map y = F(z; context) of codes z [..., B, d], given a context [B, d] for each image."""

    @abstractmethod
    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """y [..., B, d] and log|det dy/dz| [..., B]."""

    @abstractmethod
    def inverse(self, y: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """z [..., B, d] and log|det dy/dz| [..., B], that of the map itself, at this z."""


@dataclass(frozen=True)
class NormalizingFlowPosterior(Posterior):
    """The distribution of F(z0) for a Gaussian z0; it has a density and is not Gaussian (Kingma et al., 1606.04934)."""

    base: GaussianPosterior
    context: Tensor
    flow: Flow

    @property
    def mean(self) -> Tensor:
        """F at the mean of the Gaussian: the code without noise, which is not the expectation of z."""
        with self._inference_mode():
            return self.flow(self.base.mean, self.context)[0]

    def rsample(self, shape: tuple[int, ...] = ()) -> Tensor:
        return self.rsample_with_log_prob(shape)[0]

    def rsample_with_log_prob(self, shape: tuple[int, ...] = ()) -> tuple[Tensor, Tensor]:
        """Draws z [*shape, B, d] with their own log q(z|x) in nats, [*shape, B]: no inversion is needed for these."""
        with self._inference_mode():
            z0 = self.base.rsample(shape)
            z, log_det = self.flow(z0, self.context)
            return z, self.base.log_prob(z0) - log_det

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z|x) in nats for any z [..., B, d], by inversion; gives [..., B]."""
        with self._inference_mode():
            z0, log_det = self.flow.inverse(z, self.context)
            return self.base.log_prob(z0) - log_det

    def _inference_mode(self) -> AbstractContextManager[object]:
        # Heads made in inference mode cannot meet weights that want a gradient anywhere else.
        return torch.inference_mode() if self.context.is_inference() else nullcontext()


@dataclass(frozen=True)
class DiracPosterior(Posterior):
    """All mass on one code, shape [B, d]: a draw is the mean."""

    m: Tensor

    @property
    def mean(self) -> Tensor:
        return self.m

    def rsample(self, shape: tuple[int, ...] = ()) -> Tensor:
        return self.m.expand(*shape, *self.m.shape)


@dataclass(frozen=True)
class ImplicitPosterior(Posterior):
    """The distribution of f(x + nu): a deterministic encoder f of images x [B, C, H, W] with small noise nu."""

    encoder: Encoder
    x: Tensor
    noise: "TruncatedNormal"

    @property
    def mean(self) -> Tensor:
        return self.encoder(self.x)[0]

    def rsample(self, shape: tuple[int, ...] = ()) -> Tensor:
        x = self.x.expand(*shape, *self.x.shape)
        z = self.encoder((x + self.noise.sample_like(x)).flatten(0, len(shape)))[0]
        return z.unflatten(0, (*shape, len(self.x)))


@dataclass(frozen=True)
class TruncatedNormal:
    """N(0, scale^2) truncated at `cut` scales from 0, sampled by inversion of the cumulative distribution.

    Its standard deviation `std` is below `scale`: 0.8796 of it at a cut of 2.
    """

    scale: float
    cut: float = 2.0

    @property
    def std(self) -> float:
        density = exp(-0.5 * self.cut**2) / sqrt(2 * pi)
        return self.scale * sqrt(1 - 2 * self.cut * density / erf(self.cut / sqrt(2)))

    def sample_like(self, x: Tensor) -> Tensor:
        inside = erf(self.cut / sqrt(2))
        u = torch.rand_like(x) * 2 - 1
        # erfinv(+-1) is infinite, and rand may return 0: the clamp keeps every draw within the cut.
        draw = _erfinv(u * inside).mul(sqrt(2) * self.scale)
        return draw.clamp(-self.cut * self.scale, self.cut * self.scale)


def _erfinv(x: Tensor) -> Tensor:
    return torch.ops.vimae_bench.erfinv(x) if torch.compiler.is_compiling() else torch.erfinv(x)


@library.custom_op("vimae_bench::erfinv", mutates_args=())
def _erfinv_operator(x: Tensor) -> Tensor:  # pyright: ignore[reportUnusedFunction]
    """torch.erfinv as one operator; the compiler's own CPU code is not vectorised and takes 40 times as long."""
    return torch.erfinv(x)


@_erfinv_operator.register_fake
def _(x: Tensor) -> Tensor:
    return torch.empty_like(x)


class PosteriorFamily(ABC):
    """Which posterior an objective trains, and how many heads [B, d] of the encoder it needs."""

    heads: ClassVar[int]

    @abstractmethod
    def from_heads(self, *heads: Tensor) -> Posterior:
        """The posterior as it is evaluated, from the encoder's heads: without any input noise."""

    def bind(self, auxiliary: nn.Module) -> "PosteriorFamily":  # noqa: ARG002
        """The family with the objective's own modules, `model.auxiliary`; itself unless overridden."""
        return self

    def __call__(self, encoder: Encoder, x: Tensor) -> Posterior:
        """The posterior as it is trained, for images x [B, C, H, W] in network units."""
        return self.from_heads(*encoder(x))


@dataclass(frozen=True)
class Gaussian(PosteriorFamily):
    """A diagonal Gaussian: mean and log-variance heads, the latter clipped to [-50, 50]."""

    heads: ClassVar[int] = 2

    def from_heads(self, *heads: Tensor) -> GaussianPosterior:
        m, l = heads  # noqa: E741
        return GaussianPosterior(m, l.clamp(-LOG_VARIANCE_BOUND, LOG_VARIANCE_BOUND))


@dataclass(frozen=True)
class FixedGaussian(PosteriorFamily):
    """z = f(x) + std * eps with a given std, the same in training and at evaluation: a posterior with a density.

    Raises ValueError for a std below 1e-3, where the lower bound of a Gaussian posterior's deviation would matter.
    """

    std: float
    heads: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not self.std >= SMALLEST_STD:
            raise ValueError(f"std is {self.std}; it has to be at least {SMALLEST_STD}")

    def from_heads(self, *heads: Tensor) -> GaussianPosterior:
        return GaussianPosterior(heads[0], torch.full_like(heads[0], log(self.std**2 - STD_FLOOR)))


@dataclass(frozen=True)
class NormalizingFlow(PosteriorFamily):
    """A diagonal Gaussian under a flow, the objective's `auxiliary`; the third head is the flow's context."""

    flow: Flow | None = None
    heads: ClassVar[int] = 3

    def bind(self, auxiliary: nn.Module) -> "NormalizingFlow":
        """Raises TypeError for an auxiliary module that is not a Flow."""
        if not isinstance(auxiliary, Flow):
            raise TypeError(
                f"the posterior needs a Flow as the objective's auxiliary module, not {type(auxiliary).__name__}"
            )
        return NormalizingFlow(auxiliary)

    def from_heads(self, *heads: Tensor) -> NormalizingFlowPosterior:
        if self.flow is None:
            raise TypeError("the family has no flow; call `bind` first")
        m, l, context = heads  # noqa: E741
        return NormalizingFlowPosterior(Gaussian().from_heads(m, l), context, self.flow)


@dataclass(frozen=True)
class Deterministic(PosteriorFamily):
    """z = f(x)."""

    heads: ClassVar[int] = 1

    def from_heads(self, *heads: Tensor) -> DiracPosterior:
        return DiracPosterior(heads[0])


@dataclass(frozen=True)
class NoisyInputEncoder(PosteriorFamily):
    """z = f(x + nu) in training, z = f(x) at evaluation."""

    noise: TruncatedNormal
    heads: ClassVar[int] = 1

    def from_heads(self, *heads: Tensor) -> DiracPosterior:
        return DiracPosterior(heads[0])

    def __call__(self, encoder: Encoder, x: Tensor) -> ImplicitPosterior:
        return ImplicitPosterior(encoder, x, self.noise)
