"""The contract of priors."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..functional.reconstruction import squared_error
from ..models.autoencoder import Autoencoder
from ..models.model_spec import ModelSpec
from ..models.posteriors import Gaussian
from ..models.priors import Prior
from ..plugin.interfaces import Batch, Loss, Objective
from .contract import NotApplicable, call_with_seed, check, require
from .fixtures import encode_first_pixels
from .training import TRAINING, TrainingSetup

DRAWS = 4096


PriorFactory = Callable[[int], Prior]


def _make_prior(factory: PriorFactory, latent: int) -> Prior:
    """The prior over so many dimensions, bound to an encoder that reads the first pixels."""

    def make() -> Prior:
        prior = factory(latent)
        prior.bind(ModelSpec((1, 4, 4), latent), encode_first_pixels(latent))
        return prior

    return call_with_seed(0, make)


def _sample(prior: Prior, n: int) -> Tensor:
    with torch.no_grad():
        return call_with_seed(0, lambda: prior.sample(n))


@check
def shapes(factory: PriorFactory) -> None:
    """`sample(n)` gives float32 [n, d]; `log_prob` of [..., d] gives [...]."""
    p = _make_prior(factory, 3)
    z = _sample(p, 12)
    is_right = z.shape == (12, 3) and z.dtype == torch.float32
    require(is_right, f"sample(n) gives {tuple(z.shape)} {z.dtype}, not [n, d] float32")
    for codes, expected in ((z, "[n]"), (z.reshape(4, 3, 3), "[m, n]")):
        found = tuple(p.log_prob(codes).shape)
        require(found == codes.shape[:-1], f"log_prob of {expected[:-1]}, d] has shape {found}, not {expected}")


@check
def gradient_reaches_all_weights(factory: PriorFactory) -> None:
    """A gradient of the log-density reaches every parameter."""
    p = _make_prior(factory, 3)
    log_p = p.log_prob(_sample(p, 64))
    if log_p.requires_grad:
        log_p.mean().backward()
    missed = [name for name, weight in p.named_parameters() if weight.grad is None]
    require(not missed, f"no gradient of log_prob reaches {missed}")


@check
def density_integrates_to_1(factory: PriorFactory) -> None:
    """The density in one dimension integrates to 1, by quadrature over [-40, 40]."""
    mass = float(_integrate(_make_prior(factory, 1))[1][-1])
    require(abs(mass - 1) < 1e-3, f"the density of one dimension integrates to {mass:.5f} over [-40, 40], not 1")


@check
def draws_follow_the_density(factory: PriorFactory) -> None:
    """Samples of one dimension follow the density, by Kolmogorov's distance."""
    p, n = _make_prior(factory, 1), 10 * DRAWS
    line, below = _integrate(p)
    z = _sample(p, n)[:, 0].sort().values
    apart = float((below[torch.searchsorted(line, z)] - torch.arange(n) / n).abs().max())
    # The distance of n draws of the density itself is larger than this once in 100,000 times.
    require(apart < 2.5 / math.sqrt(n), f"draws of one dimension and its density differ by {apart:.3f} (Kolmogorov)")


@check
def quantiles_follow_the_density(factory: PriorFactory) -> None:
    """Below the code that `inverse_cdf` gives for u lies a share u of the density, in one dimension."""
    u = torch.linspace(0.01, 0.99, 99, dtype=torch.float64)
    p = _make_prior(factory, 1)
    with torch.no_grad():
        z = p.inverse_cdf(u[:, None])
    if z is None:
        raise NotApplicable("the prior has no inverse_cdf")
    line, below = _integrate(p)
    apart = float((below[torch.searchsorted(line, z[:, 0].float())] - u).abs().max())
    require(apart < 5e-3, f"inverse_cdf of one dimension and its density differ by {apart:.3f}")


@check
def entropy_matches_density(factory: PriorFactory) -> None:
    """`entropy()` is the mean of -log p over draws, within five standard errors."""
    p = _make_prior(factory, 3)
    with torch.no_grad():
        log_p = p.log_prob(_sample(p, DRAWS))
        gap = abs(float(call_with_seed(1, p.entropy) + log_p.mean()))
    error = 5 * float(log_p.std()) / math.sqrt(DRAWS) + 1e-3
    require(gap < 2 * error, f"entropy() and the mean of -log_prob over draws differ by {gap:.4f} nats")


@check
def density_of_nan_is_nan(factory: PriorFactory) -> None:
    """The log-density of a NaN code is NaN; that of a code far out is not, though it may be -inf."""
    p = _make_prior(factory, 3)
    z = torch.tensor([[0.0, math.nan, 0.0], [0.0, 0.0, 0.0], [1e4, -1e4, 0.0]])
    with torch.no_grad():
        log_p = p.log_prob(z)
    require(bool(log_p[0].isnan()), f"log_prob of a code with a NaN is {float(log_p[0]):.4g}")
    require(not bool(log_p[1:].isnan().any()), f"log_prob is NaN for codes of 0 or of 1e4: {log_p[1:].tolist()}")


@dataclass(frozen=True)
class _PriorProbe(Objective):
    """Trains with the prior under test: its samples, density and KL."""

    def posterior(self) -> Gaussian:
        return Gaussian()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        drawn = squared_error(batch.x, model.decode(model.prior.sample(len(z)))).mean()
        return Loss(sse + drawn + model.prior.kl(q, z).mean() - model.prior.log_prob(z).mean(), {})


def _integrate(prior: Prior) -> tuple[Tensor, Tensor]:
    """A grid, and the integral of the one-dimensional density up to each of its points, in float64."""
    line = torch.linspace(-40, 40, 16_001)
    with torch.no_grad():
        return line, prior.log_prob(line[:, None]).double().exp().cumsum(0) * 80 / 16_000


PRIOR = (
    shapes,
    gradient_reaches_all_weights,
    density_integrates_to_1,
    draws_follow_the_density,
    quantiles_follow_the_density,
    entropy_matches_density,
    density_of_nan_is_nan,
    *(each.apply_to(lambda factory: TrainingSetup(_PriorProbe(), prior=factory)) for each in TRAINING),
)
