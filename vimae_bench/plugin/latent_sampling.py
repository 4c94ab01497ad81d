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

LatentSampler = Callable[[int], Tensor]
"""Draws so many codes [n, d], float32."""


@dataclass(frozen=True)
class LatentSource:
    """What codes are sampled from: the model's prior, codes of training images, and the transition of the chain."""

    prior: Prior
    training_codes: Callable[[int], Tensor]
    """Draws of q(z|x) for up to so many training images chosen at random [n, d]."""
    reencode: Callable[[Tensor], Tensor]
    """A transition of the chain z -> x -> z, for codes [n, d]."""
    seed: int


def create_sampler(source: LatentSource, kind: LatentDistribution) -> LatentSampler:
    """A function that draws n independent codes [n, d], float32, from the global generators; fitted once."""
    samplers = {
        "prior": _create_prior_sampler,
        "gaussian": _fit_gaussian_sampler,
        "mixture": _fit_mixture_sampler,
        "chain": _create_chain_sampler,
    }
    return samplers[kind](source)


def _create_prior_sampler(source: LatentSource) -> LatentSampler:
    return source.prior.sample


def _fit_gaussian_sampler(source: LatentSource) -> LatentSampler:
    z = source.training_codes(MAX_FITTED).double()
    mean, root = z.mean(0), _compute_root(torch.atleast_2d(torch.cov(z.T, correction=0)))

    def sample(n: int) -> Tensor:
        return (mean + torch.randn(n, len(root), dtype=z.dtype, device=z.device) @ root.T).float()

    return sample


def _fit_mixture_sampler(source: LatentSource) -> LatentSampler:
    z = source.training_codes(MAX_FITTED).double()
    weights, means, roots = _fit_mixture(z, derive_seed(source.seed, "mixture") % 2**32)

    def sample(n: int) -> Tensor:
        component = torch.multinomial(weights, n, replacement=True)
        noise = torch.randn(n, z.shape[1], dtype=z.dtype, device=z.device)
        return (means[component] + torch.einsum("nij,nj->ni", roots[component], noise)).float()

    return sample


def _create_chain_sampler(source: LatentSource) -> LatentSampler:
    def sample(n: int) -> Tensor:
        z = source.prior.sample(n)
        for _ in range(CHAIN_STEPS):
            z = torch.cat([source.reencode(piece) for piece in z.split(CHUNK_SIZE)])
        return z

    return sample


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
