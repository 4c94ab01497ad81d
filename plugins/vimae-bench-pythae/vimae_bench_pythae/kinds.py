"""The models of pythae that differ from a VAE with one loss: in their codes, their optimiser steps or their prior."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Gt, Le
from pythae.models import BaseAE
from pythae.models.base.base_utils import ModelOutput
from torch import Tensor, nn

from vimae_bench.models import Autoencoder, Deterministic, Gaussian, PosteriorFamily
from vimae_bench.plugin import Batch, Loss, ModelSpec, OptimizerStep

from .objective import PythaeObjective, terms
from .posteriors import InverseAutoregressiveGaussian, OneWayGaussian, Quantised
from .priors import PythaeVamp


class Coded(PythaeObjective):
    """A deterministic code that is compared with no prior."""

    normal: ClassVar[bool] = False

    def posterior(self) -> PosteriorFamily:
        return Deterministic()


class Matched(Coded):
    """A deterministic code whose law is compared with N(0, I)."""

    normal: ClassVar[bool] = True


class VectorQuantised(Coded):
    """`VQVAE`."""

    def posterior(self) -> PosteriorFamily:
        return Quantised()


class InverseAutoregressive(PythaeObjective):
    """`VAE_IAF`."""

    def posterior(self) -> PosteriorFamily:
        return InverseAutoregressiveGaussian()


class OneWay(PythaeObjective):
    """`VAE_LinNF`."""

    def posterior(self) -> PosteriorFamily:
        return OneWayGaussian()


class Decayed(Coded):
    """`RAE_L2`: `reg_weight` is that of the decay of the decoder's weights, which pythae's pipeline leaves to Adam."""

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        out = self.output(model, batch)
        decay = 0.5 * torch.stack([p.square().sum() for p in model.decoder.parameters()]).sum()
        return Loss(out.loss + self.reg_weight * decay, {**terms(out), "decoder_decay": decay})


@dataclass(frozen=True)
class WarmedUp(PythaeObjective):
    """`DisentangledBetaVAE`: C grows from 0 over the first `warm_up` of training, where pythae counts epochs."""

    warm_up: Annotated[float, Gt(0), Le(1)] = 0.25

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        pythae = model.auxiliary
        pythae.C = self.C * (batch.progress / self.warm_up).clamp(max=1)
        out = self.output(model, batch, epoch=pythae.warmup_epoch + 1)  # pythae's own factor is 1 from then on
        return Loss(out.loss, terms(out))

    def auxiliary(self, spec: ModelSpec) -> BaseAE:
        made = super().auxiliary(spec)
        made.C = torch.tensor(made.C)  # a tensor from the beginning
        return made


@dataclass(frozen=True)
class Adversarial(PythaeObjective):
    """A model with a discriminator, which takes a step of its own after each of the autoencoder's."""

    discriminator_rate: Annotated[float, Gt(0)] | None = None
    """Its learning rate; None: the run's."""

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        mine = OptimizerStep(self, modules=("encoder", "decoder"))
        return mine, OptimizerStep(self.discriminate, modules=("auxiliary",), learning_rate=self.discriminator_rate)

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        out = self.output(model, batch)
        return Loss(self.total(out), {"recon_loss": out.recon_loss})

    def total(self, out: ModelOutput) -> Tensor:
        """What the autoencoder minimises."""
        return out.autoencoder_loss

    def discriminate(self, model: Autoencoder, batch: Batch) -> Loss:
        """The discriminator's loss on the batch, with the codes that the encoder gives after its step."""
        return Loss(self.output(model, batch).discriminator_loss, {})


@dataclass(frozen=True)
class AdversarialCode(Adversarial):
    """`Adversarial_AE`, which has a deterministic code if asked for one."""

    def posterior(self) -> PosteriorFamily:
        return Deterministic() if self.deterministic_posterior else Gaussian()


@dataclass(frozen=True)
class TotalCorrelation(Adversarial):
    """`FactorVAE`, whose encoder gets the gradient of the discriminator's loss too.

    pythae takes the codes of that loss as they are, not detached, and its trainer lets the gradients of both losses add
    up before the encoder's step.
    """

    def total(self, out: ModelOutput) -> Tensor:
        return out.autoencoder_loss + out.discriminator_loss


class Coupled(PythaeObjective):
    """`PIWAE`: a bound for the encoder and a tighter one for the decoder, each with a step of its own.

    The encoder gets the gradients of both, since pythae's trainer lets them add up before the encoder's step.
    """

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        return OptimizerStep(self, modules=("encoder",)), OptimizerStep(self.decode, modules=("decoder",))

    def decode(self, model: Autoencoder, batch: Batch) -> Loss:
        """The decoder's loss on the batch, with the codes that the encoder gives after its step."""
        out = self.output(model, batch)
        return Loss(out.decoder_loss, {})


class Vamp(PythaeObjective):
    """`VAMP`, whose learned images are the prior `pythae_vamp`."""

    def auxiliary(self, spec: ModelSpec) -> nn.Module:  # noqa: ARG002
        return nn.Module()

    def module(self, model: Autoencoder) -> BaseAE:
        pythae = model.prior.pythae
        pythae.model_config.reconstruction_loss = self.reconstruction_loss
        return pythae

    def check(self, model: Autoencoder) -> None:
        """Raises ValueError for a prior that is not pythae's."""
        if not isinstance(model.prior, PythaeVamp):
            raise ValueError("pythae's VAMP learns its prior as well; use the prior 'pythae_vamp'")


class Unfit(PythaeObjective):
    """A model that cannot be trained or measured here; a benchmark that names it is refused with the `reason`."""

    reason: ClassVar[str]

    def auxiliary(self, spec: ModelSpec) -> nn.Module:  # noqa: ARG002
        return nn.Module()

    def check(self, model: Autoencoder) -> None:  # noqa: ARG002
        """Raises ValueError with the reason."""
        raise ValueError(f"pythae's {self.model.__name__} does not run here: {self.reason}")
