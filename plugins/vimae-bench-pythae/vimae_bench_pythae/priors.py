"""The prior that is a part of pythae's `VAMP`."""

from collections.abc import Callable
from math import log, pi
from typing import Annotated

import torch
from annotated_types import Ge
from pythae.models import VAMP, VAMPConfig
from torch import Tensor

from vimae_bench.models import GaussianPosterior, Posterior, Prior
from vimae_bench.plugin import ModelSpec

from .networks import EncoderAdapter, PlaceholderDecoder

CHUNK_SIZE = 512
"""Codes whose densities under all components are computed at once."""


class PythaeVamp(Prior):
    """pythae's VAMP prior of `components` learned images, for the objective `pythae_vamp` (1705.07120).

    (1/K) sum_k q(z|u_k) over K learned images u_k, with the layers and the density of pythae's `VAMP`.
    """

    def __init__(self, latent: int, /, *, components: Annotated[int, Ge(1)] = 50):
        super().__init__(latent)
        self.components = components

    def bind(self, spec: ModelSpec, encode: Callable[[Tensor], Posterior]) -> None:
        config = VAMPConfig(input_dim=spec.shape, latent_dim=spec.latent, number_components=self.components)
        self.pythae = VAMP(config, EncoderAdapter(encode, spec.pixel_range), PlaceholderDecoder())
        self.pythae.device = torch.device("cpu")

    def sample(self, n: int) -> Tensor:
        images = self.pythae.pseudo_inputs(self.pythae.idle_input.to(self.origin))
        q = self.pythae.encoder(images.view(-1, *self.pythae.input_dim))
        k = torch.randint(len(images), (n,), device=images.device)
        return GaussianPosterior(q.embedding[k], q.log_covariance[k]).rsample()

    def log_prob(self, z: Tensor) -> Tensor:
        few = z.reshape(-1, self.latent).split(CHUNK_SIZE)
        log_p = torch.cat([self.pythae._log_p_z(codes) for codes in few])
        return log_p.reshape(z.shape[:-1]) - self.latent / 2 * log(2 * pi)  # which pythae leaves out
