"""The autoencoder: the one module the harness owns. Its parts come from plugins."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import torch
from torch import Tensor, nn

from .kinds import Architecture, Frame, Objective, Prior, PriorDistribution
from .posterior import Posterior
from .seeds import derive


class Autoencoder(nn.Module):
    """An encoder, a decoder, a prior, and what the objective has of its own, over images of one frame.

    `matmul_dtype` is the precision of the matrix products inside encoder and decoder: float32, or bfloat16 in training.

    Every part is initialised from a stream of its own, named after the part and the seed alone: two methods under
    one seed start from the same weights wherever shapes agree.
    """

    def __init__(self, frame: Frame, architecture: Architecture, prior: Prior, objective: Objective, seed: int):
        super().__init__()
        self.frame, self.family = frame, objective.posterior()
        self.matmul_dtype = torch.float32
        self.encoder = seeded(seed, "encoder", lambda: architecture.encoder(frame, self.family.heads))
        self.decoder = seeded(seed, "decoder", lambda: architecture.decoder(frame))
        self.prior: PriorDistribution = seeded(seed, "prior", lambda: prior(frame, self._encode_for_prior))
        self.auxiliary = seeded(seed, "auxiliary", lambda: objective.auxiliary(frame))
        self.family = self.family.bound(self.auxiliary)

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x) for images [B, C, H, W] in network units, with the objective's input noise where it has any."""
        return self.family(self._heads, x)

    def _encode_for_prior(self, x: Tensor) -> Posterior:
        """As `encode`, by the encoder in evaluation mode: learned images must not enter the data's batch statistics."""
        training = self.encoder.training
        self.encoder.eval()
        try:
            return self.encode(x)
        finally:
            self.encoder.train(training)

    def decode(self, z: Tensor) -> Tensor:
        """The mean image of p(x|z) in network units: z [..., d] gives [..., C, H, W]."""
        with self._precision(z):
            images = self.decoder(z.reshape(-1, z.shape[-1]))
        return images.to(z.dtype).reshape(*z.shape[:-1], *self.frame.shape)

    def _heads(self, x: Tensor) -> tuple[Tensor, ...]:
        with self._precision(x):
            heads = self.encoder(x)
        return tuple(head.to(x.dtype) for head in heads)

    def _precision(self, x: Tensor) -> AbstractContextManager[object]:
        """Matrix products in `matmul_dtype`; codes and images stay in the precision of what they are made of."""
        low = self.matmul_dtype != torch.float32
        return torch.autocast(x.device.type, self.matmul_dtype) if low else nullcontext()

    def parts(self, names: tuple[str, ...]) -> list[nn.Parameter]:
        """The parameters of the named parts."""
        return [p for name in names for p in self.get_submodule(name).parameters()]


M = TypeVar("M")


def seeded(seed: int, part: str, make: Callable[[], M]) -> M:
    """What `make` makes when the CPU's global generator stands at the seed of this part; it is then put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "weights", part))
        return make()
