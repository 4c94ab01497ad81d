"""The decoder as a distribution of images, p(x|z) = N(decode(z), variance I), for estimators of log p(x)."""

from dataclasses import dataclass
from math import log, pi
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..data.choice import choose_places
from ..data.pixels import from_network, to_unit
from ..data.types import Examples
from ..models.autoencoder import Autoencoder

if TYPE_CHECKING:
    from ..plugin.evaluation import Evaluation

VARIANCE_FLOOR = 1 / (12 * 255**2)
"""The variance of rounding to 256 levels in [0, 1] units: images stored as bytes cannot resolve a smaller one."""


@dataclass(frozen=True)
class GaussianDecoder:
    """p(x|z) over images x in [0, 1] units, as a density of their D entries, which are taken as continuous."""

    model: Autoencoder
    variance: float

    def mean(self, z: Tensor) -> Tensor:
        """The mean images [..., C, H, W] of codes [..., d], in [0, 1] units, differentiable in the codes."""
        return from_network(self.model.decode(z), self.model.spec.pixel_range)

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x|z) in nats for images [B, C, H, W] and codes [..., B, d]: [..., B], differentiable in the codes."""
        sse = (self.mean(z) - x).square().flatten(-3).sum(-1)
        return -sse / (2 * self.variance) - self.model.spec.input_size / 2 * log(2 * pi * self.variance)

    def sample(self, z: Tensor) -> Tensor:
        """A draw of p(x|z) for each code [..., d], with its noise and so not within [0, 1]: [..., C, H, W]."""
        mean = self.mean(z)
        return mean + self.variance**0.5 * torch.randn_like(mean)


def estimate_noise_variance(evaluation: "Evaluation") -> float:
    """The decoder's variance of largest likelihood, mean SSE / D in [0, 1] units: one rule for every method.

    The SSE is that of images decoded from one draw of q(z|x) each, over the validation images, or over the test images
    where the run has none. At a maximum of the ELBO in the variance this is its value (2006.13202).
    """
    part = "validation" if len(evaluation.splits.validation) else "test"
    sse = evaluation.squared_error(part, of="draws").double().mean()
    return max(float(sse) / evaluation.spec.input_size, VARIANCE_FLOOR)


def draw_images(examples: Examples, count: int, *stream: int | str) -> Tensor:
    """Up to `count` different images in [0, 1] units, float32 [n, C, H, W] on the CPU, in a random order.

    The stream's name alone decides which, and fewer are the first of more: all methods meet the same.
    """
    return to_unit(torch.from_numpy(np.array(examples.x[choose_places(len(examples), count, *stream)])))
