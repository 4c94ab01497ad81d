"""Posteriors of pythae's models that are not diagonal Gaussians, with the layers of the model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from pythae.models.normalizing_flows import IAF
from torch import Tensor, nn

from vimae_bench.models import (
    DiracPosterior,
    Flow,
    Gaussian,
    GaussianPosterior,
    NormalizingFlow,
    NormalizingFlowPosterior,
    Posterior,
    PosteriorFamily,
)


class InverseAutoregressiveFlow(Flow):
    """pythae's flow of this name as a `Flow`; it has no context."""

    def __init__(self, iaf: IAF):
        super().__init__()
        self.iaf = iaf

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        out = self.iaf.inverse(z.reshape(-1, z.shape[-1]))
        return out.out.view(z.shape), out.log_abs_det_jac.view(z.shape[:-1])

    def inverse(self, y: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        out = self.iaf(y.reshape(-1, y.shape[-1]))
        return out.out.view(y.shape), -out.log_abs_det_jac.view(y.shape[:-1])


class InverseAutoregressiveFamily(NormalizingFlow):
    """The posterior of `VAE_IAF`: a diagonal Gaussian under its flow."""

    heads: ClassVar[int] = 2

    def bind(self, auxiliary: nn.Module) -> NormalizingFlow:
        return InverseAutoregressiveFamily(InverseAutoregressiveFlow(auxiliary.iaf_flow))

    def from_heads(self, *heads: Tensor) -> NormalizingFlowPosterior:
        m, l = heads  # noqa: E741
        return super().from_heads(m, l, m)


@dataclass(frozen=True)
class OneWayFlowPosterior(Posterior):
    """A diagonal Gaussian under planar and radial flows; its density is known for its own samples only.

    These flows have no inverse in closed form. `mean` is the flows at the mean of the Gaussian.
    """

    base: GaussianPosterior
    flows: nn.ModuleList

    @property
    def mean(self) -> Tensor:
        return self._transform(self.base.mean)[0]

    def rsample(self, shape: tuple[int, ...] = ()) -> Tensor:
        return self.rsample_with_log_prob(shape)[0]

    def rsample_with_log_prob(self, shape: tuple[int, ...] = ()) -> tuple[Tensor, Tensor]:
        """Draws z [*shape, B, d] with their own log q(z|x) in nats, [*shape, B]."""
        z0 = self.base.rsample(shape)
        z, log_det = self._transform(z0)
        return z, self.base.log_prob(z0) - log_det

    def _transform(self, z: Tensor) -> tuple[Tensor, Tensor]:
        y, log_det = z.reshape(-1, z.shape[-1]), z.new_zeros(z.shape[:-1])
        with torch.inference_mode(z.is_inference()):  # heads made in it cannot meet weights anywhere else
            for flow in self.flows:
                out = flow(y)
                y, log_det = out.out, log_det + out.log_abs_det_jac.view(z.shape[:-1])
        return y.view(z.shape), log_det


@dataclass(frozen=True)
class OneWayFlowFamily(PosteriorFamily):
    """The posterior of `VAE_LinNF`."""

    flows: nn.ModuleList | None = None
    heads: ClassVar[int] = 2

    def bind(self, auxiliary: nn.Module) -> "OneWayFlowFamily":
        return OneWayFlowFamily(auxiliary.net)

    def from_heads(self, *heads: Tensor) -> OneWayFlowPosterior:
        return OneWayFlowPosterior(Gaussian().from_heads(*heads), self.flows or nn.ModuleList())


@dataclass(frozen=True)
class QuantizedFamily(PosteriorFamily):
    """f(x) with every coordinate replaced by the nearest number in the codebook of VQVAE.

    In training it is f(x): pythae's forward pass quantises it, with a straight-through gradient.
    """

    quantizer: nn.Module | None = None
    heads: ClassVar[int] = 1

    def bind(self, auxiliary: nn.Module) -> "QuantizedFamily":
        return QuantizedFamily(auxiliary.quantizer)

    def __call__(self, encoder: Callable[[Tensor], tuple[Tensor, ...]], x: Tensor) -> DiracPosterior:
        return DiracPosterior(encoder(x)[0])

    def from_heads(self, *heads: Tensor) -> DiracPosterior:
        z = heads[0]
        return DiracPosterior(self.quantizer(z.view(len(z), 1, -1, 1)).quantized_vector.view(z.shape))
