"""The Jensen-Shannon divergence by a critic, which WAE-GAN and the adversarial autoencoder share."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..models.model_spec import ModelSpec
from ..models.posteriors import PosteriorFamily
from ..models.priors import Prior, has_full_support
from .interfaces import Critic, Divergence, DivergenceContext

INIT_STD = 0.01
"""The standard deviation of a critic's initial weights in the WAE code."""


@dataclass(frozen=True)
class AdversarialJS(Divergence):
    """The Jensen-Shannon divergence as WAE-GAN (1711.01558) and the adversarial autoencoder (1511.05644) estimate it.

    The critic's logits T separate samples p of the prior from codes z: it minimises mean softplus(-T(p)) +
    mean softplus(T(z)), which is 2 log 2 - 2 JS at its best, and the encoder minimises mean softplus(-T(z)), the form
    that does not saturate. Both are in nats. T is a perceptron with `layers` hidden layers of `units` ReLUs, initial
    weights N(0, 0.01^2) and biases 0, to which `prior_trick` adds log p(z), so that it has to learn -log q(z) alone
    (1701.04722; github.com/tolstikhin/wae).
    """

    units: Annotated[int, Ge(1)] = 512
    layers: Annotated[int, Ge(1)] = 4
    prior_trick: bool = False
    learning_rate: Annotated[float, Gt(0)] = 5e-4

    def loss(self, z: Tensor, prior: Prior, context: DivergenceContext) -> Tensor:
        return softplus(-self.logits(z, prior, context.critic)).mean()

    def critic(self) -> Critic:
        return Critic(self.make_network, self.critic_loss, self.learning_rate)

    def make_network(self, spec: ModelSpec) -> nn.Module:
        """The perceptron: codes [B, d] to [B, 1]."""
        sizes = [spec.latent, *[self.units] * self.layers]
        hidden = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
        network = nn.Sequential(*hidden, nn.Linear(self.units, 1))
        for name, p in network.named_parameters():
            nn.init.normal_(p, std=INIT_STD) if name.endswith("weight") else nn.init.zeros_(p)
        return network

    def critic_loss(self, z: Tensor, prior: Prior, network: nn.Module) -> Tensor:
        """The cross-entropy of telling codes z [B, d] from as many draws of the prior, in nats: a scalar."""
        logits_of_prior = self.logits(prior.sample(len(z)), prior, network)
        return softplus(-logits_of_prior).mean() + softplus(self.logits(z, prior, network)).mean()

    def logits(self, z: Tensor, prior: Prior, network: nn.Module) -> Tensor:
        """T of codes z [B, d], shape [B]: the network's log p(z) - log q(z)."""
        learned: Tensor = network(z).squeeze(-1)
        return learned + prior.log_prob(z) if self.prior_trick else learned

    def check(self, prior: Prior, family: PosteriorFamily) -> None:  # noqa: ARG002
        """Raises ValueError for the prior trick over a prior whose density is 0 somewhere."""
        if self.prior_trick and not has_full_support(prior):
            raise ValueError("prior_trick needs a prior whose density is positive everywhere, such as 'normal'")
