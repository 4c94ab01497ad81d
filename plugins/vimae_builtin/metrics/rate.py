"""How many nats a code costs under the model's own prior."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import e, log, pi
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge
from torch import Tensor

from vimae_bench.data import choose_places
from vimae_bench.functional import estimate_mean
from vimae_bench.models import DiracPosterior, ImplicitPosterior, Posterior, Prior
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, hookimpl

from ._shared.covariance import compute_logdet_bias

AT_ONCE = 4096
DRAWS_PER_LATENT = 8
ENCODED = AT_ONCE * 28 * 28
"""Entries of images that are encoded at once: the activations of a wide net over more would take gigabytes."""


@dataclass(frozen=True)
class Rate(Metric):
    """Mean KL(q(z|x) || p(z)) over `images` random test images in nats, p being the model's own prior (1711.00464).

    The images are the same for all methods and runs on a data set, and the standard error is that of fresh ones and of
    fresh draws.

    A posterior with a density: its KL as the prior gives it, in closed form or from one draw for each image. A run
    below 0.1 nat ignores its data. Of a posterior that knows the density of its own draws alone, by its `draw()`, one
    draw for each image is taken.

    A deterministic encoder f trained on noised inputs: the push-forward rate. q(z|x) is the distribution of f(x +
    noise), and its entropy is taken to be that of the Gaussian with the mean and covariance of `draws` draws. It is a
    lower bound, since a Gaussian has the largest entropy. It states a convention about noise: scaling the noise by s
    adds `-d log s`, so it must not be compared with the rate of a Gaussian encoder, which learns its variance. A high
    value is no evidence of mutual information between x and z: the mutual information with N training images is at most
    log N, and all rate above it is mismatch of q(z) and p(z). Each image costs `draws` passes through the encoder.

    A deterministic encoder without noise has an infinite rate, and so has one with a code that never moves: the
    measure is left out.

    Fewer `draws` than 8 per latent dimension are too few for a covariance: 8 are then made.
    """

    version: ClassVar[int] = 2
    changes: ClassVar[tuple[str, ...]] = (
        "all encoders are measured on the same random images, of which deterministic ones had the first 1,000 before",
    )
    estimator: ClassVar[str] = (
        "KL in closed form where the prior knows one, else log q - log p of one draw; push-forward: the entropy of the "
        "Gaussian with the moments of the draws, its log determinant corrected as for Gaussian draws (Wishart)"
    )
    bias: ClassVar[str] = (
        "none for a density; push-forward: downwards, as no distribution of these moments has more entropy"
    )
    source: ClassVar[str] = "Alemi et al., 1711.00464 (rate)"
    use_for: ClassVar[str] = "always, next to `sse`: how many nats a code carries; a rate of 0 is a collapsed model"

    draws: Annotated[int, Ge(2)] = 512
    images: Annotated[int, Ge(1)] = 1000

    def cost(self, spec: ModelSpec, device: str) -> float:
        """Of a push-forward rate, for a net of 1,000 multiplications a pixel, as `conv` of width 128 has."""
        return self.images * self._count_draws(spec) * spec.input_size * 1e3 / (1.6e10 if device == "cpu" else 2.5e12)

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure(
                "rate",
                "nats",
                None,
                collapse_below=0.02,
                is_per_latent=True,
                family="rate",
                topic="Information",
                display_name="Rate",
                description="Information in the code of an image: KL(q(z|x) || p(z)), a mean over test images.",
            ),
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        with torch.inference_mode():
            rates = self._compute_rates(evaluation)
        return {"rate": estimate_mean(rates)} if rates is not None and rates.isfinite().all() else {}

    def _compute_rates(self, evaluation: Evaluation) -> Tensor | None:
        q: Any = evaluation.posterior("test")
        places = choose_places(len(evaluation.splits.test), self.images, "rate", evaluation.dataset)
        if isinstance(q, DiracPosterior):
            images = torch.cat(list(evaluation.images("test", places)))
            if isinstance(evaluation.training_posterior(images[:1]), DiracPosterior):
                return None
            return evaluation.with_seed(lambda: self._estimate_push_forward(evaluation, images), "push-forward rate")
        if hasattr(q, "rsample_with_log_prob") and not hasattr(q, "log_prob"):
            z, log_q = evaluation.with_seed(q.rsample_with_log_prob, "rate")
            rates = log_q - evaluation.model.prior.log_prob(z)
        else:
            rates = evaluation.model.prior.kl(q, evaluation.posterior_samples("test"))
        return rates[torch.from_numpy(places).to(rates.device)]

    def _count_draws(self, spec: ModelSpec) -> int:
        """As many as are asked for, and enough for a covariance."""
        return max(self.draws, DRAWS_PER_LATENT * spec.latent)

    def _estimate_push_forward(self, evaluation: Evaluation, images: Tensor) -> Tensor:
        count = self._count_draws(evaluation.spec)
        few = images.split(max(1, AT_ONCE // count))
        draws = (
            split_encoder_batches(evaluation.training_posterior(x), evaluation.spec).rsample((count,)) for x in few
        )
        return torch.cat([moment_matched_rate(z, evaluation.model.prior) for z in draws])


def split_encoder_batches(q: Posterior, spec: ModelSpec) -> Posterior:
    """The same posterior, of the same noise, with images going through its encoder some at a time."""
    if not isinstance(q, ImplicitPosterior):
        return q
    size = max(1, ENCODED // spec.input_size)

    def encoder(x: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.cat(head) for head in zip(*map(q.encoder, x.split(size)), strict=True))

    return replace(q, encoder=encoder)


def moment_matched_rate(z: Tensor, prior: Prior) -> Tensor:
    """-h - E log p in nats [B] from draws z [K, B, d], h being the entropy of the Gaussian with their moments."""
    k, _, d = z.shape
    centred = z.double() - z.double().mean(0)
    covariance = torch.einsum("kbi,kbj->bij", centred, centred) / (k - 1)
    logdet = torch.linalg.slogdet(covariance).logabsdet - compute_logdet_bias(k, d)
    return -0.5 * (d * log(2 * pi * e) + logdet) - prior.log_prob(z).mean(0)


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"rate": Rate}
