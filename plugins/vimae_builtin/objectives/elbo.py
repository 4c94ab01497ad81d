"""The evidence lower bound: VAE and beta-VAE."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt
from torch import Tensor

from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, Gaussian, GaussianPosterior, Prior, has_full_support
from vimae_bench.plugin import Batch, Loss, Objective, hookimpl


@dataclass(frozen=True)
class ELBO(Objective):
    """Minimises c * SSE + beta * KL(q(z|x) || p(z)), one draw of z for each image, with c = `recon_scale`.

    beta = 1 is the VAE (1312.6114) of a Gaussian decoder with variance 1/(2c) in network units, up to a constant;
    any other beta is the beta-VAE (Higgins et al., ICLR 2017). The prior has to know the KL in closed form.
    """

    formula: ClassVar[str] = "recon_scale * SSE + beta * mean KL(q(z|x) || p(z)), the KL in closed form"
    source: ClassVar[str] = "Kingma and Welling, 1312.6114, eq. 10; beta: Higgins et al., ICLR 2017, eq. 4"
    special_cases: ClassVar[tuple[str, ...]] = (
        "beta = 1: the VAE of a Gaussian decoder with variance 1/(2 * recon_scale)",
        "beta > 1: the beta-VAE",
        "beta = 0: reconstruction alone, from one draw of the posterior",
    )
    beta: Annotated[float, Ge(0)] = 1.0
    recon_scale: Annotated[float, Gt(0)] = 1.0

    def posterior(self) -> Gaussian:
        return Gaussian()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        kl = self._kl(model.prior, q, z).mean()
        return Loss(self.recon_scale * sse + self.beta * kl, {"sse": sse, "kl": kl})

    def check(self, model: Autoencoder) -> None:
        """Raises ValueError for a prior whose KL from a diagonal Gaussian is not known in closed form."""
        if not model.prior.closed_form_kl:
            raise ValueError(
                f"{type(model.prior).__name__} has no closed form of the KL from a diagonal Gaussian; "
                "use the objective 'elbo_sampled', which estimates it from draws, or the prior 'normal'"
            )

    def _kl(self, prior: Prior, q: GaussianPosterior, z: Tensor) -> Tensor:
        return prior.kl(q, z)


@dataclass(frozen=True)
class SampledELBO(ELBO):
    """Minimises c * SSE + beta * (log q(z|x) - log p(z)), both at the one draw of z that is decoded, c = `recon_scale`.

    The second term is an unbiased estimate of the KL to any prior with a density, learned ones too; its gradient has
    a larger variance than that of the closed form.
    """

    formula: ClassVar[str] = "recon_scale * SSE + beta * mean [log q(z|x) - log p(z)], z the draw that is decoded"
    source: ClassVar[str] = "Kingma and Welling, 1312.6114, eq. 6"
    special_cases: ClassVar[tuple[str, ...]] = ("prior = normal: elbo in expectation",)

    def check(self, model: Autoencoder) -> None:
        """Raises ValueError for a prior whose density is 0 somewhere: a draw there costs infinitely much."""
        if not has_full_support(model.prior):
            raise ValueError(
                f"{type(model.prior).__name__} has no density outside its support, so the KL is infinite; use the "
                "prior 'normal', or an objective that compares samples, such as 'vimae'"
            )

    def _kl(self, prior: Prior, q: GaussianPosterior, z: Tensor) -> Tensor:
        return q.log_prob(z) - prior.log_prob(z)


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"elbo": ELBO, "elbo_sampled": SampledELBO}
