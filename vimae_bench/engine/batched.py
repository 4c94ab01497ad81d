"""Several seeds of one run as one batched model: on a GPU that small networks leave idle, as fast as one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from .graph import ADAM, Graph, Tensors, tensors_of, trace
from .step import TrainingStep


@dataclass(frozen=True)
class BatchedStep:
    """The steps of several seeds made at once. They go on sharing their memory with each seed's model and optimisers.

    Bits differ from those of the seeds alone, by rounding and by the noise: one stream serves all seeds.
    """

    graph: Graph
    images: Tensor
    kind: str

    @property
    def terms(self) -> tuple[str, ...]:
        return self.graph.terms

    def __call__(self, index: Tensor, progress: Tensor) -> Tensor:
        """Train seed s on the images at `index[s]`, index [S, B]; gives the terms, detached, [T, S]."""
        (terms,) = self.graph.module(*self.graph.leaves, self.images, index, progress)
        return terms


def batched(steps: Sequence[TrainingStep], batch: int) -> BatchedStep:
    """One step out of the steps of several seeds, which differ in their weights alone.

    Raises NotOneGraph with the reason where the objective's arithmetic cannot be batched.
    """
    first = steps[0]
    index = torch.zeros(len(steps), batch, dtype=torch.int64, device=first.images.device)
    progress = torch.zeros((), device=first.images.device)
    graph = trace(first, index, progress, _stacked(steps))
    return BatchedStep(graph, first.images, f"{len(steps)} seeds batched")


def _stacked(steps: Sequence[TrainingStep]) -> Tensors:
    """The tensors of all steps, stacked, and put in the place of each step's own."""
    every = [tensors_of(step) for step in steps]
    weights = {name: _stack([tensors["weights"][name] for tensors in every]) for name in every[0]["weights"]}
    buffers = {name: _stack([tensors["buffers"][name] for tensors in every]) for name in every[0]["buffers"]}
    for i, step in enumerate(steps):
        for names, stacks in ((step.model.named_parameters(), weights), (step.model.named_buffers(), buffers)):
            for name, tensor in names:
                tensor.data = stacks[name][i]
    adam = [_stack_adam([step.optimisers[place] for step in steps]) for place in range(len(steps[0].optimisers))]
    return {"weights": {name: w.requires_grad_() for name, w in weights.items()}, "buffers": buffers, "adam": adam}


def _stack_adam(optimisers: Sequence[torch.optim.Adam]) -> dict[str, list[Tensor]]:
    """The states of one player's optimisers, stacked; the number of steps is the same for all, and stays one number."""
    stacked: dict[str, list[Tensor]] = {name: [] for name in ADAM}
    for same in zip(*(optimiser.param_groups[0]["params"] for optimiser in optimisers), strict=True):
        states = [cast("dict[str, Any]", o.state[p]) for o, p in zip(optimisers, same, strict=True)]
        for name in ADAM:
            whole = states[0][name] if name == "step" else _stack([state[name] for state in states])
            stacked[name].append(whole)
            for i, state in enumerate(states):
                state[name] = whole if name == "step" else whole[i]
    return stacked


def _stack(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack([tensor.detach() for tensor in tensors])
