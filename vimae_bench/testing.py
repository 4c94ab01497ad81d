"""The contracts of the kinds, as checks a plugin's author can run: in a test of one line, or by `vimae-bench check`.

Each check raises ContractError with what was expected and what was found. They are laws that hold for any plugin of
the kind (a density integrates to 1, every trained parameter gets a gradient), not judgements of its quality.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from .adversary import AdversarialDivergence, PosteriorDivergence
from .engine.graph import NotOneGraph, trace
from .engine.step import TrainingStep
from .engine.trial import Trial
from .errors import BenchError
from .kinds import (
    Architecture,
    Batch,
    Dataset,
    Divergence,
    Examples,
    Executor,
    Frame,
    Loss,
    Metric,
    Objective,
    Prior,
    PriorDistribution,
    Reporter,
    Splits,
    squared_error,
)
from .model import Autoencoder
from .posterior import (
    Deterministic,
    Gaussian,
    GaussianPosterior,
    NoisedDeterministic,
    Posterior,
    PosteriorFamily,
    TruncatedNormal,
)
from .records import Cell, Choice, Estimate, Event, Order, Run, Training

FRAMES = (Frame((1, 28, 28), 2), Frame((3, 32, 32), 4, "sym"), Frame((3, 64, 64), 4, "sym"), Frame((1, 8, 8), 2))
"""What an architecture is tried on; it may refuse some with ValueError, but not all."""
DRAWS = 4096


class ContractError(BenchError):
    """A plugin breaks the contract of its kind."""

    exit_code = 1


class Refusal(BenchError):
    """A plugin refuses what it would be tried on, and says why: nothing is known of it."""


def check_prior(prior: Prior) -> None:
    """Draws have the right shape, the density integrates to 1 and belongs to them, what is learned has a gradient."""
    wide = prior(Frame((1, 4, 4), 3), _encoder(3))
    z = _draw(wide, DRAWS)
    right = z.shape == (DRAWS, 3) and z.dtype == torch.float32
    _expect(right, f"sample(n) gives {tuple(z.shape)} {z.dtype}, not [n, d] float32")
    log_p = wide.log_prob(z)
    _expect(log_p.shape == (DRAWS,), f"log_prob of [n, d] has shape {tuple(log_p.shape)}, not [n]")
    if log_p.requires_grad:
        log_p.mean().backward()
    bare = [name for name, p in wide.named_parameters() if p.grad is None]
    _expect(not bare, f"no gradient of log_prob reaches {bare}")
    with torch.no_grad():
        _check_density(wide, log_p, prior(Frame((1, 4, 4), 1), _encoder(1)))


def check_divergence(divergence: Divergence) -> None:
    """Near 0 for draws of the prior, larger for shifted ones, a scalar with a gradient that points back.

    One with a critic is judged by what the critic learns of shifted draws in 300 steps of its own.
    """
    prior = _Normal(3)
    if isinstance(divergence, AdversarialDivergence):
        _check_critic(divergence, prior)
        return
    near = torch.stack([_between(divergence, _seeded(i, lambda: prior.sample(200)), prior) for i in range(8)])
    z = _seeded(9, lambda: prior.sample(200) + 3).requires_grad_()
    far = _between(divergence, z, prior)
    _expect(far.shape == (), f"gives shape {tuple(far.shape)}, not a scalar")
    apart, ours = float(far.detach()), float(near.abs().mean())
    _expect(ours < apart / 5, f"is {ours:.4f} for draws of the prior, {apart:.4f} for draws 3 sd away")
    (slope,) = torch.autograd.grad(far, z)
    _expect(bool(slope.isfinite().all()) and float(slope.sum()) > 0, "its gradient does not lead shifted codes back")


def _between(divergence: Divergence, z: Tensor, prior: PriorDistribution) -> Tensor:
    """Of codes, or of posteriors that are each as wide as the prior and have its mean where the codes have."""
    if not isinstance(divergence, PosteriorDivergence):
        return divergence(z, prior)
    mean = z.mean(0).expand_as(z)
    return divergence.between(GaussianPosterior(mean, torch.zeros_like(z)), z, prior)


def check_architecture(architecture: Architecture) -> None:
    """Right shapes with one head and with two, weights that do not depend on how many heads, gradients everywhere."""
    served = [frame for frame in FRAMES if _serves(architecture, frame)]
    _expect(bool(served), f"serves none of {[frame.shape for frame in FRAMES]}")
    for frame in served[:2]:
        _check_nets(architecture, frame)


def check_objective(objective: Objective) -> None:
    """Finite scalar terms, a gradient for all that is trained, a loss that falls, and a step of one graph.

    Raises Refusal for an objective whose own `check` finds that it does not fit a linear model under N(0, I).
    """
    model = Autoencoder(Frame((1, 4, 4), 2), _Linear(), _MakeNormal(), objective, seed=0)
    try:
        objective.check(model)
    except ValueError as error:
        raise Refusal(f"refuses a linear model under N(0, I): {error}") from error
    images = torch.from_numpy(_toy(512).x)
    step = TrainingStep(model, objective, Training(batch=64, learning_rate=1e-2), images)
    progress = torch.tensor(0.5)
    losses = [_seeded(i, lambda i=i: step(_batch(i), progress)) for i in range(60)]
    _expect(all(bool(loss.isfinite().all()) for loss in losses), f"a term of {step.terms} is not finite")
    for part in step.steps:
        bare = sorted({*_bare(part.loss(model, step.batch(_batch(0), progress)).total, model, part.trains)})
        _expect(not bare, f"no gradient reaches {bare}")
    first, last = (float(torch.stack(part)[:, 0].mean()) for part in (losses[:10], losses[-10:]))
    _expect(len(step.steps) > 1 or last < first, f"the loss does not fall in 60 steps: {first:.3f} to {last:.3f}")
    try:
        trace(step, _batch(0), progress)
    except NotOneGraph as error:
        raise ContractError(f"its step does not compile into one graph: {error}") from error


def check_metric(metric: Metric) -> None:
    """Announces what it gives: finite estimates of at least one item, with a standard error that is not negative."""
    names = [measure.name for measure in metric.measures()]
    _expect(len(names) == len(set(names)) > 0, f"measures() names {names}; each name once, and at least one")
    for estimates in _estimates(metric):
        unknown = set(estimates) - set(names)
        _expect(not unknown, f"gives {sorted(unknown)}, which measures() does not name")
        for name, e in estimates.items():
            sound = math.isfinite(e.value) and e.n >= 1 and (e.se is None or e.se >= 0)
            _expect(sound, f"'{name}' is {e.value} from {e.n} items with standard error {e.se}")


def check_dataset(dataset: Dataset) -> None:
    """A folder that stays below the data root unless absolute, a known range, a count of held-out images."""
    parts = Path(dataset.folder).parts
    _expect(bool(parts) and ".." not in parts, f"its folder {dataset.folder!r} is not a name below the data root")
    _expect(dataset.pixel_range in ("unit", "sym"), f"its pixel range is {dataset.pixel_range!r}, not 'unit' or 'sym'")
    _expect(dataset.validation >= 0, f"holds out {dataset.validation} images")


def check_executor(executor: Executor, scratch: Path) -> None:
    """Starts and ends every order once, and tells the exit code of its work; `scratch` is an empty folder."""
    orders = [_order(scratch, seed) for seed in range(3)]
    events = list(executor(orders, _work))
    for order in orders:
        about = [e for e in events if e.order and e.order.folder == order.folder]
        kinds = [(e.kind, e.exit_code) for e in about]
        wanted = [("started", None), ("ended", order.cell.run.seed)]
        _expect(kinds == wanted, f"told {kinds} of an order, not {wanted}")


def check_reporter(reporter: Reporter, scratch: Path) -> None:
    """Passes every event on, in order, unchanged; `scratch` is an empty folder."""
    order = _order(scratch, 0)
    told = [Event("note", reason="one run at a time"), Event("started", order), Event("tick"), Event("ended", order, 0)]
    passed = list(reporter([order], iter(told)))
    _expect(passed == told, f"passed on {[e.kind for e in passed]} of {[e.kind for e in told]}")


def toy_trial(objective: Objective, size: int = 600) -> Trial:
    """A linear, untrained autoencoder over toy images 4x4 of ten classes: 1,500 to train, `size` to test on."""
    model = Autoencoder(Frame((1, 4, 4), 2), _Linear(), _MakeNormal(), objective, seed=0).eval()
    splits = Splits(_toy(1500), _toy(0), _toy(size))
    return Trial(model, splits, "toy", 0, torch.device("cpu"))


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ContractError(otherwise)


def _seeded(seed: int, make: Callable[[], Tensor]) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def _draw(prior: PriorDistribution, n: int) -> Tensor:
    with torch.no_grad():
        return _seeded(0, lambda: prior.sample(n))


def _check_density(wide: PriorDistribution, log_p: Tensor, narrow: PriorDistribution) -> None:
    """The entropy of three dimensions against log_p [n] of their draws; one dimension by quadrature."""
    error = 5 * float(log_p.std()) / math.sqrt(DRAWS) + 1e-3
    gap = abs(float(wide.entropy() + log_p.mean()))
    _expect(gap < 2 * error, f"entropy() and the mean of -log_prob over draws differ by {gap:.4f} nats")
    line = torch.linspace(-40, 40, 16_001)[:, None]
    below = narrow.log_prob(line).double().exp().cumsum(0) * 80 / 16_000
    mass = float(below[-1])
    _expect(abs(mass - 1) < 1e-3, f"the density of one dimension integrates to {mass:.5f} over [-40, 40], not 1")
    n = 10 * DRAWS
    z = _draw(narrow, n)[:, 0].sort().values
    apart = float((below[torch.searchsorted(line[:, 0], z)] - torch.arange(n) / n).abs().max())
    # Kolmogorov's distance of n draws of the density itself is larger than this once in 100,000 times.
    _expect(apart < 2.5 / math.sqrt(n), f"draws of one dimension and its density differ by {apart:.3f} (Kolmogorov)")


def _check_critic(divergence: AdversarialDivergence, prior: PriorDistribution) -> None:
    """The critic's loss falls where codes are far from the prior, and its penalty then leads them back."""
    z = _seeded(9, lambda: prior.sample(64) + 3)
    critic = _trained_critic(divergence, z, prior)
    z.requires_grad_()
    far = divergence.penalty(z, prior, critic)
    _expect(far.shape == (), f"the penalty has shape {tuple(far.shape)}, not a scalar")
    ours = float(divergence.penalty(_seeded(8, lambda: prior.sample(64)), prior, critic).detach())
    apart = float(far.detach())
    _expect(ours < apart, f"the penalty is {ours:.4f} for draws of the prior, {apart:.4f} for draws 3 sd away")
    (slope,) = torch.autograd.grad(far, z)
    _expect(bool(slope.isfinite().all()) and float(slope.sum()) > 0, "its gradient does not lead shifted codes back")


