"""The smallest model, images and evaluation: what plugins are tried with."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..data.types import Examples, Splits
from ..engine.build import make_autoencoder
from ..functional.reconstruction import squared_error
from ..models.autoencoder import Autoencoder
from ..models.heads import Heads
from ..models.model_spec import ModelSpec
from ..models.posteriors import GaussianPosterior, Posterior, PosteriorFamily
from ..models.priors import StandardNormal
from ..plugin.evaluation import Evaluation
from ..plugin.interfaces import Batch, Loss, Objective

EXAMPLE_SPEC = ModelSpec((1, 4, 4), 2)
HALF = torch.tensor(0.5)
"""The progress of training at which losses are taken."""


class LinearHeads(nn.Module):
    """A linear map of all pixels for each head; the second gives `log_variance` alone, where that is given."""

    def __init__(self, spec: ModelSpec, heads: int, log_variance: float | None = None):
        super().__init__()
        self.heads = Heads(nn.Linear(spec.input_size, spec.latent) for _ in range(heads))
        if log_variance is not None and heads > 1:
            nn.init.zeros_(self.heads[1].get_parameter("weight"))
            nn.init.constant_(self.heads[1].get_parameter("bias"), log_variance)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.heads(x.flatten(1))


@dataclass(frozen=True)
class LinearArchitecture:
    """One linear map for each head, and one to images, which end in the output activation of the spec if `bounded`."""

    log_variance: float | None = None
    bounded: bool = True

    def encoder(self, spec: ModelSpec, heads: int) -> nn.Module:
        return LinearHeads(spec, heads, self.log_variance)

    def decoder(self, spec: ModelSpec) -> nn.Module:
        activation = [spec.output_activation()] if self.bounded else []
        return nn.Sequential(nn.Linear(spec.latent, spec.input_size), *activation, nn.Unflatten(1, spec.shape))


@dataclass(frozen=True)
class ReconstructionObjective(Objective):
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
    return make_autoencoder(EXAMPLE_SPEC, LinearArchitecture(), StandardNormal, objective, seed=0)


def example_batch(n: int = 64) -> Batch:
    """n example images for `example_model`, half-way through training."""
    return Batch(torch.from_numpy(example_images(n).x) / 255, HALF, n)


def example_evaluation(objective: Objective, size: int = 600) -> Evaluation:
    """An `example_model` to be measured, over ten classes of images: 1,500 to train, `size` to test on."""
    splits = Splits(example_images(1500), example_images(0), example_images(size))
    return Evaluation(example_model(objective).eval(), splits, "toy", 0, torch.device("cpu"))


def encode_first_pixels(latent: int) -> Callable[[Tensor], Posterior]:
    """The first pixels as means of unit variance: what a prior made of posteriors is tried with."""

    def encode(x: Tensor) -> GaussianPosterior:
        m = x.flatten(1)[:, :latent]
        return GaussianPosterior(m, torch.zeros_like(m))

    return encode
