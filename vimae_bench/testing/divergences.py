"""The contract of divergences: of codes, of posteriors, and those that a critic estimates."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..functional.reconstruction import squared_error
from ..models.autoencoder import Autoencoder
from ..models.model_spec import ModelSpec
from ..models.posteriors import Gaussian, GaussianPosterior
from ..models.priors import StandardNormal
from ..plugin.adversarial import AdversarialDivergence, DivergenceObjective, PosteriorDivergence
from ..plugin.interfaces import Batch, Divergence, Loss
from .contract import NotApplicable, check, expect, seeded
from .settings import SETTINGS
from .training import TRAINING, Trained

FRAME = ModelSpec((1, 4, 4), 3)
TO_PRIOR = StandardNormal(FRAME.latent)


def _codes(seed: int, shift: float = 0.0, n: int = 200) -> Tensor:
    return seeded(seed, lambda: TO_PRIOR.sample(n) + shift)


def _between(divergence: Divergence, z: Tensor) -> Tensor:
    """Of codes, or of posteriors that are each as wide as the prior and have its mean where the codes have."""
    if isinstance(divergence, AdversarialDivergence):
        raise NotApplicable("it is estimated by a critic")
    if not isinstance(divergence, PosteriorDivergence):
        return seeded(1, lambda: divergence(z, TO_PRIOR))
    mean = z.mean(0).expand_as(z)
    return divergence.between(GaussianPosterior(mean, torch.zeros_like(z)), z, TO_PRIOR)


@check
def a_scalar_that_grows(divergence: Divergence) -> None:
    """It is a scalar, near 0 for draws of the prior and at least five times as large 3 sd away."""
    far = _between(divergence, _codes(9, 3))
    expect(far.shape == (), f"gives shape {tuple(far.shape)}, not a scalar")
    near = torch.stack([_between(divergence, _codes(i)) for i in range(8)])
    apart, ours = float(far), float(near.abs().mean())
    expect(ours < apart / 5, f"is {ours:.4f} for draws of the prior, {apart:.4f} for draws 3 sd away")


@check
def gradient_leads_back(divergence: Divergence) -> None:
    """Its gradient leads codes that are shifted back to the prior."""
    z = _codes(9, 3).requires_grad_()
    _expect_back(torch.autograd.grad(_between(divergence, z), z)[0])


@check
def codes_may_meet(divergence: Divergence) -> None:
    """Where all codes are one, or 1e4 away, neither it nor its gradient is NaN."""
    for case, level in (("that are all one", 0.0), ("1e4 away", 1e4)):
        z = (torch.full((20, FRAME.latent), level) if level == 0 else _codes(3, level, 20)).requires_grad_()
        value = _between(divergence, z)
        (slope,) = torch.autograd.grad(value, z)
        expect(not bool(value.isnan() or slope.isnan().any()), f"it or its gradient is NaN for codes {case}")


@check
def critic_learns(divergence: Divergence) -> None:
    """A critic's loss halves in 300 steps on codes 3 sd away, and its penalty then leads them back."""
    if not isinstance(divergence, AdversarialDivergence):
        raise NotApplicable("it has no critic")
    z = _codes(9, 3, 64)
    critic = _trained_critic(divergence, z)
    z.requires_grad_()
    far = divergence.penalty(z, TO_PRIOR, critic)
    expect(far.shape == (), f"the penalty has shape {tuple(far.shape)}, not a scalar")
    ours, apart = float(divergence.penalty(_codes(8, n=64), TO_PRIOR, critic).detach()), float(far.detach())
    expect(ours < apart, f"the penalty is {ours:.4f} for draws of the prior, {apart:.4f} for draws 3 sd away")
    _expect_back(torch.autograd.grad(far, z)[0])


def _expect_back(slope: Tensor) -> None:
    __tracebackhide__ = True
    expect(bool(slope.isfinite().all()) and float(slope.sum()) > 0, "its gradient does not lead shifted codes back")


def _trained_critic(divergence: AdversarialDivergence, z: Tensor) -> nn.Module:
    """The critic after 300 steps on codes z and draws of the prior."""
    critic = seeded(0, lambda: divergence.critic(FRAME))
    optimiser = torch.optim.Adam(critic.parameters(), divergence.learning_rate, (0.5, 0.999))
    losses: list[float] = []
    for i in range(300):
        loss = seeded(i, lambda: divergence.critic_loss(z, TO_PRIOR, critic))
        expect(loss.shape == (), f"the critic's loss has shape {tuple(loss.shape)}, not a scalar")
        optimiser.zero_grad()
        loss.backward()
        losses.append(float(loss.detach()))
        bare = [name for name, p in critic.named_parameters() if p.grad is None]
        expect(not bare, f"no gradient of the critic's loss reaches {bare}")
        optimiser.step()
    fell = f"the critic's loss goes from {losses[0]:.4f} to {losses[-1]:.4f} for draws 3 sd away, and has to halve"
    expect(losses[-1] < losses[0] / 2, fell)
    return critic


@dataclass(frozen=True)
class _Compared(DivergenceObjective):
    """Trains with a divergence of any kind."""

    divergence: Divergence
    weight: float = 1.0

    def posterior(self) -> Gaussian:
        return Gaussian()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        return Loss(sse + self.compare(z, model, q), {})


DIVERGENCE = (
    a_scalar_that_grows,
    gradient_leads_back,
    codes_may_meet,
    critic_learns,
    *(each.of(lambda divergence: Trained(_Compared(divergence))) for each in TRAINING),
    *SETTINGS,
)
