"""The laws of all that takes part in a training step: objectives, priors, divergences and architectures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from vimae_bench.engine.build import make_autoencoder

from ..core.spec import Training
from ..engine.step.graph import TracingError, describe_tracing_error, trace_step
from ..engine.step.step import TrainingStep, check_loss
from ..models.autoencoder import Autoencoder
from ..models.model_spec import ModelSpec
from ..models.priors import Prior, StandardNormal
from ..plugin.interfaces import Architecture, Batch, Objective, OptimizerStep
from .contract import ContractError, NotApplicable, Unsupported, check, expect, seeded
from .fixtures import EXAMPLE_SPEC, HALF, LinearArchitecture, example_images

BATCH = 64
LINEAR = LinearArchitecture()


@dataclass(frozen=True)
class Trained:
    """A plugin with what it takes to train it, toys in the place of all other parts."""

    objective: Objective
    prior: Callable[[int], Prior] = StandardNormal
    architecture: Architecture = LINEAR
    spec: ModelSpec = EXAMPLE_SPEC

    def model(self) -> Autoencoder:
        """The autoencoder, the same at each call. Raises Unsupported where the objective finds that it does not fit."""
        model = make_autoencoder(self.spec, self.architecture, self.prior, self.objective, seed=0)
        try:
            self.objective.check(model)
        except ValueError as error:
            raise Unsupported(f"refuses a linear model under N(0, I): {error}") from error
        return model

    def step(self) -> TrainingStep:
        """A training step of a new model, over images uint8."""
        images = torch.from_numpy(example_images(8 * BATCH).x) if self.spec == EXAMPLE_SPEC else self._noise()
        return TrainingStep(self.model(), self.objective, Training(batch=BATCH, learning_rate=1e-2), images)

    def index(self, i: int = 0) -> Tensor:
        """Which images are in batch i: few of large ones."""
        size = BATCH if self.spec == EXAMPLE_SPEC else 4
        return torch.arange(i * size, i * size + size) % (8 * size)

    def batch(self) -> Batch:
        """The first batch."""
        return self.step().batch(self.index(), HALF)

    def _noise(self) -> Tensor:
        return seeded(0, lambda: torch.randint(256, (32, *self.spec.shape), dtype=torch.uint8))


def trained(of: Trained, steps: int) -> tuple[TrainingStep, Tensor]:
    """A step that has been made so many times, and the losses and terms of each time, [steps, terms]."""
    step = of.step()
    return step, torch.stack([seeded(i, lambda i=i: step(of.index(i), HALF)) for i in range(steps)])


@check
def compiles(of: Trained) -> None:
    """A training step with it is one graph: no `.item()`, no branch on data."""
    try:
        trace_step(of.step(), of.index(), HALF)
    except TracingError as error:
        raise ContractError(f"its step does not compile into one graph: {error}") from error


@check
def same_seed_same_result(of: Trained) -> None:
    """Trained twice from one seed, losses and weights are the same bit for bit."""
    (first, ours), (second, theirs) = trained(of, 3), trained(of, 3)
    expect(torch.equal(ours, theirs), "the losses of two trainings from one seed differ")
    other = second.model.state_dict()
    unlike = [name for name, value in first.model.state_dict().items() if not torch.equal(value, other[name])]
    expect(not unlike, f"from one seed two trainings end in different weights: {unlike}; draw from torch's generator")


@check
def moves_to_another_device(of: Trained) -> None:
    """A model with it trains on a GPU (where there is none, on a pretended one): no tensor is left behind."""
    try:
        if torch.cuda.is_available():
            _losses(of, of.model().to("cuda"), _batch(of.batch().x.to("cuda")))
        else:
            _follow_to_pretended_gpu(of)
    except RuntimeError as error:
        if "hasPrimaryContext" in str(error):
            raise NotApplicable("it takes gradients within its loss, for which torch wants a GPU") from error
        raise ContractError(f"does not follow its model to another device: {describe_tracing_error(error)}") from error


@check
def moves_to_float64(of: Trained) -> None:
    """A model with it trains in float64."""
    try:
        _losses(of, of.model().double(), _batch(of.batch().x.double()))
    except RuntimeError as error:
        raise ContractError(f"does not follow its model to float64: {describe_tracing_error(error)}") from error


@check
def a_nan_is_seen(of: Trained) -> None:
    """One image that is NaN makes the loss NaN or raises: it is never swallowed."""
    x = of.batch().x.clone()
    x[0] = torch.nan
    try:
        total = seeded(0, lambda: check_loss(of.objective(of.model(), _batch(x))).total)
    except Exception:  # however it is told
        return
    expect(not bool(total.isfinite()), f"the loss of a batch with an image that is NaN is {total.item():.4g}")


@check
def extremes_give_no_nan(of: Trained) -> None:
    """No loss and no gradient is NaN for images all black or all white, or log-variances of -20 and 20."""
    for case, subject, x in _extremes(of):
        for total, grads in seeded(0, lambda subject=subject, x=x: _losses(subject, subject.model(), _batch(x))):
            expect(not bool(total.isnan()), f"the loss is NaN for {case}")
            expect(not any(bool(g.isnan().any()) for g in grads), f"a gradient is NaN for {case}")


def _extremes(of: Trained) -> Iterator[tuple[str, Trained, Tensor]]:
    x = of.batch().x
    yield "black images", of, torch.full_like(x, 0.0 if of.spec.pixel_range == "unit" else -1.0)
    yield "white images", of, torch.ones_like(x)
    if isinstance(of.architecture, LinearArchitecture):
        for log_variance in (-20.0, 20.0):
            yield f"log-variances of {log_variance:g}", replace(of, architecture=LinearArchitecture(log_variance)), x


def _batch(x: Tensor) -> Batch:
    return Batch(x, HALF.to(x), len(x))


def _losses(of: Trained, model: Autoencoder, batch: Batch) -> list[tuple[Tensor, list[Tensor]]]:
    """The loss of each player of a step, and its gradients."""
    return [_loss(model, step, batch) for step in of.objective.optimizer_steps()]


def _loss(model: Autoencoder, step: OptimizerStep, batch: Batch) -> tuple[Tensor, list[Tensor]]:
    total = check_loss(step.loss(model, batch)).total
    weights = [p for p in model.module_parameters(step.modules) if p.requires_grad]
    return total, [*torch.autograd.grad(total, weights, materialize_grads=True)]


def _follow_to_pretended_gpu(of: Trained) -> None:
    """The losses of tensors without data that say they are on a GPU, and refuse to meet one that is not.

    Without gradients: torch looks for the GPU itself when it begins with these.
    """
    model, x = of.model(), of.batch().x
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:

        def there(x: Tensor) -> Tensor:
            return mode.from_tensor(x.detach()).to("cuda")

        for module in model.modules():
            _move_own(module, there)
        for step in of.objective.optimizer_steps():
            check_loss(step.loss(model, _batch(there(x))))


def _move_own(module: nn.Module, there: Callable[[Tensor], Tensor]) -> None:
    """Move a module's parameters and buffers: `Module.to` cannot put tensors of another class in their place."""
    for name, p in [*module.named_parameters(recurse=False)]:
        setattr(module, name, nn.Parameter(there(p), p.requires_grad))
    for name, buffer in [*module.named_buffers(recurse=False)]:
        setattr(module, name, there(buffer))


TRAINING = (
    compiles,
    same_seed_same_result,
    moves_to_another_device,
    moves_to_float64,
    a_nan_is_seen,
    extremes_give_no_nan,
)
