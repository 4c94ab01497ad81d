"""The contract of divergences."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..functional.reconstruction import squared_error
from ..models.autoencoder import Autoencoder
from ..models.model_spec import ModelSpec
from ..models.posteriors import Gaussian, GaussianPosterior
from ..models.priors import StandardNormal
from ..plugin.divergence_objective import DivergenceObjective
from ..plugin.interfaces import Batch, Critic, Divergence, DivergenceContext, Loss
from .contract import NotApplicable, check, expect, seeded
from .settings import SETTINGS
from .training import TRAINING, Trained

SPEC = ModelSpec((1, 4, 4), 3)
TO_PRIOR = StandardNormal(SPEC.latent)


def _codes(seed: int, shift: float = 0.0, n: int = 200) -> Tensor:
    return seeded(seed, lambda: TO_PRIOR.sample(n) + shift)


def _estimate(divergence: Divergence, z: Tensor) -> Tensor:
    """The divergence of codes z, whose posteriors are each as wide as the prior and have the mean of the codes."""
    if divergence.critic() is not None:
        raise NotApplicable("it is estimated by a critic")
    return seeded(1, lambda: divergence.loss(z, TO_PRIOR, _context(z, nn.Module())))


def _context(z: Tensor, critic: nn.Module) -> DivergenceContext:
    return DivergenceContext(GaussianPosterior(z.mean(0).expand_as(z), torch.zeros_like(z)), critic)


@check
def a_scalar_that_grows(divergence: Divergence) -> None:
    """It is a scalar, near 0 for draws of the prior and at least five times as large 3 sd away."""
    far = _estimate(divergence, _codes(9, 3))
    expect(far.shape == (), f"gives shape {tuple(far.shape)}, not a scalar")
    near = torch.stack([_estimate(divergence, _codes(i)) for i in range(8)])
    apart, ours = float(far), float(near.abs().mean())
    expect(ours < apart / 5, f"is {ours:.4f} for draws of the prior, {apart:.4f} for draws 3 sd away")


@check
def gradient_leads_back(divergence: Divergence) -> None:
    """Its gradient leads codes that are shifted back to the prior."""
    z = _codes(9, 3).requires_grad_()
    _expect_back(torch.autograd.grad(_estimate(divergence, z), z)[0])


@check
def codes_may_meet(divergence: Divergence) -> None:
    """Where all codes are one, or 1e4 away, neither it nor its gradient is NaN."""
    for case, level in (("that are all one", 0.0), ("1e4 away", 1e4)):
        z = (torch.full((20, SPEC.latent), level) if level == 0 else _codes(3, level, 20)).requires_grad_()
        value = _estimate(divergence, z)
        (slope,) = torch.autograd.grad(value, z)
        expect(not bool(value.isnan() or slope.isnan().any()), f"it or its gradient is NaN for codes {case}")


@check
def critic_learns(divergence: Divergence) -> None:
    """A critic's loss halves in 300 steps on codes 3 sd away, and its penalty then leads them back."""
    critic = divergence.critic()
    if critic is None:
        raise NotApplicable("it has no critic")
    z = _codes(9, 3, 64)
    network = _train_critic(critic, z)
    z.requires_grad_()
    far = divergence.loss(z, TO_PRIOR, _context(z, network))
    expect(far.shape == (), f"the penalty has shape {tuple(far.shape)}, not a scalar")
    near = _codes(8, n=64)
    ours = float(divergence.loss(near, TO_PRIOR, _context(near, network)).detach())
    apart = float(far.detach())
    expect(ours < apart, f"the penalty is {ours:.4f} for draws of the prior, {apart:.4f} for draws 3 sd away")
    _expect_back(torch.autograd.grad(far, z)[0])


def _expect_back(slope: Tensor) -> None:
    __tracebackhide__ = True
    expect(bool(slope.isfinite().all()) and float(slope.sum()) > 0, "its gradient does not lead shifted codes back")


def _train_critic(critic: Critic, z: Tensor) -> nn.Module:
    """The network after 300 steps on codes z and draws of the prior."""
    network = seeded(0, lambda: critic.make(SPEC))
    optimizer = torch.optim.Adam(network.parameters(), critic.learning_rate, (0.5, 0.999))
    losses: list[float] = []
    for i in range(300):
        loss = seeded(i, lambda: critic.loss(z, TO_PRIOR, network))
        expect(loss.shape == (), f"the critic's loss has shape {tuple(loss.shape)}, not a scalar")
        optimizer.zero_grad()
        loss.backward()
        losses.append(float(loss.detach()))
        missed = [name for name, p in network.named_parameters() if p.grad is None]
        expect(not missed, f"no gradient of the critic's loss reaches {missed}")
        optimizer.step()
    fell = f"the critic's loss goes from {losses[0]:.4f} to {losses[-1]:.4f} for draws 3 sd away, and has to halve"
    expect(losses[-1] < losses[0] / 2, fell)
    return network


@dataclass(frozen=True)
class _DivergenceProbe(DivergenceObjective):
    """Trains with the divergence under test."""

    divergence: Divergence
    weight: float = 1.0

    def posterior(self) -> Gaussian:
        return Gaussian()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        return Loss(sse + self.divergence_loss(z, model, q), {})


DIVERGENCE = (
    a_scalar_that_grows,
    gradient_leads_back,
    codes_may_meet,
    critic_learns,
    *(each.of(lambda divergence: Trained(_DivergenceProbe(divergence))) for each in TRAINING),
    *SETTINGS,
)
