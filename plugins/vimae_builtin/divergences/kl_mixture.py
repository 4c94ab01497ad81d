"""The Kullback-Leibler divergence from the prior of the mixture of a batch's posteriors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log

from torch import Tensor

from vimae_bench.models import Gaussian, GaussianPosterior, PosteriorFamily, Prior, has_full_support
from vimae_bench.plugin import Divergence, DivergenceContext, hookimpl


@dataclass(frozen=True)
class MixtureKL(Divergence):
    """KL(q(z) || p(z)) in nats, with the mixture of the batch's B posteriors instead of q(z).

    VIMAE (1905.10549, equation 6) and InfoVAE (1706.02262) are written for this divergence, and trained with others.

    The mean of log (1/B) sum_j q(z_i|x_j) - log p(z_i) over one draw of each posterior: unbiased for the mixture of
    the batch. For q(z), which is that of all images, it is biased upwards (the divergence is convex), and is never
    below the rate less log B: where I(x; z) exceeds log B, 4.6 nats in a batch of 100, its gradient is that of the
    rate. It needs Gaussian posteriors: `infovae` with encoder = "gaussian".
    """

    def check(self, prior: Prior, family: PosteriorFamily) -> None:
        """Raises ValueError for posteriors that are not Gaussian, and for a prior whose density is 0 somewhere."""
        if not isinstance(family, Gaussian):
            raise ValueError(
                "kl_mixture needs Gaussian posteriors, which `infovae` with encoder = 'gaussian' has; "
                "or use a divergence of codes alone, such as mmd"
            )
        if not has_full_support(prior):
            raise ValueError("kl_mixture needs a prior whose density is positive everywhere, such as 'normal'")

    def loss(self, z: Tensor, prior: Prior, context: DivergenceContext) -> Tensor:
        q = context.posterior
        if not isinstance(q, GaussianPosterior):
            raise TypeError(f"kl_mixture needs Gaussian posteriors, not a {type(q).__name__}")
        log_q = q.log_prob(z.unsqueeze(1)).logsumexp(1) - log(len(z))
        return (log_q - prior.log_prob(z)).mean()


@hookimpl
def vimae_divergences() -> Mapping[str, Callable[..., Divergence]]:
    return {"kl_mixture": MixtureKL}
