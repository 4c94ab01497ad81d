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
from .contract import NotApplicable, call_with_seed, check, require
from .settings import SETTINGS
from .training import TRAINING, TrainingSetup

SPEC = ModelSpec((1, 4, 4), 3)
NORMAL = StandardNormal(SPEC.latent)


def _sample_codes(seed: int, shift: float = 0.0, n: int = 200) -> Tensor:
    return call_with_seed(seed, lambda: NORMAL.sample(n) + shift)


def _estimate(divergence: Divergence, z: Tensor) -> Tensor:
    """The divergence of codes z, whose posteriors are each as wide as the prior and have the mean of the codes."""
    if divergence.critic() is not None:
        raise NotApplicable("it is estimated by a critic")
    return call_with_seed(1, lambda: divergence.loss(z, NORMAL, _context(z, nn.Module())))


def _context(z: Tensor, critic: nn.Module) -> DivergenceContext:
    return DivergenceContext(GaussianPosterior(z.mean(0).expand_as(z), torch.zeros_like(z)), critic)


@check
def grows_with_distance(divergence: Divergence) -> None:
    """It is a scalar, near 0 for samples of the prior and at least five times as large 3 sd away."""
    far = _estimate(divergence, _sample_codes(9, 3))
    require(far.shape == (), f"gives shape {tuple(far.shape)}, not a scalar")
    near = torch.stack([_estimate(divergence, _sample_codes(i)) for i in range(8)])
    apart, ours = float(far), float(near.abs().mean())
    require(ours < apart / 5, f"is {ours:.4f} for draws of the prior, {apart:.4f} for draws 3 sd away")


@check
def gradient_points_to_the_prior(divergence: Divergence) -> None:
    """Its gradient moves shifted codes back to the prior."""
    z = _sample_codes(9, 3).requires_grad_()
    _require_return(torch.autograd.grad(_estimate(divergence, z), z)[0])


@check
def no_nan_where_codes_coincide(divergence: Divergence) -> None:
    """Neither it nor its gradient is NaN where all codes are equal, or 1e4 away."""
    for case, level in (("that are all equal", 0.0), ("1e4 away", 1e4)):
        z = (torch.full((20, SPEC.latent), level) if level == 0 else _sample_codes(3, level, 20)).requires_grad_()
        value = _estimate(divergence, z)
        (slope,) = torch.autograd.grad(value, z)
        require(not bool(value.isnan() or slope.isnan().any()), f"it or its gradient is NaN for codes {case}")


@check
def smallest_batch_suffices(divergence: Divergence) -> None:
    """It and its gradient are finite for as few codes as `smallest_batch()` says, or two."""
    n = max(2, divergence.smallest_batch())
    z = _sample_codes(3, n=n).requires_grad_()
    value = _estimate(divergence, z)
    (slope,) = torch.autograd.grad(value, z)
    require(bool(value.isfinite() and slope.isfinite().all()), f"it or its gradient is not finite for {n} codes")


@check
def critic_learns(divergence: Divergence) -> None:
    """The loss of a critic halves in 300 steps on codes 3 sd away, and the divergence then moves them back."""
    critic = divergence.critic()
    if critic is None:
        raise NotApplicable("it has no critic")
    z = _sample_codes(9, 3, 64)
    network = _train_critic(critic, z)
    z.requires_grad_()
    far = divergence.loss(z, NORMAL, _context(z, network))
    require(far.shape == (), f"the penalty has shape {tuple(far.shape)}, not a scalar")
    near = _sample_codes(8, n=64)
    ours = float(divergence.loss(near, NORMAL, _context(near, network)).detach())
    apart = float(far.detach())
    require(ours < apart, f"the penalty is {ours:.4f} for draws of the prior, {apart:.4f} for draws 3 sd away")
    _require_return(torch.autograd.grad(far, z)[0])


def _require_return(slope: Tensor) -> None:
    __tracebackhide__ = True
    require(bool(slope.isfinite().all()) and float(slope.sum()) > 0, "its gradient does not lead shifted codes back")


def _train_critic(critic: Critic, z: Tensor) -> nn.Module:
    """The network after 300 steps on codes z and draws of the prior."""
    network = call_with_seed(0, lambda: critic.make(SPEC))
    optimizer = torch.optim.Adam(network.parameters(), critic.learning_rate, (0.5, 0.999))
    losses: list[float] = []
    for i in range(300):
        loss = call_with_seed(i, lambda: critic.loss(z, NORMAL, network))
        require(loss.shape == (), f"the critic's loss has shape {tuple(loss.shape)}, not a scalar")
        optimizer.zero_grad()
        loss.backward()
        losses.append(float(loss.detach()))
        missed = [name for name, p in network.named_parameters() if p.grad is None]
        require(not missed, f"no gradient of the critic's loss reaches {missed}")
        optimizer.step()
    fell = f"the critic's loss goes from {losses[0]:.4f} to {losses[-1]:.4f} for draws 3 sd away, and has to halve"
    require(losses[-1] < losses[0] / 2, fell)
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
    grows_with_distance,
    gradient_points_to_the_prior,
    no_nan_where_codes_coincide,
    smallest_batch_suffices,
    critic_learns,
    *(each.apply_to(lambda divergence: TrainingSetup(_DivergenceProbe(divergence))) for each in TRAINING),
    *SETTINGS,
)
