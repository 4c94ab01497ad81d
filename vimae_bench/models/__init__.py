"""The autoencoder, posteriors and priors."""

from .autoencoder import Autoencoder
from .posteriors import (
    Deterministic,
    DiracPosterior,
    FixedGaussian,
    Flow,
    Gaussian,
    GaussianPosterior,
    ImplicitPosterior,
    NoisyInputEncoder,
    NormalizingFlow,
    NormalizingFlowPosterior,
    Posterior,
    PosteriorFamily,
    TruncatedNormal,
)
from .types import Heads, ModelSpec, PriorDistribution

__all__ = [
    "Autoencoder",
    "Deterministic",
    "DiracPosterior",
    "FixedGaussian",
    "Flow",
    "Gaussian",
    "GaussianPosterior",
    "Heads",
    "ImplicitPosterior",
    "ModelSpec",
    "NoisyInputEncoder",
    "NormalizingFlow",
    "NormalizingFlowPosterior",
    "Posterior",
    "PosteriorFamily",
    "PriorDistribution",
    "TruncatedNormal",
]