def _trained_critic(divergence: AdversarialDivergence, z: Tensor, prior: PriorDistribution) -> nn.Module:
    """The critic after 300 steps on codes z and draws of the prior."""
    critic = _made(lambda: divergence.critic(Frame((1, 4, 4), prior.latent)))
    optimiser = torch.optim.Adam(critic.parameters(), divergence.learning_rate, (0.5, 0.999))
    losses: list[float] = []
    for i in range(300):
        loss = _seeded(i, lambda: divergence.critic_loss(z, prior, critic))
        _expect(loss.shape == (), f"the critic's loss has shape {tuple(loss.shape)}, not a scalar")
        optimiser.zero_grad()
        loss.backward()
        losses.append(float(loss.detach()))
        bare = [name for name, p in critic.named_parameters() if p.grad is None]
        _expect(not bare, f"no gradient of the critic's loss reaches {bare}")
        optimiser.step()
    fell = f"the critic's loss goes from {losses[0]:.4f} to {losses[-1]:.4f} for draws 3 sd away, and has to halve"
    _expect(losses[-1] < losses[0] / 2, fell)
    return critic


def _serves(architecture: Architecture, frame: Frame) -> bool:
    try:
        with torch.device("meta"):
            architecture.encoder(frame, 1)
            architecture.decoder(frame)
    except ValueError:
        return False
    return True


