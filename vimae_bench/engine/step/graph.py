"""A training step as one graph: gather, noise, forward, loss, backward and optimiser, from tensors to tensors."""

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.fx import GraphModule, Node

from ...core.errors import BenchError
from ...plugin.interfaces import Batch, Loss, OptimizerStep
from .step import TrainingStep, check_loss, name_terms
from .torch_internals import list_tensors, trace_function

StepTensors = dict[str, Any]
"""The `weights` and `buffers` of a model by name, and under `adam` the state of each optimiser."""


class TracingError(BenchError):
    """A step that cannot be one graph, and why."""


@dataclass(frozen=True)
class StepGraph:
    """A traced step. Its module takes the leaves, the images, an index [B] and the progress, and gives [terms].

    The leaves are the weights, buffers and states of the optimisers, in memory that the model and the optimisers share.
    """

    module: GraphModule
    leaves: list[Tensor]
    terms: tuple[str, ...]

    @property
    def text(self) -> str:
        """The graph in words: what computes the same from leaves of the same kind has the same text."""
        constants = (f"{name} {_format_kind(x)} {x.tolist()}" for name, x in self.module.named_buffers())
        return "\n".join([self.module.code, *map(_format_kind, self.leaves), *constants])


def trace_step(step: TrainingStep, index: Tensor, progress: Tensor, seeds: StepTensors | None = None) -> StepGraph:
    """The graph of a step for batches like `index` [B], found by following it once with tensors that hold no data.

    With the tensors of several `seeds`, stacked along a first dimension S, it is the step of all of them at once: the
    index is [S, B] then, and the terms are [T, S]; each seed has random numbers of its own.

    Its Python runs while the graph is traced and never again: a step that would do something else the next time is
    refused, as is one that looks at its data. Raises TracingError with the reason.
    """
    before = [*_list_plain_attributes(step)]
    first, second = (_trace_once(step, index, progress, seeds) for _ in range(2))
    if first.text != second.text or before != [*_list_plain_attributes(step)]:
        raise TracingError("what it computes changes from call to call; let it depend on batch.progress instead")
    return second


def _trace_once(step: TrainingStep, index: Tensor, progress: Tensor, seeds: StepTensors | None) -> StepGraph:
    tensors, images, names = seeds or get_step_tensors(step), step.images, list[str]()
    loss = _compute_losses_of_seeds if seeds else _compute_loss

    def run_step(tensors: StepTensors, images: Tensor, index: Tensor, progress: Tensor) -> Tensor:
        step.images = images
        terms = _run_functionally(step, loss, tensors, index, progress)
        names[:] = terms
        return torch.stack([*terms.values()])

    try:
        module = trace_function(run_step, tensors, images, index, progress)
    except BenchError:
        raise
    except Exception as error:  # whatever stops the tracer
        raise TracingError(describe_tracing_error(error)) from error
    finally:
        step.images = images
    if any(_depends_on_data(node) for node in module.graph.nodes):
        raise TracingError("it reads numbers out of tensors (.item()), or has shapes that depend on data")
    for node in module.graph.find_nodes(op="call_function", target=torch.ops.aten.erfinv.default):
        node.target = torch.ops.vimae_bench.erfinv.default
    module.recompile()
    return StepGraph(module, list_leaves(tensors), tuple(names))


def _run_functionally(
    step: TrainingStep,
    loss_of: Callable[[nn.Module, OptimizerStep, StepTensors, Batch], Loss],
    tensors: StepTensors,
    index: Tensor,
    progress: Tensor,
) -> dict[str, Tensor]:
    """The step as a function of its tensors, some of which it changes in place."""
    batch, terms = step.make_batch(index, progress), dict[str, Tensor]()
    names: dict[Tensor, str] = {p: name for name, p in step.model.named_parameters()}
    for place, (part, optimiser, state) in enumerate(zip(step.steps, step.optimisers, tensors["adam"], strict=True)):
        loss = loss_of(step.model, part, tensors, batch)
        own = [tensors["weights"][names[p]] for p in optimiser.weights]
        grads = torch.autograd.grad(loss.total.sum(), own, allow_unused=True)
        lists = optimiser.select_reached([w.detach() for w in own], grads, state)
        optimiser.update_lists(lists, state["steps"], step.get_rate_factor(progress), graph=True)
        terms |= name_terms(loss, place + 1, terms)
    return terms


def _compute_loss(model: nn.Module, part: OptimizerStep, tensors: StepTensors, batch: Batch) -> Loss:
    return check_loss(functional_call(_LossModule(model, part), _name_tensors(tensors), (batch,)))


def _compute_losses_of_seeds(model: nn.Module, part: OptimizerStep, tensors: StepTensors, batch: Batch) -> Loss:
    """The losses and terms [S] of all seeds; as none depends on another's weights, their sum has all gradients."""

    def one(swapped: dict[str, Tensor], x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        loss = check_loss(functional_call(_LossModule(model, part), swapped, (replace(batch, x=x),)))
        return loss.total, {**loss.terms}

    return Loss(*torch.vmap(one, randomness="different")(_name_tensors(tensors), batch.x))


def _name_tensors(tensors: StepTensors) -> dict[str, Tensor]:
    return {f"model.{name}": value for part in ("weights", "buffers") for name, value in tensors[part].items()}


class _LossModule(nn.Module):
    """The loss of an optimiser step as a module, so that the weights inside can be exchanged."""

    def __init__(self, model: nn.Module, part: OptimizerStep):
        super().__init__()
        self.model, self.part = model, part

    def forward(self, batch: Batch) -> Loss:
        return self.part.loss(self.model, batch)  # pyright: ignore[reportArgumentType]


def get_step_tensors(step: TrainingStep) -> StepTensors:
    """What a step works on; all of it shares memory with the model and the optimisers."""
    return {
        "weights": {name: p.detach().requires_grad_() for name, p in step.model.named_parameters()},
        "buffers": dict(step.model.named_buffers()),
        "adam": [optimiser.get_state() for optimiser in step.optimisers],
    }


def list_leaves(tensors: StepTensors) -> list[Tensor]:
    """All of these tensors in one list, in the order in which the graph takes them."""
    return [leaf.detach() for leaf in list_tensors(tensors)]


def _list_plain_attributes(step: TrainingStep) -> Iterator[tuple[str, object]]:
    """The plain values that the objective's and the modules' Python could depend on."""
    for part in (step.objective, *step.model.modules()):
        for name, value in getattr(part, "__dict__", {}).items():
            if isinstance(value, bool | int | float | str | None):
                yield name, value


def _format_kind(x: Tensor) -> str:
    return f"{tuple(x.shape)} {x.stride()} {x.dtype} {x.device}"


def _depends_on_data(node: Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool) or (
        isinstance(value, Tensor) and any(isinstance(side, torch.SymInt) for side in value.shape)
    )


def describe_tracing_error(error: BaseException) -> str:
    """What was raised, such as what stopped the tracer, and at which line of the objective or of another plugin."""
    looks = "DataDependent" in type(error).__name__ or ".item()" in str(error)
    what = "it looks at its data (.item(), or a branch on a tensor)" if looks else format_first_line(error)
    ours = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]))
    lines = [spec for spec in traceback.extract_tb(error.__traceback__) if not spec.filename.startswith(ours)]
    return f"{what} at {Path(lines[-1].filename).name}:{lines[-1].lineno}" if lines else what


def format_first_line(error: BaseException) -> str:
    """The first line of what an error says."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
