"""One training step: gather a batch, and make each optimiser step the objective asks for."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import BenchError
from ..kinds import Batch, Loss, Objective, Step
from ..model import Autoencoder
from ..pixels import to_network, to_unit
from ..records import Training

ADAM_EPS = 1e-8


class TrainingStep:
    """The whole step over images uint8 [N, C, H, W] that lie on the model's device.

    Nothing in it waits for the device or branches on data: it can be compiled into one graph and replayed.
    """

    def __init__(self, model: Autoencoder, objective: Objective, training: Training, images: Tensor):
        self.model, self.images = model, images
        self.steps: Sequence[Step] = objective.steps()
        self.optimisers = [self._optimiser(step, training) for step in self.steps]
        self.terms: tuple[str, ...] = ()

    def __call__(self, index: Tensor, progress: Tensor) -> Tensor:
        """Train on the images at `index` [B]; gives every loss's named terms, detached, in the order of `terms`."""
        batch = Batch(self.gather(index), progress)
        named: dict[str, Tensor] = {}
        for place, (step, optimiser) in enumerate(zip(self.steps, self.optimisers, strict=True), 1):
            for name, value in self._make(step, optimiser, batch):
                # No term hides another: a name that is taken, as "total" is by the first step's, is told by its place.
                named[f"{name} of step {place}" if name in named else name] = value
        self.terms = tuple(named)
        return torch.stack([*named.values()])

    def gather(self, index: Tensor) -> Tensor:
        """The images at `index` as the network sees them, float32 [B, C, H, W]."""
        return to_network(to_unit(self.images[index]), self.model.frame.pixel_range)

    def state(self) -> list[dict[str, object]]:
        """The optimisers' states."""
        return [optimiser.state_dict() for optimiser in self.optimisers]

    def restore(self, states: Sequence[dict[str, object]]) -> None:
        """Put back what `state` gave."""
        for optimiser, state in zip(self.optimisers, states, strict=True):
            optimiser.load_state_dict(state)

    def _optimiser(self, step: Step, training: Training) -> torch.optim.Adam:
        rate = training.learning_rate if step.learning_rate is None else step.learning_rate
        betas = (training.adam_beta1, training.adam_beta2)
        return torch.optim.Adam(self.model.parts(step.trains), lr=rate, betas=betas, eps=ADAM_EPS, fused=True)

    def _make(self, step: Step, optimiser: torch.optim.Adam, batch: Batch) -> list[tuple[str, Tensor]]:
        loss = _loss(step.loss(self.model, batch))
        optimiser.zero_grad(set_to_none=True)
        _scalar("total", loss.total).backward()
        optimiser.step()
        return [(name, _scalar(name, value).detach()) for name, value in (("total", loss.total), *loss.terms.items())]


def _loss(given: object) -> Loss:
    if not isinstance(given, Loss):
        raise BenchError(f"the objective gives {type(given).__name__}; it has to give a Loss(total, terms)")
    return given


def _scalar(name: str, value: object) -> Tensor:
    # A shape is known without looking at data, so this costs a running step nothing.
    if not isinstance(value, Tensor):
        raise BenchError(f"the objective's {name!r} is {type(value).__name__}; it has to be a scalar tensor")
    if value.shape != ():
        raise BenchError(f"the objective's {name!r} has shape {tuple(value.shape)}; it has to be a scalar")
    return value
