"""Distributions of the codes of generated images: the prior, or others for models that are trained without one.

    prior     the model's prior, which for an objective that does not use it is the one of the benchmark file
    gaussian  a Gaussian with the mean and covariance of the training images' codes
    mixture   ten Gaussians with full covariances fitted to them (Ghosh et al., RAE, 1903.12436)
    chain     20 steps of the Markov chain z -> x -> z of the trained decoder and encoder, from draws of the prior
              (Grover and Ermon, 1812.10539): x is the mean image, and z a draw of q(z|x) with the noise of training

The densities are fitted to draws of q(z|x) for up to 10,000 training images chosen at random. A dimension that does not
vary among these keeps its value. Without any noise in training the chain is deterministic: it iterates f(g(z)).
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
"""Where the codes of generated images are sampled: the prior; a Gaussian or a mixture fitted to codes; a chain."""
MAX_FITTED = 10_000
COMPONENTS = 10
MAX_EM_STEPS = 1000
CHAIN_STEPS = 20
CHUNK_SIZE = 250


@dataclass(frozen=True)
class LatentSource:
    """What codes are sampled from: the model's prior, codes of training images, and the transition of the chain."""

    prior: Prior
    training_codes: Callable[[], Tensor]
    """Draws of q(z|x) for every training image [N, d]."""
    reencode: Callable[[Tensor], Tensor]
    """A transition of the chain z -> x -> z, for codes [n, d]."""
    seed: int


def sample_latents(source: LatentSource, n: int, kind: LatentDistribution) -> Tensor:
    """n independent codes [n, d], float32, from the global generators."""
    samplers = {
        "prior": _sample_prior,
        "gaussian": _sample_gaussian,
        "mixture": _sample_mixture,
        "chain": _sample_chain,
    }
    return samplers[kind](source, n)


def _sample_prior(source: LatentSource, n: int) -> Tensor:
    return source.prior.sample(n)


def _sample_gaussian(source: LatentSource, n: int) -> Tensor:
    z = _choose_training_codes(source)
    root = _compute_root(torch.atleast_2d(torch.cov(z.T, correction=0)))
    return (z.mean(0) + torch.randn(n, len(root), dtype=z.dtype, device=z.device) @ root.T).float()


def _sample_mixture(source: LatentSource, n: int) -> Tensor:
    z = _choose_training_codes(source)
    weights, means, roots = _fit_mixture(z, derive_seed(source.seed, "mixture") % 2**32)
    component = torch.multinomial(weights, n, replacement=True)
    noise = torch.randn(n, z.shape[1], dtype=z.dtype, device=z.device)
    return (means[component] + torch.einsum("nij,nj->ni", roots[component], noise)).float()


def _sample_chain(source: LatentSource, n: int) -> Tensor:
    z = source.prior.sample(n)
    for _ in range(CHAIN_STEPS):
        z = torch.cat([source.reencode(piece) for piece in z.split(CHUNK_SIZE)])
    return z


def _choose_training_codes(source: LatentSource) -> Tensor:
    z = source.training_codes()
    return z[torch.randperm(len(z), device=z.device)[:MAX_FITTED]].double()  # images may be sorted by class


def _fit_mixture(z: Tensor, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """The weights [K], means [K, d] and roots of the covariances [K, d, d] of a mixture for codes z [n, d].

    If there are fewer different codes than components, each has one.
    """
    from sklearn.mixture import GaussianMixture

    # The lower bound of the variances in the fit has to be small in units of the codes.
    mean, scale = z.mean(0), z.std(0, correction=0)
    standardized = ((z - mean) / torch.where(scale > 0, scale, 1.0)).cpu().numpy()
    count = min(COMPONENTS, len(np.unique(standardized, axis=0)))
    mixture = GaussianMixture(count, covariance_type="full", max_iter=MAX_EM_STEPS, random_state=seed).fit(standardized)
    weights, means, covariances = (
        torch.from_numpy(values).to(z) for values in (mixture.weights_, mixture.means_, mixture.covariances_)
    )
    return weights, mean + scale * means, scale.unsqueeze(1) * _compute_root(covariances)


def _compute_root(covariance: Tensor) -> Tensor:
    """A root R with R R' = the covariance [..., d, d], which may be singular, as for a code of fewer dimensions."""
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt().unsqueeze(-2)
