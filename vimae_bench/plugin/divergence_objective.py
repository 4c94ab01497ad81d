"""The base class of objectives that train with a divergence."""

from functools import partial

import torch
from torch import Tensor, nn

from ..models.autoencoder import Autoencoder
from ..models.model_spec import ModelSpec
from ..models.posteriors import Posterior
from .interfaces import Batch, Critic, Divergence, DivergenceContext, Loss, Objective, OptimizerStep


class DivergenceObjective(Objective):
    """An objective with a divergence between its codes and the prior, which may be estimated by a critic.

    A subclass adds `weight * self.divergence_loss(z, model, q)` to its loss. A critic is at `model.auxiliary`, and has
    an optimiser step of its own after each step of the autoencoder.
    """

    divergence: Divergence
    weight: float
    """The weight of the divergence, in the loss of the autoencoder and in that of a critic."""

    def divergence_loss(self, z: Tensor, model: Autoencoder, q: Posterior) -> Tensor:
        """What the encoder minimises for codes z [B, d], which are draws of q, one for each image: a scalar."""
        return self.divergence.loss(z, model.prior, DivergenceContext(q, model.auxiliary))

    def check(self, model: Autoencoder) -> None:
        """Raises ValueError for a prior or posteriors that the divergence is not defined for."""
        self.divergence.check(model.prior, model.family)

    def smallest_batch(self) -> int:
        """That of the divergence."""
        return self.divergence.smallest_batch()

    def auxiliary(self, spec: ModelSpec) -> nn.Module:
        """The critic, where the divergence has one."""
        critic = self.divergence.critic()
        return nn.Module() if critic is None else critic.make(spec)

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """A step of the autoencoder, and after it one of the critic where there is one."""
        critic = self.divergence.critic()
        if critic is None:
            return (OptimizerStep(self),)
        critic_loss = partial(self._critic_loss, critic)
        return (
            OptimizerStep(self, modules=("encoder", "decoder", "prior")),
            OptimizerStep(critic_loss, modules=("auxiliary",), learning_rate=critic.learning_rate),
        )

    def _critic_loss(self, critic: Critic, model: Autoencoder, batch: Batch) -> Loss:
        """The critic's loss on the batch, with the codes that the encoder gives after its step."""
        with torch.no_grad():
            z = model.encode(batch.x).rsample()
        loss = critic.loss(z, model.prior, model.auxiliary)
        return Loss(self.weight * loss, {"critic": loss})
