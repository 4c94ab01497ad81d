"""The VAE with a penalty on the covariance of its codes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, Gaussian, GaussianPosterior
from vimae_bench.plugin import Batch, Loss, Objective, hookimpl

CovarianceKind = Literal["i", "ii"]


@dataclass(frozen=True)
class DIPVAE(Objective):
    """Minimises c * SSE + KL(q(z|x) || p(z)) + off_diagonal * sum_{i != j} C_ij^2 + diagonal * sum_i (C_ii - 1)^2.

    C is a covariance over the batch (divided by B): of the posterior means for `kind` "i", of z, to which the mean of
    the posterior variances is added, for "ii". One draw of z for each image is decoded, and c = `recon_scale`. The
    paper takes `diagonal` ten times as large as `off_diagonal` for "i" and as large for "ii" (1711.00848).
    """

    formula: ClassVar[str] = (
        "recon_scale * SSE + KL(q(z|x) || p(z)) + off_diagonal * sum_{i != j} C_ij^2 + diagonal * sum_i (C_ii - 1)^2"
    )
    source: ClassVar[str] = "Kumar, Sattigeri and Balakrishnan, 1711.00848, equations 6 and 7"
    special_cases: ClassVar[tuple[str, ...]] = ("off_diagonal = diagonal = 0 is `elbo` with beta = 1",)

    kind: CovarianceKind = "i"
    off_diagonal: Annotated[float, Ge(0)] = 10.0
    diagonal: Annotated[float, Ge(0)] = 100.0
    recon_scale: Annotated[float, Gt(0)] = 1.0

    def posterior(self) -> Gaussian:
        return Gaussian()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        kl = model.prior.kl(q, z).mean()
        off, on = compute_penalties(q, self.kind)
        total = self.recon_scale * sse + kl + self.off_diagonal * off + self.diagonal * on
        return Loss(total, {"sse": sse, "kl": kl, "off diagonal": off, "diagonal": on})


def compute_penalties(q: GaussianPosterior, kind: CovarianceKind) -> tuple[Tensor, Tensor]:
    """sum_{i != j} C_ij^2 and sum_i (C_ii - 1)^2, both scalars, for the posteriors of B images."""
    centred = q.m - q.m.mean(0)
    covariance = centred.T @ centred / len(q.m)
    on = covariance.diagonal()
    off = covariance - torch.diag(on)
    if kind == "ii":
        on = on + q.std.square().mean(0)
    return off.square().sum(), (on - 1).square().sum()


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"dip_vae": DIPVAE}
