"""The autoencoder, posteriors and priors."""

from .autoencoder import Autoencoder
from .heads import Heads
from .model_spec import ModelSpec
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
from .priors import Prior, StandardNormal, has_full_support

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
    "Prior",
    "StandardNormal",
    "TruncatedNormal",
    "has_full_support",
]
