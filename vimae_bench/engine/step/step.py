"""One training step: gather a batch, and make each optimiser step the objective asks for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ...core.errors import BenchError
from ...core.spec import Training
from ...data.pixels import to_network, to_unit
from ...models.autoencoder import Autoencoder
from ...plugin.interfaces import Batch, Loss, Objective, OptimizerStep
from .adam import Adam
from .schedule import get_rate_factor

CONVOLUTION_DIM = 4
"""The dimensions of the weights that have a memory format: those of convolutions over images."""


class StepBackend(Protocol):
    """A way to make a step."""

    @property
    def kind(self) -> str: ...
    @property
    def terms(self) -> tuple[str, ...]: ...
    def __call__(self, index: Tensor, progress: Tensor) -> Tensor: ...


class TrainingStep:
    """One step over images uint8 [N, C, H, W] on the model's device.

    Nothing in it waits for the device or branches on data: it can be compiled into one graph (`graph.py`) and replayed.
    """

    kind = "eager"

    def __init__(self, model: Autoencoder, objective: Objective, training: Training, images: Tensor):
        self.model, self.objective, self.training, self.images = model, objective, training, images
        self.steps: Sequence[OptimizerStep] = objective.optimizer_steps()
        self.losses: Sequence[Callable[[Autoencoder, Batch], Loss]] = [step.loss for step in self.steps]
        self.optimisers = [self._make_optimizer(step, training) for step in self.steps]
        self.terms: tuple[str, ...] = ()

    def __call__(self, index: Tensor, progress: Tensor) -> Tensor:
        """Train on the images at `index` [B]; gives every loss's named terms, detached, in the order of `terms`."""
        batch, terms = self.make_batch(index, progress), dict[str, Tensor]()
        for place, (loss_of, optimiser) in enumerate(zip(self.losses, self.optimisers, strict=True), 1):
            loss = check_loss(loss_of(self.model, batch))
            grads = torch.autograd.grad(loss.total, optimiser.weights, allow_unused=True)
            optimiser.step(grads, self.get_rate_factor(progress))
            terms |= name_terms(loss, place, terms)
        self.terms = tuple(terms)
        return torch.stack([*terms.values()])

    def make_batch(self, index: Tensor, progress: Tensor) -> Batch:
        """What the objective sees of the images at `index` [B]."""
        return Batch(self.gather_images(index), progress, len(self.images))

    def gather_images(self, index: Tensor) -> Tensor:
        """The images at `index` as the network sees them, float32 [B, C, H, W]."""
        return to_network(to_unit(self.images[index]), self.model.spec.pixel_range)

    def get_rate_factor(self, progress: Tensor) -> Tensor | None:
        """What the learning rate is multiplied with, a scalar; None where it is constant."""
        return get_rate_factor(self.training, progress)

    def has_convolutions(self) -> bool:
        """Whether it matters how weights lie in memory."""
        return any(p.dim() == CONVOLUTION_DIM for p in self.model.parameters())

    def set_memory_format(self, memory_format: torch.memory_format) -> None:
        """Lay out weights of convolutions and their moments anew, in new memory; values stay."""
        for p in self.model.parameters():
            p.data = _lay_out(p.data, memory_format)
        for optimiser in self.optimisers:
            for moments in (optimiser.exp_avg, optimiser.exp_avg_sq):
                moments[:] = [_lay_out(x, memory_format) for x in moments]

    def get_state(self) -> list[dict[str, Any]]:
        """The optimisers' states."""
        return [optimiser.get_state() for optimiser in self.optimisers]

    def restore_state(self, states: Sequence[dict[str, Any]]) -> None:
        """Put back what `get_state` gave."""
        for optimiser, state in zip(self.optimisers, states, strict=True):
            optimiser.restore_state(state)

    def _make_optimizer(self, step: OptimizerStep, training: Training) -> Adam:
        weights = [p for p in self.model.module_parameters(step.modules) if p.requires_grad]
        rate = training.learning_rate if step.learning_rate is None else step.learning_rate
        return Adam(weights, rate, training.adam_beta1, training.adam_beta2)


def _lay_out(x: Tensor, memory_format: torch.memory_format) -> Tensor:
    return x.contiguous(memory_format=memory_format) if x.dim() == CONVOLUTION_DIM else x


def check_loss(given: object) -> Loss:
    """What an objective gave. Raises BenchError if it is not a Loss of scalars."""
    if not isinstance(given, Loss):
        raise BenchError(f"the objective gives {type(given).__name__}; it has to give a Loss(total, terms)")
    for name, value in (("total", given.total), *given.terms.items()):
        _check_scalar(name, value)
    return given


def name_terms(loss: Loss, place: int, taken: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The loss and its terms, detached, by name.

    No term hides another: a name that is taken, as "total" is by the first loss, is followed by the place of its own.
    """
    terms: dict[str, Tensor] = {}
    for name, value in (("total", loss.total), *loss.terms.items()):
        terms[f"{name} of step {place}" if name in taken or name in terms else name] = value.detach()
    return terms


def _check_scalar(name: str, value: object) -> None:
    # A shape is known without looking at data, so this costs a running step nothing.
    if not isinstance(value, Tensor):
        raise BenchError(f"the objective's {name!r} is {type(value).__name__}; it has to be a scalar tensor")
    if value.shape != ():
        raise BenchError(f"the objective's {name!r} has shape {tuple(value.shape)}; it has to be a scalar")
