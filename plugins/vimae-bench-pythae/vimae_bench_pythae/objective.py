"""A model of pythae as an objective: its own forward pass, over our networks, gives the loss."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Gt, Le
from pythae.models import BaseAE, BaseAEConfig
from pythae.models.base.base_utils import ModelOutput
from torch import Tensor, nn

from vimae_bench import (
    Autoencoder,
    Batch,
    Deterministic,
    Frame,
    Gaussian,
    Loss,
    Objective,
    PosteriorFamily,
    PriorDistribution,
    Step,
)

from .networks import NoDecoder, NoEncoder, lent, to_unit
from .posteriors import InverseAutoregressiveGaussian, OneWayGaussian, Quantised
from .priors import PseudoInputs


class PythaeObjective(Objective):
    """A model with one loss. What it has besides encoder and decoder is the objective's auxiliary: pythae's module."""

    model: ClassVar[type[BaseAE]]
    config: ClassVar[type[BaseAEConfig]]
    settings: ClassVar[tuple[str, ...]]
    """The names of the settings that are the configuration's."""
    normal: ClassVar[bool] = True
    """Whether the loss is about N(0, I), so that no other prior will do."""

    def posterior(self) -> PosteriorFamily:
        return Gaussian()

    def auxiliary(self, frame: Frame) -> BaseAE:
        """The model without encoder and decoder, which it is lent for each loss."""
        chosen = {name: _plain(getattr(self, name)) for name in self.settings}
        config = self.config(input_dim=frame.shape, latent_dim=frame.latent, **chosen)
        made = self.model(config, NoEncoder(frame), NoDecoder())
        made.device = torch.device("cpu")  # as pythae's trainer says it; until then there is none
        return made

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        out = self.output(model, batch)
        return Loss(out.loss, terms(out))

    def check(self, model: Autoencoder) -> None:
        """Raises ValueError for a prior that is not the one pythae's loss is about."""
        if self.normal and not is_standard_normal(model.prior):
            raise ValueError(f"pythae's {self.model.__name__} has N(0, I) in its loss; use the prior 'normal'")

    def module(self, model: Autoencoder) -> BaseAE:
        """pythae's own module in a model of ours."""
        return model.auxiliary

    def output(self, model: Autoencoder, batch: Batch, **more: object) -> ModelOutput:
        """All that pythae's forward pass gives for a batch."""
        pythae = self.module(model)
        pythae.device = batch.x.device
        x = to_unit(batch.x, model.frame.pixel_range)
        with lent(pythae, model):
            return pythae({"data": x}, dataset_size=batch.images or len(x), **more)


def terms(out: ModelOutput) -> Mapping[str, Tensor]:
    """The losses that pythae tells of besides the whole, as scalars: it leaves some a value for each draw."""
    return {name: value.mean() for name, value in out.items() if name.endswith("_loss")}


def is_standard_normal(prior: PriorDistribution) -> bool:
    """Whether a prior is N(0, I), by its density at a few codes; one with weights is not."""
    if next(prior.parameters(), None) is not None:
        return False
    z = torch.linspace(-2, 2, 5)[:, None].expand(5, prior.latent)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1)
    with torch.inference_mode():  # the model may have been made in it
        return torch.allclose(prior.log_prob(z), normal, atol=1e-4)


def _plain(value: Any) -> Any:  # noqa: ANN401
    return list(value) if isinstance(value, tuple) else value


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

    def auxiliary(self, frame: Frame) -> BaseAE:
        made = super().auxiliary(frame)
        made.C = torch.tensor(made.C)  # a tensor from the beginning
        return made


@dataclass(frozen=True)
class Adversarial(PythaeObjective):
    """A model with a discriminator, which takes a step of its own after each of the autoencoder's."""

    discriminator_rate: Annotated[float, Gt(0)] | None = None
    """Its learning rate; None: the run's."""

    def steps(self) -> tuple[Step, ...]:
        mine = Step(self, trains=("encoder", "decoder"))
        return mine, Step(self.discriminate, trains=("auxiliary",), learning_rate=self.discriminator_rate)

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
class Dirac(Adversarial):
    """`Adversarial_AE`, which has a deterministic code if asked for one."""

    def posterior(self) -> PosteriorFamily:
        return Deterministic() if self.deterministic_posterior else Gaussian()


@dataclass(frozen=True)
class Disclosed(Adversarial):
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

    def steps(self) -> tuple[Step, ...]:
        return Step(self, trains=("encoder",)), Step(self.decode, trains=("decoder",))

    def decode(self, model: Autoencoder, batch: Batch) -> Loss:
        """The decoder's loss on the batch, with the codes that the encoder gives after its step."""
        out = self.output(model, batch)
        return Loss(out.decoder_loss, {})


class Vamp(PythaeObjective):
    """`VAMP`, whose learned images are the prior `pythae_vamp`."""

    def auxiliary(self, frame: Frame) -> nn.Module:  # noqa: ARG002
        return nn.Module()

    def module(self, model: Autoencoder) -> BaseAE:
        pythae = model.prior.pythae
        pythae.model_config.reconstruction_loss = self.reconstruction_loss
        return pythae

    def check(self, model: Autoencoder) -> None:
        """Raises ValueError for a prior that is not pythae's."""
        if not isinstance(model.prior, PseudoInputs):
            raise ValueError("pythae's VAMP learns its prior as well; use the prior 'pythae_vamp'")


class Unfit(PythaeObjective):
    """A model that cannot be trained or measured here; a benchmark that names it is refused with the `reason`."""

    reason: ClassVar[str]

    def auxiliary(self, frame: Frame) -> nn.Module:  # noqa: ARG002
        return nn.Module()

    def check(self, model: Autoencoder) -> None:  # noqa: ARG002
        """Raises ValueError with the reason."""
        raise ValueError(f"pythae's {self.model.__name__} does not run here: {self.reason}")
