"""The importance weighted autoencoder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log, pi
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt
from torch import Tensor

from vimae_bench.models import Autoencoder, Gaussian, has_full_support
from vimae_bench.plugin import Batch, Loss, Objective, hookimpl


@dataclass(frozen=True)
class ImportanceWeighted(Objective):
    """Minimises -mean log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x), over K = `draws` draws of q for each image.

    The decoder is a Gaussian of variance 1/(2c), c = `recon_scale`, and all densities are normalised, so that the loss
    is an upper bound of -log p(x) in nats, of images in network units. It is tighter in expectation the larger K is.
    A step decodes K images for each one that it encodes.
    """

    formula: ClassVar[str] = "-mean log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x), decoder variance 1/(2 * recon_scale)"
    source: ClassVar[str] = "Burda et al., 1509.00519, eq. 8"
    special_cases: ClassVar[tuple[str, ...]] = (
        "draws = 1: elbo_sampled with beta = 1, plus the constant D/2 log(pi / recon_scale)",
    )

    draws: Annotated[int, Ge(1)] = 5
    recon_scale: Annotated[float, Gt(0)] = 1.0

    def posterior(self) -> Gaussian:
        return Gaussian()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample((self.draws,))
        sse = (batch.x - model.decode(z)).square().flatten(2).sum(2)
        log_w = self._log_likelihood(sse, model.spec.input_size) + model.prior.log_prob(z) - q.log_prob(z)
        bound = (log_w.logsumexp(0) - log(self.draws)).mean()
        return Loss(-bound, {"sse": sse.mean(), "bound": bound})

    def check(self, model: Autoencoder) -> None:
        """Raises ValueError for a prior whose density is 0 somewhere: draws there have no weight at all."""
        if not has_full_support(model.prior):
            raise ValueError(f"{type(model.prior).__name__} has no density outside its support; use the prior 'normal'")

    def _log_likelihood(self, sse: Tensor, pixels: int) -> Tensor:
        """log N(x; xhat, 1/(2c)) in nats, of the squared error summed over `pixels` entries."""
        return -self.recon_scale * sse - pixels / 2 * log(pi / self.recon_scale)


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"iwae": ImportanceWeighted}
