"""Divergences that a critic or the posteriors of a batch estimate, and objectives that train with any divergence.

The critic is the second player of a game: a network at `model.auxiliary` with an optimiser step of its own, made after
each step of the autoencoder. `DivergenceObjective` has all that an objective needs for it, and for a divergence
without a critic it has nothing to do.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..core.errors import BenchError
from ..models.model_spec import ModelSpec
from ..models.posteriors import Gaussian, GaussianPosterior, Posterior
from ..models.priors import Prior, has_full_support
from .interfaces import Batch, Divergence, Loss, Objective, OptimizerStep

if TYPE_CHECKING:
    from ..models.autoencoder import Autoencoder

CRITIC_STD = 0.01
"""The standard deviation of a critic's initial weights in the WAE code."""


class AdversarialDivergence(ABC):
    """A divergence between codes z [B, d] of q(z) and p(z) that is estimated by a critic, which is trained as well."""

    learning_rate: float
    """The critic's own."""

    @abstractmethod
    def critic(self, spec: ModelSpec) -> nn.Module:
        """The critic, at its initial weights; these are drawn from the global generator."""

    @abstractmethod
    def penalty(self, z: Tensor, prior: Prior, critic: nn.Module) -> Tensor:
        """What the encoder minimises: a scalar, differentiable in z."""

    @abstractmethod
    def critic_loss(self, z: Tensor, prior: Prior, critic: nn.Module) -> Tensor:
        """What the critic minimises: a scalar, differentiable in the critic's weights."""

    def __call__(self, z: Tensor, prior: Prior) -> Tensor:  # noqa: ARG002
        """Raises BenchError, so that an objective which knows nothing of critics says so."""
        raise BenchError(
            f"{type(self).__name__} is estimated by a critic, which this objective does not train: "
            "derive it from DivergenceObjective, or take a divergence without a critic"
        )


class PosteriorDivergence(ABC):
    """A divergence of q(z) from p(z) that is estimated from the posteriors of a batch, not from their draws alone."""

    @abstractmethod
    def between(self, q: GaussianPosterior, z: Tensor, prior: Prior) -> Tensor:
        """The divergence, a scalar, from B posteriors with one draw of each, z [B, d]."""

    def __call__(self, z: Tensor, prior: Prior) -> Tensor:  # noqa: ARG002
        """Raises BenchError, so that an objective which hands over no posterior says so."""
        raise BenchError(
            f"{type(self).__name__} is estimated from posteriors, which this objective does not hand over: "
            "derive it from DivergenceObjective, or take a divergence of codes"
        )


class DivergenceObjective(Objective):
    """An objective with a divergence of any kind between its codes and the prior.

    A subclass adds `weight * self.compare(z, model, q)` to its loss.
    """

    divergence: Divergence
    weight: float
    """The weight of the divergence, in the loss of the autoencoder and in that of a critic."""

    def compare(self, z: Tensor, model: "Autoencoder", q: Posterior | None = None) -> Tensor:
        """The divergence of codes z [B, d], drawn from q, from the model's prior, or the critic's penalty: a scalar."""
        if isinstance(self.divergence, PosteriorDivergence) and isinstance(q, GaussianPosterior):
            return self.divergence.between(q, z, model.prior)
        if isinstance(self.divergence, AdversarialDivergence):
            return self.divergence.penalty(z, model.prior, model.auxiliary)
        return self.divergence(z, model.prior)

    def check(self, model: "Autoencoder") -> None:
        """Raises ValueError for posteriors without the density that the divergence needs.

        A divergence may have a method `check(prior)` that raises it for a prior it is not made for.
        """
        if isinstance(self.divergence, PosteriorDivergence) and not isinstance(model.family, Gaussian):
            raise ValueError(
                f"{type(self.divergence).__name__} needs Gaussian posteriors, which `infovae` with "
                "encoder = 'gaussian' has; or take a divergence of codes, such as mmd"
            )
        fits: Callable[[Prior], None] | None = getattr(self.divergence, "check", None)
        if fits is not None:
            fits(model.prior)

    def auxiliary(self, spec: ModelSpec) -> nn.Module:
        """The critic, where the divergence has one."""
        return self.divergence.critic(spec) if isinstance(self.divergence, AdversarialDivergence) else nn.Module()

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """A step of the autoencoder, and after it one of the critic where there is one."""
        if not isinstance(self.divergence, AdversarialDivergence):
            return (OptimizerStep(self),)
        mine = OptimizerStep(self, modules=("encoder", "decoder", "prior"))
        return mine, OptimizerStep(
            self._critic_step, modules=("auxiliary",), learning_rate=self.divergence.learning_rate
        )

    def _critic_step(self, model: "Autoencoder", batch: Batch) -> Loss:
        """The critic's loss on the batch, with the codes that the encoder gives after its step."""
        divergence: Any = self.divergence
        with torch.no_grad():
            z = model.encode(batch.x).rsample()
        loss = divergence.critic_loss(z, model.prior, model.auxiliary)
        return Loss(self.weight * loss, {"critic": loss})


@dataclass(frozen=True)
class AdversarialJS(AdversarialDivergence):
    """The Jensen-Shannon divergence as WAE-GAN (1711.01558) and the adversarial autoencoder (1511.05644) estimate it.

    The critic's logits T tell draws p of the prior from codes z: it minimises mean softplus(-T(p)) +
    mean softplus(T(z)), which is 2 log 2 - 2 JS at its best, and the encoder minimises mean softplus(-T(z)), the form
    that does not saturate. Both are in nats. T is a perceptron with `layers` hidden layers of `units` ReLUs, initial
    weights N(0, 0.01^2) and biases 0, to which `prior_trick` adds log p(z), so that it has to learn -log q(z) alone
    (1701.04722; github.com/tolstikhin/wae).
    """

    units: Annotated[int, Ge(1)] = 512
    layers: Annotated[int, Ge(1)] = 4
    prior_trick: bool = False
    learning_rate: Annotated[float, Gt(0)] = 5e-4

    def critic(self, spec: ModelSpec) -> nn.Module:
        sizes = [spec.latent, *[self.units] * self.layers]
        hidden = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
        critic = nn.Sequential(*hidden, nn.Linear(self.units, 1))
        for name, p in critic.named_parameters():
            nn.init.normal_(p, std=CRITIC_STD) if name.endswith("weight") else nn.init.zeros_(p)
        return critic

    def penalty(self, z: Tensor, prior: Prior, critic: nn.Module) -> Tensor:
        return softplus(-self.logits(z, prior, critic)).mean()

    def critic_loss(self, z: Tensor, prior: Prior, critic: nn.Module) -> Tensor:
        drawn = self.logits(prior.sample(len(z)), prior, critic)
        return softplus(-drawn).mean() + softplus(self.logits(z, prior, critic)).mean()

    def logits(self, z: Tensor, prior: Prior, critic: nn.Module) -> Tensor:
        """T of codes z [B, d], shape [B]: the critic's log p(z) - log q(z)."""
        learned: Tensor = critic(z).squeeze(-1)
        return learned + prior.log_prob(z) if self.prior_trick else learned

    def check(self, prior: Prior) -> None:
        """Raises ValueError for the prior trick over a prior whose density is 0 somewhere."""
        if self.prior_trick and not has_full_support(prior):
            raise ValueError("prior_trick needs a prior whose density is nowhere 0; this one ends somewhere")
