"""The evidence lower bound: VAE and beta-VAE."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt

from vimae_bench import Autoencoder, Batch, Gaussian, Loss, Objective, hookimpl, squared_error


@dataclass(frozen=True)
class ELBO(Objective):
    """Minimises c * SSE + beta * KL(q(z|x) || p(z)), one draw of z for each image, with c = `recon_scale`.

    beta = 1 is the VAE (1312.6114) of a Gaussian decoder with variance 1/(2c) in network units, up to a constant;
    any other beta is the beta-VAE (Higgins et al., ICLR 2017).
    """

    beta: Annotated[float, Ge(0)] = 1.0
    recon_scale: Annotated[float, Gt(0)] = 1.0

    def posterior(self) -> Gaussian:
        return Gaussian()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        kl = model.prior.kl(q, z).mean()
        return Loss(self.recon_scale * sse + self.beta * kl, {"sse": sse, "kl": kl})


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"elbo": ELBO}
