"""Several seeds of one run as one batched model: on a GPU that small networks leave idle, as fast as one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .adam import Adam
from .graph import StepGraph, StepTensors, get_step_tensors, trace_step
from .step import TrainingStep


@dataclass(frozen=True)
class BatchedStep:
    """The steps of several seeds made at once. They go on sharing their memory with each seed's model and optimisers.

    Bits differ from those of the seeds alone, by rounding and by the noise: one stream serves all seeds.
    """

    graph: StepGraph
    images: Tensor
    kind: str

    @property
    def terms(self) -> tuple[str, ...]:
        return self.graph.terms

    def __call__(self, index: Tensor, progress: Tensor) -> Tensor:
        """Train seed s on the images at `index[s]`, index [S, B]; gives the terms, detached, [T, S]."""
        (terms,) = self.graph.module(*self.graph.leaves, self.images, index, progress)
        return terms


def make_batched_step(steps: Sequence[TrainingStep], index: Tensor, progress: Tensor) -> BatchedStep:
    """One step out of the steps of several seeds, which differ in their weights alone, for batches like index [S, B].

    Raises TracingError with the reason where the objective's arithmetic cannot be batched.
    """
    first = steps[0]
    graph = trace_step(first, index, progress, _stack_tensors(steps))
    return BatchedStep(graph, first.images, f"{len(steps)} seeds batched")


def _stack_tensors(steps: Sequence[TrainingStep]) -> StepTensors:
    """The tensors of all steps, stacked, and substituted for each step's own."""
    every = [get_step_tensors(step) for step in steps]
    weights = {name: _stack_detached([tensors["weights"][name] for tensors in every]) for name in every[0]["weights"]}
    buffers = {name: _stack_detached([tensors["buffers"][name] for tensors in every]) for name in every[0]["buffers"]}
    for i, step in enumerate(steps):
        for names, stacks in ((step.model.named_parameters(), weights), (step.model.named_buffers(), buffers)):
            for name, tensor in names:
                tensor.data = stacks[name][i]
    adam = [_stack_optimizers([step.optimisers[place] for step in steps]) for place in range(len(steps[0].optimisers))]
    return {"weights": {name: w.requires_grad_() for name, w in weights.items()}, "buffers": buffers, "adam": adam}


def _stack_optimizers(optimisers: Sequence[Adam]) -> dict[str, Any]:
    """The states of the seeds' optimisers of one loss, stacked. They share the number of steps, which stays one."""
    states, steps = [optimiser.get_state() for optimiser in optimisers], optimisers[0].steps
    stacks = {
        name: [_stack_detached(same) for same in zip(*(state[name] for state in states), strict=True)]
        for name in ("exp_avg", "exp_avg_sq")
    }
    for i, optimiser in enumerate(optimisers):
        optimiser.exp_avg, optimiser.exp_avg_sq = ([s[i] for s in stacks[name]] for name in ("exp_avg", "exp_avg_sq"))
        optimiser.steps = steps
    return {**stacks, "steps": steps}


def _stack_detached(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack([tensor.detach() for tensor in tensors])
