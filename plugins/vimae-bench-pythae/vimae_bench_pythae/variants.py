"""Models of pythae that differ from a VAE with one loss: in their codes, their optimiser steps or their prior."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Gt, Le
from pythae.models import BaseAE
from pythae.models.base.base_utils import ModelOutput
from torch import Tensor, nn

from vimae_bench.models import Autoencoder, Deterministic, Gaussian, PosteriorFamily
from vimae_bench.plugin import Batch, Loss, ModelSpec, OptimizerStep

from .objective import PythaeObjective, collect_terms
from .posteriors import InverseAutoregressiveFamily, OneWayFlowFamily, QuantizedFamily
from .priors import PythaeVamp


class DeterministicCode(PythaeObjective):
    """A deterministic code without a prior."""

    normal: ClassVar[bool] = False

    def posterior(self) -> PosteriorFamily:
        return Deterministic()


class MatchedCode(DeterministicCode):
    """A deterministic code whose distribution is compared with N(0, I)."""

    normal: ClassVar[bool] = True


class VectorQuantizedCode(DeterministicCode):
    """`VQVAE`."""

    def posterior(self) -> PosteriorFamily:
        return QuantizedFamily()


class InverseAutoregressiveVAE(PythaeObjective):
    """`VAE_IAF`."""

    def posterior(self) -> PosteriorFamily:
        return InverseAutoregressiveFamily()


class OneWayFlow(PythaeObjective):
    """`VAE_LinNF`."""

    def posterior(self) -> PosteriorFamily:
        return OneWayFlowFamily()


class WeightDecayed(DeterministicCode):
    """`RAE_L2`: `reg_weight` is the weight decay of the decoder, which pythae's pipeline leaves to Adam."""

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        out = self.run_model(model, batch)
        decay = 0.5 * torch.stack([p.square().sum() for p in model.decoder.parameters()]).sum()
        return Loss(out.loss + self.reg_weight * decay, {**collect_terms(out), "decoder_decay": decay})


@dataclass(frozen=True)
class WarmedUp(PythaeObjective):
    """`DisentangledBetaVAE`: C grows from 0 over the first `warm_up` of training, where pythae counts epochs."""

    warm_up: Annotated[float, Gt(0), Le(1)] = 0.25

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        pythae = model.auxiliary
        pythae.C = self.C * (batch.progress / self.warm_up).clamp(max=1)
        out = self.run_model(model, batch, epoch=pythae.warmup_epoch + 1)  # pythae's own factor is 1 from then on
        return Loss(out.loss, collect_terms(out))

    def auxiliary(self, spec: ModelSpec) -> BaseAE:
        pythae = super().auxiliary(spec)
        pythae.C = torch.tensor(pythae.C)  # a tensor from the beginning
        return pythae


@dataclass(frozen=True)
class Adversarial(PythaeObjective):
    """A model with a discriminator, which has its own step after each step of the autoencoder."""

    discriminator_rate: Annotated[float, Gt(0)] | None = None
    """Its learning rate; None: the run's."""

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        autoencoder_step = OptimizerStep(self, modules=("encoder", "decoder"))
        rate = self.discriminator_rate
        return autoencoder_step, OptimizerStep(self.discriminator_loss, modules=("auxiliary",), learning_rate=rate)

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        out = self.run_model(model, batch)
        return Loss(self.autoencoder_loss(out), {"recon_loss": out.recon_loss})

    def autoencoder_loss(self, out: ModelOutput) -> Tensor:
        """What the autoencoder minimises."""
        return out.autoencoder_loss

    def discriminator_loss(self, model: Autoencoder, batch: Batch) -> Loss:
        """The discriminator's loss on the batch, with the codes that the encoder gives after its step."""
        return Loss(self.run_model(model, batch).discriminator_loss, {})


@dataclass(frozen=True)
class AdversarialCode(Adversarial):
    """`Adversarial_AE`, with a deterministic code as an option."""

    def posterior(self) -> PosteriorFamily:
        return Deterministic() if self.deterministic_posterior else Gaussian()


@dataclass(frozen=True)
class TotalCorrelation(Adversarial):
    """`FactorVAE`, whose encoder also gets the gradient of the discriminator's loss.

    pythae takes the codes of that loss as they are, not detached, and its trainer lets the gradients of both losses add
    up before the encoder's step.
    """

    def autoencoder_loss(self, out: ModelOutput) -> Tensor:
        return out.autoencoder_loss + out.discriminator_loss


class CoupledBounds(PythaeObjective):
    """`PIWAE`: a bound for the encoder and a tighter one for the decoder, each with a step of its own.

    The encoder gets the gradients of both, since pythae's trainer lets them add up before the encoder's step.
    """

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        return OptimizerStep(self, modules=("encoder",)), OptimizerStep(self.decoder_loss, modules=("decoder",))

    def decoder_loss(self, model: Autoencoder, batch: Batch) -> Loss:
        """The decoder's loss on the batch, with the codes that the encoder gives after its step."""
        out = self.run_model(model, batch)
        return Loss(out.decoder_loss, {})


class Vamp(PythaeObjective):
    """`VAMP`, whose learned images are the prior `pythae_vamp`."""

    def auxiliary(self, spec: ModelSpec) -> nn.Module:  # noqa: ARG002
        return nn.Module()

    def get_module(self, model: Autoencoder) -> BaseAE:
        pythae = model.prior.pythae
        pythae.model_config.reconstruction_loss = self.reconstruction_loss
        return pythae

    def check(self, model: Autoencoder) -> None:
        """Raises ValueError for a prior that is not pythae's."""
        if not isinstance(model.prior, PythaeVamp):
            raise ValueError("pythae's VAMP learns its prior as well; use the prior 'pythae_vamp'")


class UnsupportedModel(PythaeObjective):
    """A model that is not supported; a benchmark that names it is refused with the `reason`."""

    reason: ClassVar[str]

    def auxiliary(self, spec: ModelSpec) -> nn.Module:  # noqa: ARG002
        return nn.Module()

    def check(self, model: Autoencoder) -> None:  # noqa: ARG002
        """Raises ValueError with the reason."""
        raise ValueError(f"pythae's {self.model.__name__} does not run here: {self.reason}")
