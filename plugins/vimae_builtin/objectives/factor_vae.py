"""The VAE with a discriminator that estimates the total correlation of q(z)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn
from torch.nn.functional import softplus

from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, Gaussian
from vimae_bench.plugin import Batch, Loss, ModelSpec, Objective, OptimizerStep, hookimpl

NEGATIVE_SLOPE = 0.2
"""Of the leaky ReLUs of the discriminator, as in the paper."""


@dataclass(frozen=True)
class FactorVAE(Objective):
    """Minimises c * SSE + KL(q(z|x) || p(z)) + gamma * TC, one draw of z for each image, with c = `recon_scale`.

    TC = KL(q(z) || prod_k q(z_k)) is the mean over codes of log D / (1 - D), the difference of the two logits of a
    discriminator. That is trained in a step of its own, after the autoencoder's: its two batches are the two halves of
    the batch, codes of the one as they are, and of the other with every dimension permuted by itself, so that no image
    is in both. It has `layers` hidden layers of `hidden` units and Adam at `discriminator_rate`; 1802.05983 has 6 of
    1000 at 1e-4. Its batch is half as large as there, and its Adam has the betas of the run.
    """

    formula: ClassVar[str] = "recon_scale * SSE + KL(q(z|x) || p(z)) + gamma * mean log D(z) / (1 - D(z))"
    source: ClassVar[str] = "Kim and Mnih, 1802.05983, equation 2 and algorithm 2"
    special_cases: ClassVar[tuple[str, ...]] = ("gamma = 0 is `elbo` with beta = 1",)

    gamma: Annotated[float, Ge(0)] = 35.0
    recon_scale: Annotated[float, Gt(0)] = 1.0
    layers: Annotated[int, Ge(1)] = 6
    hidden: Annotated[int, Ge(1)] = 1000
    discriminator_rate: Annotated[float, Gt(0)] = 1e-4

    def posterior(self) -> Gaussian:
        return Gaussian()

    def auxiliary(self, spec: ModelSpec) -> nn.Module:
        """The discriminator: codes [B, d] to two logits [B, 2], of a draw of q(z) and of a permuted one."""
        sizes = [spec.latent, *[self.hidden] * self.layers]
        layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.LeakyReLU(NEGATIVE_SLOPE))]
        return nn.Sequential(*layers, nn.Linear(self.hidden, 2))

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        autoencoder_step = OptimizerStep(self, modules=("encoder", "decoder", "prior"))
        return autoencoder_step, OptimizerStep(
            self.discriminator_loss, modules=("auxiliary",), learning_rate=self.discriminator_rate
        )

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        z = q.rsample()
        sse = squared_error(batch.x, model.decode(z)).mean()
        kl = model.prior.kl(q, z).mean()
        tc = compute_log_ratio(model.auxiliary(z)).mean()
        return Loss(self.recon_scale * sse + kl + self.gamma * tc, {"sse": sse, "kl": kl, "tc": tc})

    def discriminator_loss(self, model: Autoencoder, batch: Batch) -> Loss:
        """The cross-entropy of classifying codes and permuted codes, in nats: log 2 at chance."""
        z = model.encode(batch.x).rsample().detach()
        joint, others = z.tensor_split(2)
        drawn, permuted = (compute_log_ratio(model.auxiliary(codes)) for codes in (joint, permute_dimensions(others)))
        cost = 0.5 * (softplus(-drawn).mean() + softplus(permuted).mean())
        return Loss(cost, {"discriminator": cost})


def compute_log_ratio(logits: Tensor) -> Tensor:
    """Log D / (1 - D) [B] of a discriminator with logits [B, 2], D being the softmax of the first."""
    return logits[:, 0] - logits[:, 1]


def permute_dimensions(z: Tensor) -> Tensor:
    """Codes z [B, d] with each column in an order of its own: draws of prod_k q(z_k), as B grows."""
    return z.gather(0, torch.rand_like(z).argsort(0))


@hookimpl
def vimae_objectives() -> Mapping[str, Callable[..., Objective]]:
    return {"factor_vae": FactorVAE}
