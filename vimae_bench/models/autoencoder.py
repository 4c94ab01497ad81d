"""The autoencoder: the one module the harness owns. Its modules are made by plugins."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from .model_spec import ModelSpec
from .posteriors import Posterior, PosteriorFamily
from .priors import Prior


class Autoencoder(nn.Module):
    """An encoder, a decoder, a prior, and the objective's own modules at `auxiliary`, for images of one shape.

    `matmul_dtype` is the precision of the matrix products inside encoder and decoder: float32, or bfloat16 in training.
    Binding the prior may draw weights, from the global generator.
    """

    def __init__(
        self,
        spec: ModelSpec,
        family: PosteriorFamily,
        encoder: nn.Module,
        decoder: nn.Module,
        prior: Prior,
        auxiliary: nn.Module,
    ):
        super().__init__()
        self.spec = spec
        self.matmul_dtype = torch.float32
        self.encoder, self.decoder, self.prior, self.auxiliary = encoder, decoder, prior, auxiliary
        self.family = family.bind(auxiliary)
        prior.bind(spec, self._encode_for_prior)

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x) for images [B, C, H, W] in network units, with the objective's input noise where it has any."""
        return self.family(self._compute_heads, x)

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
        with self._use_precision(z):
            images = self.decoder(z.reshape(-1, z.shape[-1]))
        return images.to(z.dtype).reshape(*z.shape[:-1], *self.spec.shape)

    def _compute_heads(self, x: Tensor) -> tuple[Tensor, ...]:
        with self._use_precision(x):
            heads = self.encoder(x)
        return tuple(head.to(x.dtype) for head in heads)

    def _use_precision(self, x: Tensor) -> AbstractContextManager[object]:
        """Matrix products in `matmul_dtype`; codes and images have the precision of the input."""
        is_reduced = self.matmul_dtype != torch.float32
        return torch.autocast(x.device.type, self.matmul_dtype) if is_reduced else nullcontext()

    def module_parameters(self, names: tuple[str, ...]) -> list[nn.Parameter]:
        """The parameters of the named modules, such as `("encoder", "prior")`."""
        return [p for name in names for p in self.get_submodule(name).parameters()]
