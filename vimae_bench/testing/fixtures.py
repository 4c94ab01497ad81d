"""The smallest parts of a model, images and a trained evaluation: what a plugin is tried with in place of others."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from vimae_bench.engine.build import make_autoencoder

from ..data.types import Examples, Splits
from ..functional.reconstruction import squared_error
from ..models.autoencoder import Autoencoder
from ..models.posteriors import GaussianPosterior, Posterior, PosteriorFamily
from ..models.types import ModelSpec, PriorDistribution
from ..plugin.evaluation import Evaluation
from ..plugin.interfaces import Batch, Loss, Objective

TOY = ModelSpec((1, 4, 4), 2)
HALF = torch.tensor(0.5)
"""The progress of training at which losses are taken."""


class Normal(PriorDistribution):
    """N(0, I), since the harness knows no plugin."""

    closed_form_kl: ClassVar[bool] = True

    def sample(self, n: int) -> Tensor:
        return torch.randn(n, self.latent, dtype=self.origin.dtype, device=self.origin.device)

    def log_prob(self, z: Tensor) -> Tensor:
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)

    def kl(self, q: Posterior, z: Tensor) -> Tensor:
        if not isinstance(q, GaussianPosterior):
            return super().kl(q, z)
        return 0.5 * (q.m.square() + q.l.exp() - 1 - q.l).sum(-1)


@dataclass(frozen=True)
class MakeNormal:
    """Makes N(0, I)."""

    def __call__(self, spec: ModelSpec, encode: Callable[[Tensor], Posterior]) -> PriorDistribution:  # noqa: ARG002
        return Normal(spec.latent)


class LinearHeads(nn.Module):
    """A linear map for each head; the second gives nothing but `log_variance`, where that is given."""

    def __init__(self, spec: ModelSpec, heads: int, log_variance: float | None):
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(spec.input_size, spec.latent) for _ in range(heads))
        if log_variance is not None and heads > 1:
            nn.init.zeros_(self.heads[1].get_parameter("weight"))
            nn.init.constant_(self.heads[1].get_parameter("bias"), log_variance)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(head(x.flatten(1)) for head in self.heads)


@dataclass(frozen=True)
class Linear:
    """Linear maps to and from the code, images through a sigmoid."""

    log_variance: float | None = None

    def encoder(self, spec: ModelSpec, heads: int) -> nn.Module:
        return LinearHeads(spec, heads, self.log_variance)

    def decoder(self, spec: ModelSpec) -> nn.Module:
        return nn.Sequential(nn.Linear(spec.latent, spec.input_size), nn.Sigmoid(), nn.Unflatten(1, spec.shape))


NORMAL, LINEAR = MakeNormal(), Linear()


@dataclass(frozen=True)
class Plain(Objective):
    """Reconstruction alone, with a posterior of any family: what metrics are tried on."""

    family: PosteriorFamily

    def posterior(self) -> PosteriorFamily:
        return self.family

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        return Loss(squared_error(batch.x, model.decode(model.encode(batch.x).rsample())).mean(), {})


def example_images(n: int) -> Examples:
    """n images 4x4 of ten classes: a class is a pattern, an image a pattern with noise."""
    random = np.random.default_rng(0)
    patterns = random.integers(40, 215, (10, 1, 4, 4))
    y = np.arange(n, dtype=np.int64) % 10
    x = patterns[y] + random.integers(-40, 40, (n, 1, 4, 4))
    return Examples(x.astype(np.uint8), y)


def example_model(objective: Objective) -> Autoencoder:
    """A linear, untrained autoencoder over images 4x4 with two latent dimensions and the prior N(0, I)."""
    return make_autoencoder(TOY, LINEAR, NORMAL, objective, seed=0)


def example_batch(n: int = 64) -> Batch:
    """n toy images for `example_model`, half-way through training."""
    return Batch(torch.from_numpy(example_images(n).x) / 255, HALF, n)


def example_evaluation(objective: Objective, size: int = 600) -> Evaluation:
    """A `example_model` to be measured, over ten classes of images: 1,500 to train, `size` to test on."""
    splits = Splits(example_images(1500), example_images(0), example_images(size))
    return Evaluation(example_model(objective).eval(), splits, "toy", 0, torch.device("cpu"))


def first_pixels(latent: int) -> Callable[[Tensor], Posterior]:
    """The first pixels as means of unit variance: what a prior made of posteriors is tried with."""

    def encode(x: Tensor) -> GaussianPosterior:
        m = x.flatten(1)[:, :latent]
        return GaussianPosterior(m, torch.zeros_like(m))

    return encode
