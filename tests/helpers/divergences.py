"""Divergences computed outside of a model."""

from torch import Tensor, nn

from vimae_bench.models import DiracPosterior, Posterior, Prior
from vimae_bench.plugin import Divergence, DivergenceContext


def compute_divergence(
    divergence: Divergence, z: Tensor, prior: Prior, q: Posterior | None = None, critic: nn.Module | None = None
) -> Tensor:
    """The divergence of codes z [B, d], which are draws of q if it is given, else posteriors without width."""
    return divergence.loss(z, prior, DivergenceContext(q or DiracPosterior(z), critic or nn.Module()))