def _check_nets(architecture: Architecture, frame: Frame) -> None:
    encoders = [_made(lambda heads=heads: architecture.encoder(frame, heads)) for heads in (1, 2)]
    decoder = _made(lambda: architecture.decoder(frame))
    x = _seeded(0, lambda: torch.rand(4, *frame.shape))
    for heads, encoder in enumerate(encoders, 1):
        shapes = [tuple(h.shape) for h in encoder(x)]
        _expect(shapes == [(4, frame.latent)] * heads, f"{heads} heads on {frame.shape} give {shapes}")
    for name, value in encoders[0].state_dict().items():
        other = encoders[1].state_dict().get(name)
        same = other is None or other.shape != value.shape or torch.equal(other, value)
        _expect(same or "running" in name or "num_batches" in name, f"the weight {name} depends on the number of heads")
    out = decoder(encoders[1](x)[0])
    low = 0.0 if frame.pixel_range == "unit" else -1.0
    _expect(tuple(out.shape) == (4, *frame.shape), f"the decoder gives {tuple(out.shape)}")
    _expect(bool(((out >= low) & (out <= 1)).all()), f"decoded images leave [{low}, 1]")
    (out.square().sum() + encoders[1](x)[1].sum()).backward()
    bare = [n for net in (encoders[1], decoder) for n, p in net.named_parameters() if p.grad is None]
    _expect(not bare, f"no gradient reaches {bare}")


