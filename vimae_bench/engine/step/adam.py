"""Adam (Kingma and Ba, 1412.6980) by torch's fused kernel, on plain lists of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, library

from .torch_internals import apply_adam

UpdateLists = tuple[list[Any], list[Any], list[Any], list[Any]]
"""Weights, their gradients, and both running moments of these."""


@dataclass
class Adam:
    """The optimiser of some weights: what torch.optim.Adam(fused=True) computes, bit for bit.

    Its state is open, so that a step with everything in it can be traced, captured or stacked; and it loads nothing:
    torch's own brings the whole compiler with it. A weight that a gradient does not reach stays as it is.
    """

    weights: Sequence[Tensor]
    rate: float
    beta1: float
    beta2: float

    def __post_init__(self):
        self.exp_avg = [torch.zeros_like(w.detach()) for w in self.weights]
        self.exp_avg_sq = [torch.zeros_like(w.detach()) for w in self.weights]
        self.steps = torch.zeros((), device=self.weights[0].device if self.weights else None)

    def step(self, grads: Sequence[Tensor | None], factor: Tensor | None = None) -> None:
        """Move the weights, given a gradient or None for each; `factor`, a scalar, multiplies the learning rate."""
        with torch.no_grad():
            self.update_lists(self.select_reached(self.weights, grads, self.get_state()), self.steps, factor)

    def update_lists(self, lists: UpdateLists, steps: Tensor, factor: Tensor | None, *, graph: bool = False) -> None:
        """A step on `select_reached`; as one node of a graph where a graph is being made."""
        if factor is None:
            (update_weights_in_graph if graph else update_weights)(*lists, steps, self.rate, self.beta1, self.beta2)
        else:
            rate = self.rate * factor
            (update_weights_at_in_graph if graph else update_weights_at)(*lists, steps, rate, self.beta1, self.beta2)

    def select_reached(
        self, weights: Sequence[Tensor], grads: Sequence[Tensor | None], state: dict[str, Any]
    ) -> UpdateLists:
        """The weights that gradients reach, these gradients, and the weights' running moments."""
        reached = [i for i, grad in enumerate(grads) if grad is not None]

        def of(values: Sequence[Any]) -> list[Any]:
            return [values[i] for i in reached]

        return of(weights), of(grads), of(state["exp_avg"]), of(state["exp_avg_sq"])

    def get_state(self) -> dict[str, Any]:
        """Everything that changes except the weights."""
        return {"exp_avg": self.exp_avg, "exp_avg_sq": self.exp_avg_sq, "steps": self.steps}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Put back what `get_state` gave, into the same memory."""
        for name in ("exp_avg", "exp_avg_sq"):
            for tensor, value in zip(getattr(self, name), state[name], strict=True):
                tensor.copy_(value)
        self.steps.copy_(state["steps"])


def update_weights(
    weights: list[Tensor],
    grads: list[Tensor],
    exp_avg: list[Tensor],
    exp_avg_sq: list[Tensor],
    steps: Tensor,
    rate: float,
    beta1: float,
    beta2: float,
) -> None:
    """One step of Adam on all weights."""
    _apply_adam(weights, grads, exp_avg, exp_avg_sq, steps, rate, beta1, beta2)


def update_weights_at(
    weights: list[Tensor],
    grads: list[Tensor],
    exp_avg: list[Tensor],
    exp_avg_sq: list[Tensor],
    steps: Tensor,
    rate: Tensor,
    beta1: float,
    beta2: float,
) -> None:
    """The same at a learning rate that is itself computed, a scalar on the weights' device."""
    _apply_adam(weights, grads, exp_avg, exp_avg_sq, steps, rate, beta1, beta2)


def _apply_adam(
    weights: list[Tensor],
    grads: list[Tensor],
    exp_avg: list[Tensor],
    exp_avg_sq: list[Tensor],
    steps: Tensor,
    rate: float | Tensor,
    beta1: float,
    beta2: float,
) -> None:
    if not weights:  # which the kernel does not take
        return
    steps += 1
    # The kernel goes through memory in its order, and a gradient may come out of a product transposed.
    pairs = zip(grads, weights, strict=True)
    alike = [g if g.stride() == w.stride() else torch.empty_like(w).copy_(g) for g, w in pairs]
    apply_adam(weights, alike, exp_avg, exp_avg_sq, steps, rate, (beta1, beta2))


MUTATED_ARGUMENTS = ("weights", "exp_avg", "exp_avg_sq", "steps")
update_weights_in_graph = library.custom_op("vimae_bench::adam", update_weights, mutates_args=MUTATED_ARGUMENTS)
"""The same as one node of a graph. The compiler's own code for it takes half as long again."""
update_weights_at_in_graph = library.custom_op(
    "vimae_bench::adam_at", update_weights_at, mutates_args=MUTATED_ARGUMENTS
)
