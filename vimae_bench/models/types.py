"""What models are made of: the shape they have to fit, heads of an encoder, and the base class of priors."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..data.types import PixelRange
from .posteriors import Posterior


@dataclass(frozen=True)
class ModelSpec:
    """What an architecture has to fit: images of `shape` (C, H, W), `latent` dimensions, the pixels' range."""

    shape: tuple[int, int, int]
    latent: int
    pixel_range: PixelRange = "unit"

    @property
    def input_size(self) -> int:
        """D = C*H*W."""
        channels, height, width = self.shape
        return channels * height * width

    def output_activation(self) -> nn.Module:
        """What a decoder ends in to stay in the range: a sigmoid for `unit`, a tanh for `sym`."""
        return nn.Sigmoid() if self.pixel_range == "unit" else nn.Tanh()


class Heads(nn.ModuleList):
    """An encoder's heads side by side: features [B, F] to a tuple with what each of them makes of these, [B, d]."""

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        return tuple(head(features) for head in self)


class PriorDistribution(nn.Module, ABC):
    """p(z) over d latent dimensions, as a module, so that a learned prior has parameters like any other part."""

    def __init__(self, latent: int):
        super().__init__()
        self.latent = latent
        # Where draws are made, and in which precision: it follows the model.
        self.register_buffer("origin", torch.zeros(()), persistent=False)

    origin: Tensor
    closed_form_kl: ClassVar[bool] = False
    """Whether `kl` is exact for a diagonal Gaussian posterior; else it is estimated from one draw for each image."""

    @abstractmethod
    def sample(self, n: int) -> Tensor:
        """n independent draws [n, d] from the global generator of the device of `origin`, in its precision: float32."""

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        """log p(z) in nats; z [..., d] gives [...]."""

    def kl(self, q: Posterior, z: Tensor) -> Tensor:
        """KL(q(z|x) || p(z)) for each image, in nats, shape [B]; z [B, d] are draws of q.

        Unless a prior knows better: the one-sample estimate log q(z|x) - log p(z), unbiased.
        Raises TypeError for a posterior without a density, whose KL is infinite.
        """
        log_q = getattr(q, "log_prob", None)
        if log_q is None:
            raise TypeError(f"{type(q).__name__} has no density, so its KL to a prior is infinite")
        return log_q(z) - self.log_prob(z)

    def entropy(self, n: int = 100_000) -> Tensor:
        """h(p) in nats, a scalar. Unless a prior knows it exactly: the mean of -log p over n draws, unbiased."""
        return -torch.cat([self.log_prob(z) for z in self.sample(n).split(10_000)]).mean()
