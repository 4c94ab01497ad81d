"""The checks of all that takes part in a training step: objectives, priors, divergences and architectures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from ..core.spec import Training
from ..engine.build import make_autoencoder
from ..engine.step.graph import TracingError, describe_tracing_error, trace_step
from ..engine.step.step import TrainingStep, check_loss
from ..engine.step.torch_internals import simulate_gpu
from ..models.autoencoder import Autoencoder
from ..models.model_spec import ModelSpec
from ..models.priors import Prior, StandardNormal
from ..plugin.interfaces import Architecture, Batch, Objective, OptimizerStep
from .contract import ContractError, NotApplicable, Unsupported, call_with_seed, check, require
from .fixtures import EXAMPLE_SPEC, HALF, LinearArchitecture, example_images

BATCH = 64
LINEAR = LinearArchitecture()


@dataclass(frozen=True)
class TrainingSetup:
    """A plugin, with the simplest plugins of all other kinds that training needs."""

    objective: Objective
    prior: Callable[[int], Prior] = StandardNormal
    architecture: Architecture = LINEAR
    spec: ModelSpec = EXAMPLE_SPEC

    def make_model(self) -> Autoencoder:
        """The autoencoder, the same at each call. Raises Unsupported where the objective refuses it."""
        model = make_autoencoder(self.spec, self.architecture, self.prior, self.objective, seed=0)
        try:
            self.objective.check(model)
        except ValueError as error:
            raise Unsupported(f"refuses a linear model with the prior N(0, I): {error}") from error
        return model

    def make_step(self) -> TrainingStep:
        """A training step of a new model, over images uint8."""
        images = torch.from_numpy(example_images(8 * BATCH).x) if self.spec == EXAMPLE_SPEC else self._make_noise()
        return TrainingStep(self.make_model(), self.objective, Training(batch=BATCH, learning_rate=1e-2), images)

    def select_batch(self, i: int = 0) -> Tensor:
        """The indices of the images in batch i: fewer where images are large."""
        size = BATCH if self.spec == EXAMPLE_SPEC else 4
        return torch.arange(i * size, i * size + size) % (8 * size)

    def make_batch(self) -> Batch:
        """The first batch."""
        return self.make_step().make_batch(self.select_batch(), HALF)

    def _make_noise(self) -> Tensor:
        return call_with_seed(0, lambda: torch.randint(256, (32, *self.spec.shape), dtype=torch.uint8))


def run_steps(setup: TrainingSetup, steps: int) -> tuple[TrainingStep, Tensor]:
    """A training step after so many calls, and the loss and terms of each call, [steps, terms]."""
    step = setup.make_step()
    return step, torch.stack([call_with_seed(i, lambda i=i: step(setup.select_batch(i), HALF)) for i in range(steps)])


@check
def step_compiles(setup: TrainingSetup) -> None:
    """A training step compiles into one graph: no `.item()`, no branch on data."""
    try:
        trace_step(setup.make_step(), setup.select_batch(), HALF)
    except TracingError as error:
        raise ContractError(f"its step does not compile into one graph: {error}") from error


@check
def same_seed_same_result(setup: TrainingSetup) -> None:
    """Two trainings from one seed give the same losses and weights, bit for bit."""
    (first, ours), (second, theirs) = run_steps(setup, 3), run_steps(setup, 3)
    require(torch.equal(ours, theirs), "the losses of two trainings from one seed differ")
    other = second.model.state_dict()
    different = [name for name, value in first.model.state_dict().items() if not torch.equal(value, other[name])]
    require(
        not different, f"from one seed two trainings end in different weights: {different}; draw from torch's generator"
    )


@check
def moves_to_another_device(setup: TrainingSetup) -> None:
    """A model trains on a GPU (where there is none, on a simulated one): all tensors move with it."""
    try:
        if torch.cuda.is_available():
            _compute_losses(setup, setup.make_model().to("cuda"), _make_batch(setup.make_batch().x.to("cuda")))
        else:
            _train_on_simulated_gpu(setup)
    except RuntimeError as error:
        if "hasPrimaryContext" in str(error):
            raise NotApplicable("it takes gradients within its loss, for which torch needs a GPU") from error
        raise ContractError(f"does not follow its model to another device: {describe_tracing_error(error)}") from error


@check
def moves_to_float64(setup: TrainingSetup) -> None:
    """A model trains in float64."""
    try:
        _compute_losses(setup, setup.make_model().double(), _make_batch(setup.make_batch().x.double()))
    except RuntimeError as error:
        raise ContractError(f"does not follow its model to float64: {describe_tracing_error(error)}") from error


@check
def nan_is_not_hidden(setup: TrainingSetup) -> None:
    """One NaN image makes the loss NaN or raises an error."""
    x = setup.make_batch().x.clone()
    x[0] = torch.nan
    try:
        total = call_with_seed(0, lambda: check_loss(setup.objective(setup.make_model(), _make_batch(x))).total)
    except Exception:  # of any kind
        return
    require(not bool(total.isfinite()), f"the loss of a batch with an image that is NaN is {total.item():.4g}")


@check
def extremes_give_no_nan(setup: TrainingSetup) -> None:
    """No loss or gradient is NaN for images all black or all white, or log-variances of -20 and 20."""
    for case, extreme, x in _make_extremes(setup):
        for total, grads in call_with_seed(0, partial(_compute_losses, extreme, extreme.make_model(), _make_batch(x))):
            require(not bool(total.isnan()), f"the loss is NaN for {case}")
            require(not any(bool(g.isnan().any()) for g in grads), f"a gradient is NaN for {case}")


def _make_extremes(setup: TrainingSetup) -> Iterator[tuple[str, TrainingSetup, Tensor]]:
    x = setup.make_batch().x
    yield "black images", setup, torch.full_like(x, 0.0 if setup.spec.pixel_range == "unit" else -1.0)
    yield "white images", setup, torch.ones_like(x)
    if isinstance(setup.architecture, LinearArchitecture):
        for log_variance in (-20.0, 20.0):
            yield f"log-variances of {log_variance:g}", replace(setup, architecture=LinearArchitecture(log_variance)), x


def _make_batch(x: Tensor) -> Batch:
    return Batch(x, HALF.to(x), len(x))


def _compute_losses(setup: TrainingSetup, model: Autoencoder, batch: Batch) -> list[tuple[Tensor, list[Tensor]]]:
    """The loss of each optimiser step, and its gradients."""
    return [_compute_loss(model, step, batch) for step in setup.objective.optimizer_steps()]


def _compute_loss(model: Autoencoder, step: OptimizerStep, batch: Batch) -> tuple[Tensor, list[Tensor]]:
    total = check_loss(step.loss(model, batch)).total
    weights = [p for p in model.module_parameters(step.modules) if p.requires_grad]
    return total, [*torch.autograd.grad(total, weights, materialize_grads=True)]


def _train_on_simulated_gpu(setup: TrainingSetup) -> None:
    """Compute the losses with tensors that hold no data and are said to be on a GPU; mixing devices is an error.

    Without gradients, for which torch needs the GPU itself.
    """
    model, x = setup.make_model(), setup.make_batch().x
    block, to_gpu = simulate_gpu()
    with block:
        for module in model.modules():
            _move_tensors(module, to_gpu)
        for step in setup.objective.optimizer_steps():
            check_loss(step.loss(model, _make_batch(to_gpu(x))))


def _move_tensors(module: nn.Module, move: Callable[[Tensor], Tensor]) -> None:
    """Move a module's own parameters and buffers; `Module.to` cannot replace them by tensors of another class."""
    for name, p in [*module.named_parameters(recurse=False)]:
        setattr(module, name, nn.Parameter(move(p), p.requires_grad))
    for name, buffer in [*module.named_buffers(recurse=False)]:
        setattr(module, name, move(buffer))


TRAINING = (
    step_compiles,
    same_seed_same_result,
    moves_to_another_device,
    moves_to_float64,
    nan_is_not_hidden,
    extremes_give_no_nan,
)
