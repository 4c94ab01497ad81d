"""The negative log-likelihood of test images under the decoder and the prior, by annealed importance sampling."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from math import log
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from vimae_bench.functional import estimate_mean
from vimae_bench.metrics import GaussianDecoder, draw_images, estimate_noise_variance
from vimae_bench.models import Prior
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, hookimpl

RADIUS = 4.0
LEAPFROGS = 10
ACCEPTANCE, FIRST_STEP, GAIN = 0.65, 0.3, 0.1
PILOTS = 2


@dataclass(frozen=True)
class AIS(Metric):
    """-log p(x) = -log E_p(z) N(x; decode(z), s^2 I) in nats, z being annealed from prior to posterior (1611.04273).

    `nll_ais`: for each of `images` random test images, `chains` chains go from p(z) to p(z) p(x|z) through
    p(z) p(x|z)^b in `steps` steps, b on a sigmoid schedule of radius 4, each a Hamiltonian transition of 10 leapfrog
    steps. Step sizes are those with which two pilot chains for each image accept 65 %, and are then held fixed, so that
    the log of the chains' mean weight is a lower bound on log p(x) in expectation. Pixels are in [0, 1] units;
    `variance` is s^2 as in `likelihood`, whose first images these are.

    `bdmc gap`: on `simulated` images of the model itself, of which an exact draw of the posterior is known, chains
    that start there and go back give an upper bound on log p(x) (1511.02543). The gap is the upper bound less the lower
    one, a mean over them. Where it is 1 nat or more, `nll_ais` is not to be trusted: give it more `steps`.

    Standard errors are those of fresh test images, or images of the model, and of fresh chains, the variance being
    given.
    """

    estimator: ClassVar[str] = "annealed importance sampling with Hamiltonian transitions, started from the prior"
    bias: ClassVar[str] = "upwards in expectation, on images of the model by no more than `bdmc gap`"
    source: ClassVar[str] = "1611.04273 and github.com/tonywu95/eval_gen; the gap is that of 1511.02543"
    use_for: ClassVar[str] = "as `likelihood`, with a known gap, at a high cost"

    images: Annotated[int, Ge(1)] = 16
    steps: Annotated[int, Ge(2)] = 1000
    chains: Annotated[int, Ge(1)] = 16
    simulated: Annotated[int, Ge(1)] = 4
    variance: Annotated[float, Gt(0)] | None = None

    slow: ClassVar[bool] = True

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure(
                "nll_ais",
                "nats",
                "lower",
                topic="Generation",
                display_name="NLL (AIS)",
                description="Negative log-likelihood of test images, by annealed importance sampling.",
            ),
            Measure(
                "bdmc gap",
                "nats",
                None,
                topic="Generation",
                display_name="Gap of AIS",
                description="Gap between bounds on images of the model; from 1 nat on, AIS is not to be trusted.",
                target=0.0,
            ),
        )

    def cost(self, spec: ModelSpec, device: str) -> float:
        # Pixels decoded in a second by a convolutional net of width 64; an MLP of 256 is thirty times as fast.
        rate = 2.2e6 if device == "cpu" else 2.2e8
        codes = (self.chains + PILOTS) * (self.images + self.simulated) + self.chains * self.simulated
        return 3 * LEAPFROGS * self.steps * codes * spec.input_size / rate

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        variance = estimate_noise_variance(evaluation) if self.variance is None else self.variance
        decoder = GaussianDecoder(evaluation.model, variance)
        x = draw_images(evaluation.splits.test, self.images, "likelihood", evaluation.dataset).to(evaluation.device)
        return evaluation.with_seed(lambda: self._measure(decoder, evaluation.model.prior, x), "annealing")

    def _measure(self, decoder: GaussianDecoder, prior: Prior, x: Tensor) -> dict[str, Estimate]:
        with torch.no_grad():
            truth = prior.sample(self.simulated)
            everything = AnnealingPath(decoder, prior, torch.cat([x, decoder.sample(truth)]))
            lower, sizes = bound_from_below(everything, self.steps, self.chains)
            own = AnnealingPath(decoder, prior, everything.x[len(x) :])
            upper = bound_from_above(own, truth, self.chains, [size[len(x) :] for size in sizes])
        return {"nll_ais": estimate_mean(-lower[: len(x)]), "bdmc gap": estimate_mean(upper - lower[len(x) :])}


@dataclass(frozen=True)
class ChainState:
    """Codes z [M, B, d] with log p(z) and log p(x|z) [M, B] and the gradients of both [M, B, d]."""

    z: Tensor
    log_prior: Tensor
    log_likelihood: Tensor
    prior_slope: Tensor
    likelihood_slope: Tensor

    def log_prob(self, b: float) -> Tensor:
        return self.log_prior + b * self.log_likelihood

    def slope(self, b: float) -> Tensor:
        return self.prior_slope + b * self.likelihood_slope


@dataclass(frozen=True)
class AnnealingPath:
    """The densities p(z) p(x|z)^b of M codes for each of B images x [B, C, H, W]."""

    decoder: GaussianDecoder
    prior: Prior
    x: Tensor

    def evaluate(self, z: Tensor) -> ChainState:
        z = z.detach().requires_grad_()
        with torch.enable_grad():
            log_prior, log_likelihood = self.prior.log_prob(z), self.decoder.log_prob(self.x, z)
            slopes = [slope(value, z) for value in (log_prior, log_likelihood)]
        return ChainState(z.detach(), log_prior.detach(), log_likelihood.detach(), *slopes)

    def draw_start(self, chains: int) -> ChainState:
        return self.evaluate(self.prior.sample(chains * len(self.x)).unflatten(0, (chains, len(self.x))))


def slope(value: Tensor, z: Tensor) -> Tensor:
    """The gradient of log-densities [M, B] in z [M, B, d]: 0 where a density is flat and has none."""
    if not value.requires_grad:
        return torch.zeros_like(z)
    return torch.autograd.grad(value.sum(), z)[0]


def bound_from_below(path: AnnealingPath, steps: int, chains: int) -> tuple[Tensor, list[Tensor]]:
    """A lower bound on log p(x) in nats [B], and the step sizes [B] of each temperature."""
    schedule = make_schedule(steps)
    sizes = tune_step_sizes(path, schedule)
    return log_mean_exp(anneal(path, path.draw_start(chains), schedule, sizes)), sizes


def bound_from_above(path: AnnealingPath, truth: Tensor, chains: int, sizes: Sequence[Tensor]) -> Tensor:
    """An upper bound on log p(x) in nats [B], from posterior draws [B, d] and the `sizes` of `bound_from_below`."""
    start = path.evaluate(truth.expand(chains, *truth.shape))
    return -log_mean_exp(anneal(path, start, make_schedule(len(sizes) - 1)[::-1], sizes[::-1]))


def make_schedule(steps: int) -> list[float]:
    """Powers b of p(x|z), steps + 1 of them from 0 to 1: a sigmoid over [-4, 4], stretched to reach both ends."""
    curve = torch.sigmoid(RADIUS * torch.linspace(-1, 1, steps + 1, dtype=torch.float64))
    return ((curve - curve[0]) / (curve[-1] - curve[0])).tolist()


def anneal(path: AnnealingPath, here: ChainState, schedule: Sequence[float], sizes: Sequence[Tensor]) -> Tensor:
    """The log-weights in nats, float64 [M, B], of chains that go through all temperatures of a schedule.

    `sizes` are step sizes [B] for each of them, of which the first and the last are not used.
    """
    log_w = here.log_likelihood.double() * 0
    last = len(schedule) - 1
    for t, (before, b) in enumerate(pairwise(schedule), 1):
        log_w += (b - before) * here.log_likelihood.double()
        here = make_transition(path, here, b, sizes[t])[0] if t < last else here
    return log_w


def tune_step_sizes(path: AnnealingPath, schedule: Sequence[float]) -> list[Tensor]:
    """Step sizes [B] for each temperature, with which pilot chains accept 65 % (Robbins and Monro)."""
    here, size = path.draw_start(PILOTS), path.x.new_full((len(path.x),), FIRST_STEP)
    sizes: list[Tensor] = []
    for b in schedule:
        sizes.append(size)
        here, accepted = make_transition(path, here, b, size)
        size = size * torch.exp(GAIN * (accepted.mean(0) - ACCEPTANCE))
    return sizes


def make_transition(path: AnnealingPath, here: ChainState, b: float, size: Tensor) -> tuple[ChainState, Tensor]:
    """A Hamiltonian transition that keeps p(z) p(x|z)^b, and the probability [M, B] with which it was accepted."""
    step, momentum = size[:, None], torch.randn_like(here.z)
    there, p = here, momentum + step / 2 * here.slope(b)
    for left in reversed(range(LEAPFROGS)):
        there = path.evaluate(there.z + step * p)
        p = p + (step if left else step / 2) * there.slope(b)
    kinetic = (momentum.square() - p.square()).sum(-1) / 2
    # A path that diverged has no number for its energy, and is refused.
    ratio = (there.log_prob(b) - here.log_prob(b) + kinetic).nan_to_num(nan=-torch.inf).clamp(max=0).exp()
    accepted = torch.rand_like(ratio) < ratio
    return select_accepted(accepted, there, here), ratio


def select_accepted(accepted: Tensor, there: ChainState, here: ChainState) -> ChainState:
    """The one point where accepted [M, B], the other elsewhere."""
    pairs = ((getattr(there, part.name), getattr(here, part.name)) for part in fields(ChainState))
    return ChainState(*(torch.where(accepted if a.ndim == 2 else accepted[..., None], a, b) for a, b in pairs))


def log_mean_exp(log_w: Tensor) -> Tensor:
    """log of the mean over chains of exp(log_w) [M, B]: [B]."""
    return log_w.logsumexp(0) - log(len(log_w))


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"ais": AIS}
