"""Our encoder and decoder in the form that pythae needs, for temporary use by one of its models."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pythae.models import BaseAE
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import Tensor, zeros_like

from vimae_bench.models import Autoencoder, GaussianPosterior, NormalizingFlowPosterior, Posterior
from vimae_bench.plugin import ModelSpec, PixelRange

from .posteriors import OneWayFlowPosterior


class EncoderAdapter(BaseEncoder):
    """Images [B, C, H, W] in [0, 1] to the mean and the log-variance of q(z|x); zeros where it has no variance."""

    def __init__(self, encode: Callable[[Tensor], Posterior], pixel_range: PixelRange):
        super().__init__()
        self.encode, self.pixel_range = encode, pixel_range

    def forward(self, x: Tensor) -> ModelOutput:
        q = self.encode(to_network(x, self.pixel_range))
        if isinstance(q, NormalizingFlowPosterior | OneWayFlowPosterior):
            q = q.base  # pythae's own forward pass goes through the flow
        log_variance = q.l if isinstance(q, GaussianPosterior) else zeros_like(q.mean)
        return ModelOutput(embedding=q.mean, log_covariance=log_variance)


class DecoderAdapter(BaseDecoder):
    """Codes [B, d] to images [B, C, H, W] in [0, 1]."""

    def __init__(self, decode: Callable[[Tensor], Tensor], pixel_range: PixelRange):
        super().__init__()
        self.decode, self.pixel_range = decode, pixel_range

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=to_unit(self.decode(z), self.pixel_range))


class PlaceholderEncoder(BaseEncoder):
    """An encoder that gives zeros until it is replaced. VQVAE reads the shape of a code when it is made."""

    def __init__(self, spec: ModelSpec):
        super().__init__()
        self.latent = spec.latent

    def forward(self, x: Tensor) -> ModelOutput:
        return ModelOutput(embedding=x.new_zeros(len(x), self.latent))


class PlaceholderDecoder(BaseDecoder):
    """A decoder that is replaced before it is used."""


@contextmanager
def lend_networks(pythae: BaseAE, model: Autoencoder) -> Iterator[None]:
    """Within this context pythae's model uses the networks of `model`, which never become modules of it."""
    before, pixel_range = (pythae.encoder, pythae.decoder), model.spec.pixel_range
    pythae.set_encoder(EncoderAdapter(model.encode, pixel_range))
    pythae.set_decoder(DecoderAdapter(model.decode, pixel_range))
    try:
        yield
    finally:
        pythae.set_encoder(before[0])
        pythae.set_decoder(before[1])


def to_unit(x: Tensor, pixel_range: PixelRange) -> Tensor:
    """Images in network units to [0, 1], which pythae always uses."""
    return x if pixel_range == "unit" else (x + 1) / 2


def to_network(x: Tensor, pixel_range: PixelRange) -> Tensor:
    """Images in [0, 1] to network units."""
    return x if pixel_range == "unit" else x * 2 - 1
