"""Where the codes of generated images are drawn: from the model's prior, or after training for models without one.

    prior     the model's own prior, which for an objective without one is the prior that its benchmark names
    gaussian  a Gaussian with the mean and covariance of the training images' codes
    mixture   ten Gaussians with full covariances fitted to them (Ghosh et al., RAE, 1903.12436)
    chain     20 steps of the Markov chain z -> x -> z of the trained decoder and encoder, from draws of the prior
              (Grover and Ermon, 1812.10539): x is the mean image, and z a draw of q(z|x) with the noise of training

The densities are fitted to draws of q(z|x) for up to 10,000 training images chosen at random. A dimension that does not
vary among these is drawn at its value. Without any noise in training the chain is no chain: it ends where f(g(z)) does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..core.seeds import derive_seed
from ..models.priors import Prior

LatentDistribution = Literal["prior", "gaussian", "mixture", "chain"]
FITTED = 10_000
COMPONENTS = 10
ITERATIONS = 1000
"""Of expectation and maximisation, at most."""
TRANSITIONS = 20
AT_ONCE = 250


@dataclass(frozen=True)
class LatentSource:
    """What codes are drawn from: the model's prior, codes of training images, and the chain's transition."""

    prior: Prior
    training_codes: Callable[[], Tensor]
    """Draws of q(z|x) for every training image [N, d]."""
    reencode: Callable[[Tensor], Tensor]
    """A transition of the chain z -> x -> z, for codes [n, d]."""
    seed: int


def codes(source: LatentSource, n: int, kind: LatentDistribution) -> Tensor:
    """n independent codes [n, d], float32, to be decoded: drawn with the global generators."""
    draw = {"prior": _from_prior, "gaussian": _from_gaussian, "mixture": _from_mixture, "chain": _from_chain}
    return draw[kind](source, n)


def _from_prior(source: LatentSource, n: int) -> Tensor:
    return source.prior.sample(n)


def _from_gaussian(source: LatentSource, n: int) -> Tensor:
    z = _training_codes(source)
    root = _root(torch.atleast_2d(torch.cov(z.T, correction=0)))
    return (z.mean(0) + torch.randn(n, len(root), dtype=z.dtype, device=z.device) @ root.T).float()


def _from_mixture(source: LatentSource, n: int) -> Tensor:
    z = _training_codes(source)
    weights, means, roots = _fitted(z, derive_seed(source.seed, "mixture") % 2**32)
    component = torch.multinomial(weights, n, replacement=True)
    noise = torch.randn(n, z.shape[1], dtype=z.dtype, device=z.device)
    return (means[component] + torch.einsum("nij,nj->ni", roots[component], noise)).float()


def _from_chain(source: LatentSource, n: int) -> Tensor:
    z = source.prior.sample(n)
    for _ in range(TRANSITIONS):
        z = torch.cat([source.reencode(few) for few in z.split(AT_ONCE)])
    return z


def _training_codes(source: LatentSource) -> Tensor:
    z = source.training_codes()
    return z[torch.randperm(len(z), device=z.device)[:FITTED]].double()  # images may lie in the order of their classes


def _fitted(z: Tensor, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """The weights [K], means [K, d] and roots of the covariances [K, d, d] of a mixture for codes z [n, d].

    Of fewer different codes than there are components, each has one.
    """
    from sklearn.mixture import GaussianMixture

    # The floor that the fit puts under variances is to be small in units of the codes.
    mean, scale = z.mean(0), z.std(0, correction=0)
    whole = ((z - mean) / torch.where(scale > 0, scale, 1.0)).cpu().numpy()
    count = min(COMPONENTS, len(np.unique(whole, axis=0)))
    mixture = GaussianMixture(count, covariance_type="full", max_iter=ITERATIONS, random_state=seed).fit(whole)
    weights, means, covariances = (
        torch.from_numpy(of).to(z) for of in (mixture.weights_, mixture.means_, mixture.covariances_)
    )
    return weights, mean + scale * means, scale.unsqueeze(1) * _root(covariances)


def _root(covariance: Tensor) -> Tensor:
    """A root R with R R' = the covariance [..., d, d], which may be singular, as for a code of fewer dimensions."""
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt().unsqueeze(-2)
