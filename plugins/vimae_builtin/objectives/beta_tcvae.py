"""The VAE with a weight of its own on the total correlation of q(z)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log, pi
from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, Gaussian, GaussianPosterior
from vimae_bench.plugin import Batch, Loss, Objective, hookimpl

WeightSampling = Literal["weighted", "stratified"]


@dataclass(frozen=True)
class BetaTCVAE(Objective):
    """Minimises c * SSE + KL(q(z|x) || p(z)) + (beta - 1) * TC, one draw of z for each image, c = `recon_scale`.

    TC = KL(q(z) || prod_k q(z_k)) is the total correlation of the codes of all N training images, in nats. It is
    estimated from the batch by what `sampling` names in the paper (1802.04942, appendix C): `weighted` sums the B
    posteriors of the batch and divides by N * B; `stratified` gives an image's own posterior the weight 1/N that it has
    in q(z), and the others (N-1)/(N(B-1)) each, so that its estimate of q(z) is unbiased.

    The weighted TC is too large, by (d - 1) log N for an encoder that ignores its images, and its gradient does not
    depend on N. The stratified one may be read as a total correlation; it takes logarithms of unbiased estimates, so it
    is biased where posteriors are narrow and B is small.
    """

    formula: ClassVar[str] = "recon_scale * SSE + KL(q(z|x) || p(z)) + (beta - 1) * TC(z)"
    source: ClassVar[str] = "Chen et al., 1802.04942, equation 4 with alpha = gamma = 1; github.com/rtqichen/beta-tcvae"
    special_cases: ClassVar[tuple[str, ...]] = ("beta = 1 is `elbo` with beta = 1",)

    beta: Annotated[float, Ge(0)] = 6.0
    sampling: WeightSampling = "weighted"
    recon_scale: Annotated[float, Gt(0)] = 1.0

    def posterior(self) -> Gaussian:
        return Gaussian()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        kl = model.prior.kl(q, z).mean()
        tc = estimate_total_correlation(z, q, batch.dataset_size, self.sampling)
        total = self.recon_scale * sse + kl + (self.beta - 1) * tc
        return Loss(total, {"sse": sse, "kl": kl, "tc": tc})


def estimate_total_correlation(
    z: Tensor, q: GaussianPosterior, images: int, sampling: WeightSampling = "weighted"
) -> Tensor:
    """E log q(z) - sum_k log q(z_k) in nats, a scalar, from one draw z [B, d] of q for each of B of `images` images."""
    u = (z.unsqueeze(1) - q.m) / q.std
    log_q = -0.5 * (u.square() + log(2 * pi)) - q.std.log()  # of z_ik given x_j: [B, B, d]
    log_weight = compute_log_weights(z, images, sampling)
    joint = torch.logsumexp(log_q.sum(2) + log_weight, 1)
    marginals = torch.logsumexp(log_q + log_weight.unsqueeze(2), 1).sum(1)
    return (joint - marginals).mean()


def compute_log_weights(z: Tensor, images: int, sampling: WeightSampling) -> Tensor:
    """The logarithm [B, B] of the weight of x_j's posterior in the estimate of q(z_i), for z [B, d]."""
    batch = len(z)
    if sampling == "weighted":
        return z.new_full((batch, batch), -log(images * batch))
    own, other = -log(images), log((images - 1) / (images * (batch - 1)))
    return other + (own - other) * torch.eye(batch, dtype=z.dtype, device=z.device)


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"beta_tcvae": BetaTCVAE}
