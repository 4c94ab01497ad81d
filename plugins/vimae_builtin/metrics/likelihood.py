"""The negative log-likelihood of test images under the decoder and the prior, bounded by importance sampling."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite, log
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Gt, MinLen
from torch import Tensor

from vimae_bench.functional import estimate_mean
from vimae_bench.metrics import GaussianDecoder, draw_images, estimate_noise_variance
from vimae_bench.models import GaussianPosterior, Posterior, Prior
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, hookimpl

AT_ONCE = 250
FIRST_RATE, MEMORY = 0.3, 0.99


@dataclass(frozen=True)
class Likelihood(Metric):
    """Bounds on -log p(x) = -log E_p(z) N(x; decode(z), s^2 I) in nats for `images` random test images in [0, 1] units.

    `nll_iwae<K>` is -log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x) with z_k ~ q(z|x) (1509.00519), p(z) being the model's
    own prior. It is above -log p(x) in expectation, and less so with every draw; K = 1 is the negative ELBO. Every K of
    `ks` takes all draws of the largest one, in groups of K. `effective sample size` is (sum w)^2 / sum w^2 of the
    weights of the largest K, a mean over images: near 1, one draw has decided and the bound is not tight.

    `variance` is s^2 in [0, 1] units. None, one rule for every method: the one of largest likelihood, mean SSE / D of
    images decoded from draws of q, over the validation images or else over the test images (`decoder variance`).
    That of a VAE's objective is 1 / (2 recon_scale), or a quarter of it for images in [-1, 1].

    The draws come from the encoder (`proposal`). One without a density gives way to a diagonal Gaussian for each image
    fitted to the frozen decoder (after eval_ll.py of github.com/ShengjiaZhao/Lagrangian): `fitted`, which may be asked
    for with every encoder. Adam maximises its ELBO for `proposal_steps` steps from the code and the curvature of the
    decoder there. It changes how tight the bound is, and not what is bounded.

    Standard errors are those of fresh test images and fresh draws, the variance being given. A bound that is infinite
    is left out: draws that all lie where the prior has no density.
    """

    estimator: ClassVar[str] = "importance-weighted bound with draws of q(z|x); all K from the same draws"
    bias: ClassVar[str] = (
        "upwards in expectation, by less with every draw; severe where the effective sample size is near 1"
    )
    source: ClassVar[str] = "1509.00519, eq. 8"
    use_for: ClassVar[str] = "models as densities of images, with up to some tens of latents"

    images: Annotated[int, Ge(2)] = 50
    ks: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)] = (1, 100, 5000)
    variance: Annotated[float, Gt(0)] | None = None
    proposal: Literal["encoder", "fitted"] = "encoder"
    proposal_steps: Annotated[int, Ge(0)] = 500

    slow: ClassVar[bool] = True

    def measures(self) -> tuple[Measure, ...]:
        return (
            *(
                Measure(
                    f"nll_iwae{k}",
                    "nats",
                    "lower",
                    topic="Generation",
                    display_name=f"NLL (IWAE, k = {k})",
                    description=f"Upper bound on the negative log-likelihood of test images, by {k} draws.",
                )
                for k in sorted(set(self.ks))
            ),
            Measure(
                "effective sample size",
                "draws",
                None,
                topic="Generation",
                display_name="Effective draws of NLL",
                description="Effective number of weighted draws; near 1 the bound on the likelihood is not tight.",
            ),
            Measure(
                "decoder variance",
                "[0,1]^2",
                None,
                topic="Generation",
                display_name="Decoder variance",
                description="Variance of the Gaussian decoder by which likelihoods are computed, pixels in [0, 1].",
            ),
        )

    def cost(self, spec: ModelSpec, device: str) -> float:
        # Pixels decoded in a second by a convolutional net of width 64; an MLP of 256 is thirty times as fast.
        rate = 2.2e6 if device == "cpu" else 2.2e8
        return self.images * (max(self.ks) + 6 * self.proposal_steps) * spec.input_size / rate

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        variance = estimate_noise_variance(evaluation) if self.variance is None else self.variance
        decoder = GaussianDecoder(evaluation.model, variance)
        x = draw_images(evaluation.splits.test, self.images, "likelihood", evaluation.dataset).to(evaluation.device)
        log_w = evaluation.with_seed(lambda: self.compute_log_weights(evaluation, decoder, x), "importance weights")
        found = {f"nll_iwae{k}": estimate_mean(-compute_bound(log_w, k)) for k in self.ks}
        found["effective sample size"] = estimate_mean(effective_sample_size(log_w))
        found["decoder variance"] = Estimate(variance, len(evaluation.splits.validation) or len(evaluation.splits.test))
        return {name: estimate for name, estimate in found.items() if isfinite(estimate.value)}

    def compute_log_weights(self, evaluation: Evaluation, decoder: GaussianDecoder, x: Tensor) -> Tensor:
        q, prior = evaluation.encode(iter([x])), evaluation.model.prior
        if self.proposal == "fitted" or not hasattr(q, "log_prob"):
            q = fit_proposal(decoder, prior, x, q.mean.clone(), self.proposal_steps)
        with torch.inference_mode():
            return log_weights(decoder, prior, x, q, max(self.ks))


def log_weights(decoder: GaussianDecoder, prior: Prior, x: Tensor, q: Posterior, k: int) -> Tensor:
    """log p(x|z) + log p(z) - log q(z|x) of k draws for each image, in nats, float64 [k, B]."""
    few = max(1, AT_ONCE // len(x))
    parts: list[Tensor] = []
    for start in range(0, k, few):
        z, log_q = draw_with_density(q, min(few, k - start))
        parts.append(decoder.log_prob(x, z).double() + prior.log_prob(z).double() - log_q.double())
    return torch.cat(parts)


def draw_with_density(q: Any, k: int) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    """k draws [k, B, d] of a posterior with a density, and log q(z|x) in nats [k, B]."""
    if hasattr(q, "rsample_with_log_prob"):  # a flow knows the density of its own draws, and need not be inverted
        return q.rsample_with_log_prob((k,))
    z = q.rsample((k,))
    return z, q.log_prob(z)


def compute_bound(log_w: Tensor, k: int) -> Tensor:
    """The lower bound on log p(x) [B] from K draws, a mean over all disjoint groups of K in log-weights [n, B]."""
    groups = log_w[: len(log_w) // k * k].unflatten(0, (-1, k))
    return (groups.logsumexp(1) - log(k)).mean(0)


def effective_sample_size(log_w: Tensor) -> Tensor:
    """(sum w)^2 / sum w^2 over the draws of each image, from 1 to n: log-weights [n, B] give [B]."""
    return torch.exp(2 * log_w.logsumexp(0) - (2 * log_w).logsumexp(0))


def fit_proposal(decoder: GaussianDecoder, prior: Prior, x: Tensor, code: Tensor, steps: int) -> GaussianPosterior:
    """The diagonal Gaussian of largest ELBO for each image [B, C, H, W], by Adam from its code [B, d].

    Means move in units of the first standard deviation, since codes may have any scale. Each step takes a draw and its
    mirror image; the learning rate falls linearly to nothing.
    """
    first = log_curvature_variance(decoder, code)
    moved, l = (torch.zeros_like(code).requires_grad_(), first.clone().requires_grad_())  # noqa: E741
    adam = torch.optim.Adam([moved, l], lr=FIRST_RATE, betas=(0.9, MEMORY))
    for step in range(steps):
        adam.param_groups[0]["lr"] = FIRST_RATE * (1 - step / steps)
        noise = torch.randn_like(code)
        z = code + moved * (first / 2).exp() + (l / 2).exp() * torch.stack([noise, -noise])
        energy = -(decoder.log_prob(x, z) + prior.log_prob(z)).mean(0) - l.sum(1) / 2
        moved.grad, l.grad = torch.autograd.grad(energy.sum(), [moved, l])
        adam.step()
    return GaussianPosterior((code + moved * (first / 2).exp()).detach(), l.detach())


def log_curvature_variance(decoder: GaussianDecoder, code: Tensor) -> Tensor:
    """-log (1 + |d decode / d z_k|^2 / s^2) [B, d]: the best log-variances for a linear decoder under N(0, I)."""

    def slope(k: int) -> Tensor:
        along = torch.zeros_like(code)
        along[:, k] = 1
        _, moved = torch.autograd.functional.jvp(decoder.mean, code, along)
        return moved.detach().flatten(1).square().sum(1)

    return -torch.log1p(torch.stack([slope(k) for k in range(code.shape[1])], 1) / decoder.variance)


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"likelihood": Likelihood}
