"""How many nats a code costs under the model's own prior."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import e, hypot, isfinite, log, pi
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from torch import Tensor

from vimae_bench.data import choose_places
from vimae_bench.functional import estimate_mean
from vimae_bench.models import DiracPosterior, ImplicitPosterior, Prior
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, hookimpl

CHECKED = 20
"""Images of which the linearisation is compared with draws."""
DRAWS_PER_LATENT = 8
LINEAR_PAIRS = 32
"""Pairs of opposite draws of the linearised encoder, which the mean of log p of an image is taken from."""
DEFICIENT = 1e-5
"""The share of the largest singular value, of a Jacobian with rows of length 1, that float32 does not tell from 0."""
LINEARISED = 100 * 28 * 28
"""Entries of images whose Jacobians are computed at once, which takes all activations of the encoder."""
ENCODED = 4096 * 28 * 28
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
    noise), taken to be the Gaussian of its mean and covariance. The rate is a lower bound, since a Gaussian has the
    largest entropy. It is computed of the linearised encoder, whose mean is f(x) and whose covariance s^2 J J', J being
    the Jacobian of f at x and s the standard deviation of the noise, and corrected for what that adds, which is `rate
    linearisation`: the difference of the rates from the moments of f(x) + J noise and of f(x + noise), for the same
    `draws` of the noise (8 per latent dimension at least), a mean over 20 of the images. The standard error of `rate`
    includes that of the correction.

    It states a convention about noise: scaling the noise by s adds `-d log s`, so it must not be compared with the rate
    of a Gaussian encoder, which learns its variance. A high value is no evidence of mutual information between x and z:
    the mutual information with N training images is at most log N, and all rate above it is mismatch of q(z) and p(z).

    A deterministic encoder without noise has an infinite rate, and so has one whose code does not move in every
    direction: the measure is left out. `rate flat images` says at how many of the images that is the case: in percent,
    where J is of a rank below d, within the rounding of float32.
    """

    version: ClassVar[int] = 3
    changes: ClassVar[tuple[str, ...]] = (
        "all encoders are measured on the same random images, of which deterministic ones had the first 1,000 before",
        "the rate of an encoder of noised inputs is computed from its Jacobian, and corrected by draws for 20 images",
    )
    estimator: ClassVar[str] = (
        "KL in closed form where the prior knows one, else log q - log p of one draw; push-forward: the entropy of the "
        "linearised encoder's Gaussian, in float64, and a mean of log p over draws of it, corrected by 20 images' draws"
    )
    bias: ClassVar[str] = (
        "none for a density; push-forward: downwards, as no distribution of these moments has more entropy"
    )
    source: ClassVar[str] = "Alemi et al., 1711.00464 (rate)"
    use_for: ClassVar[str] = "always, next to `sse`: how many nats a code carries; a rate of 0 is a collapsed model"

    draws: Annotated[int, Ge(2)] = 128
    images: Annotated[int, Ge(1)] = 1000

    def cost(self, spec: ModelSpec, device: str) -> float:
        """Of a push-forward rate, for a convolutional net of width 64, which takes 0.11 ms to pass 784 pixels."""
        passes = self.images * (1 + spec.latent) + CHECKED * self._count_draws(spec)
        return passes * spec.input_size * (1.4e-7 if device == "cpu" else 1e-9)

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
            Measure(
                "rate linearisation",
                "nats",
                None,
                is_hidden=True,
                topic="Information",
                display_name="Correction of rate",
                description="What linearising an encoder of noised inputs would add to its rate, and was taken off.",
            ),
            Measure(
                "rate flat images",
                "%",
                None,
                is_hidden=True,
                topic="Information",
                display_name="Images without rate",
                description="Share of images at which the noise does not move the code in every direction.",
            ),
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        places = choose_places(len(evaluation.splits.test), self.images, "rate", evaluation.dataset)
        if isinstance(evaluation.posterior("test"), DiracPosterior):
            return evaluation.with_seed(lambda: self._measure_push_forward(evaluation, places), "push-forward rate")
        with torch.inference_mode():
            rates = self._compute_rates(evaluation)[torch.from_numpy(places).to(evaluation.device)]
        return {"rate": estimate_mean(rates)} if rates.isfinite().all() else {}

    def _compute_rates(self, evaluation: Evaluation) -> Tensor:
        """Those of the densities of all test images [N]."""
        q: Any = evaluation.posterior("test")
        if hasattr(q, "rsample_with_log_prob") and not hasattr(q, "log_prob"):
            z, log_q = evaluation.with_seed(q.rsample_with_log_prob, "rate")
            return log_q - evaluation.model.prior.log_prob(z)
        return evaluation.model.prior.kl(q, evaluation.posterior_samples("test"))

    def _count_draws(self, spec: ModelSpec) -> int:
        """As many as are asked for, and enough for a covariance."""
        return max(self.draws, DRAWS_PER_LATENT * spec.latent)

    def _measure_push_forward(self, evaluation: Evaluation, places: NDArray[np.int64]) -> Mapping[str, Estimate]:
        prior, spec = evaluation.model.prior, evaluation.spec
        with torch.inference_mode(False), torch.no_grad():  # Jacobians take tensors that are no inference's
            images = torch.cat(list(evaluation.images("test", places)))
            q = evaluation.training_posterior(images)
            if not isinstance(q, ImplicitPosterior):
                return {}
            chunks = [replace(q, x=x) for x in q.x.split(max(1, LINEARISED // spec.input_size))]
            rates, deficient = map(torch.cat, zip(*(compute_linear_rates(some, prior) for some in chunks), strict=True))
            flat = {"rate flat images": estimate_mean(100 * deficient.double())}
            few = [replace(q, x=x) for x in q.x[:: max(1, len(q.x) // CHECKED)][:CHECKED].split(1)]
            added = [measure_linearisation(one, prior, self._count_draws(spec)) for one in few]
        error, linear = estimate_mean(torch.tensor(added, dtype=torch.float64)), estimate_mean(rates)
        if not isfinite(linear.value - error.value):
            return flat
        se = None if linear.se is None or error.se is None else hypot(linear.se, error.se)
        return {"rate": Estimate(linear.value - error.value, linear.n, se), "rate linearisation": error, **flat}


def compute_jacobians(q: ImplicitPosterior) -> tuple[Tensor, Tensor]:
    """The codes [B, d] of the images of q, and the Jacobians [B, d, D] of their encoder, which takes each by itself."""
    with torch.enable_grad():
        x = q.x.detach().requires_grad_()
        z = q.encoder(x)[0]
        rows = [torch.autograd.grad(column.sum(), x, retain_graph=True)[0].flatten(1) for column in z.unbind(1)]
    return z.detach(), torch.stack(rows, 1)


def compute_linear_rates(q: ImplicitPosterior, prior: Prior) -> tuple[Tensor, Tensor]:
    """The rate in nats [B] of the Gaussian of the linearised encoder, and where its Jacobian is rank-deficient [B].

    The rate is infinite there.
    """
    z, jacobian = compute_jacobians(q)
    rows = q.noise.std * jacobian.double()
    lengths = rows.norm(dim=2, keepdim=True)
    rows = rows / lengths.clamp(min=torch.finfo(torch.float64).tiny)  # a latent that hardly moves is no dependent one
    eigenvalues, axes = torch.linalg.eigh(rows @ rows.mT)
    deficient = (lengths == 0).any(1)[:, 0] | (eigenvalues[:, 0] <= DEFICIENT**2 * eigenvalues[:, -1])
    logdet = 2 * lengths.log().sum((1, 2)) + eigenvalues.log().sum(1)
    noise = torch.randn(LINEAR_PAIRS, *z.shape, dtype=torch.float64, device=z.device)
    moved = torch.einsum("bij,kbj->kbi", lengths * axes * eigenvalues.clamp(min=0).sqrt()[:, None], noise)
    log_p = prior.log_prob((z + torch.cat([moved, -moved])).to(z.dtype)).double().mean(0)
    rates = -0.5 * (z.shape[1] * log(2 * pi * e) + logdet) - log_p
    return rates.masked_fill(deficient, torch.inf), deficient


def measure_linearisation(q: ImplicitPosterior, prior: Prior, count: int) -> float:
    """By how many nats the rate of one image is larger by the linearised encoder, under so many draws of the noise."""
    z, jacobian = compute_jacobians(q)
    noise = q.noise.sample_like(q.x.expand(count, *q.x.shape[1:]))
    linear = z + noise.flatten(1) @ jacobian[0].T
    drawn = torch.cat([q.encoder(q.x + some)[0] for some in noise.split(max(1, ENCODED // q.x.numel()))])
    return float(compute_moment_rate(linear, prior) - compute_moment_rate(drawn, prior))


def compute_moment_rate(z: Tensor, prior: Prior) -> Tensor:
    """-h - E log p in nats from draws z [K, d], h being the entropy of the Gaussian with their moments.

    The log determinant of a covariance of draws is too small, in every distribution by about as much.
    """
    logdet = torch.linalg.slogdet(torch.atleast_2d(z.double().T.cov())).logabsdet
    return -0.5 * (z.shape[1] * log(2 * pi * e) + logdet) - prior.log_prob(z).double().mean()


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"rate": Rate}