def _made(make: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make()


def _bare(loss: Tensor, model: Autoencoder, parts: Sequence[str]) -> Iterator[str]:
    """The parts with a parameter that no gradient of the loss reaches."""
    for name in parts:
        for p in model.parts((name,)):
            if p.requires_grad and torch.autograd.grad(loss, p, retain_graph=True, allow_unused=True) == (None,):
                yield name


def _batch(i: int) -> Tensor:
    return torch.arange(i * 64, i * 64 + 64) % 512


def _toy(n: int) -> Examples:
    """n images 4x4 of ten classes: a class is a pattern, an image a pattern with noise."""
    random = np.random.default_rng(0)
    patterns = random.integers(40, 215, (10, 1, 4, 4))
    y = np.arange(n, dtype=np.int64) % 10
    x = patterns[y] + random.integers(-40, 40, (n, 1, 4, 4))
    return Examples(x.astype(np.uint8), y)


def _estimates(metric: Metric) -> Iterator[Mapping[str, Estimate]]:
    """What a metric gives for each family of posteriors, and for what needs no training."""
    for family in (Gaussian(), Deterministic(), NoisedDeterministic(TruncatedNormal(0.01))):
        yield metric(toy_trial(_Plain(family)))
    trial = toy_trial(_Plain(Deterministic()))
    yield from metric.references(trial.splits, trial.frame, trial.dataset).values()


def _order(scratch: Path, seed: int) -> Order:
    plain = Choice("toy")
    run = Run(plain, plain, plain, plain, 2, Training(epochs=1), seed)
    return Order("toy", Cell("toy", run, ()), scratch / "toy" / "runs" / run.name, scratch)


def _work(order: Order) -> int:
    return order.cell.run.seed


def _encoder(latent: int) -> Callable[[Tensor], Posterior]:
    """The first pixels as means of unit variance: what a prior made of posteriors is tried with."""

    def encode(x: Tensor) -> GaussianPosterior:
        m = x.flatten(1)[:, :latent]
        return GaussianPosterior(m, torch.zeros_like(m))

    return encode


class _Normal(PriorDistribution):
    """N(0, I), since the harness knows no plugin."""

    closed_form_kl: ClassVar[bool] = True

    def sample(self, n: int) -> Tensor:
        return torch.randn(n, self.latent)

    def log_prob(self, z: Tensor) -> Tensor:
        return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)

    def kl(self, q: Posterior, z: Tensor) -> Tensor:
        if not isinstance(q, GaussianPosterior):
            return super().kl(q, z)
        return 0.5 * (q.m.square() + q.l.exp() - 1 - q.l).sum(-1)


class _MakeNormal:
    def __call__(self, frame: Frame, encode: Callable[[Tensor], Posterior]) -> PriorDistribution:  # noqa: ARG002
        return _Normal(frame.latent)


class _Heads(nn.Module):
    def __init__(self, frame: Frame, heads: int):
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(frame.pixels, frame.latent) for _ in range(heads))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(head(x.flatten(1)) for head in self.heads)


class _Linear:
    """Linear maps to and from the code, images through a sigmoid."""

    def encoder(self, frame: Frame, heads: int) -> nn.Module:
        return _Heads(frame, heads)

    def decoder(self, frame: Frame) -> nn.Module:
        return nn.Sequential(nn.Linear(frame.latent, frame.pixels), nn.Sigmoid(), nn.Unflatten(1, frame.shape))


class _Plain(Objective):
    """Reconstruction alone, with a posterior of any family: what metrics are tried on."""

    def __init__(self, family: PosteriorFamily):
        self.family = family

    def posterior(self) -> PosteriorFamily:
        return self.family

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        return Loss(squared_error(batch.x, model.decode(model.encode(batch.x).rsample())).mean(), {})
