"""The autoencoder, posteriors and priors."""

from .autoencoder import Autoencoder
from .posteriors import (
    Deterministic,
    FixedGaussian,
    Flow,
    FlowedGaussian,
    FlowPosterior,
    Gaussian,
    GaussianPosterior,
    NoisedDeterministic,
    PointPosterior,
    Posterior,
    PosteriorFamily,
    PushForwardPosterior,
    TruncatedNormal,
)
from .types import Frame, Heads, PriorDistribution

__all__ = [
    "Autoencoder",
    "Deterministic",
    "FixedGaussian",
    "Flow",
    "FlowPosterior",
    "FlowedGaussian",
    "Frame",
    "Gaussian",
    "GaussianPosterior",
    "Heads",
    "NoisedDeterministic",
    "PointPosterior",
    "Posterior",
    "PosteriorFamily",
    "PriorDistribution",
    "PushForwardPosterior",
    "TruncatedNormal",
]
