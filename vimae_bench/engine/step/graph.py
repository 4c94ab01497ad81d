"""A training step as one graph: gather, noise, forward, loss, backward and optimiser, from tensors to tensors."""

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.fx import GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.graph import CodeGen
from torch.utils import _pytree as pytree

from ...core.errors import BenchError
from ...plugin.interfaces import Batch, Loss, OptimizerStep
from .step import TrainingStep, checked, named

Tensors = dict[str, Any]
"""The `weights` and `buffers` of a model by name, and under `adam` the state of each player's optimiser."""


class NotOneGraph(BenchError):
    """A step that cannot be one graph, and why."""


@dataclass(frozen=True)
class Graph:
    """A traced step. Its module takes the leaves, the images, an index [B] and the progress, and gives [terms].

    The leaves are the weights, buffers and states of the optimisers, in memory that the model and the optimisers share.
    """

    module: GraphModule
    leaves: list[Tensor]
    terms: tuple[str, ...]

    @property
    def text(self) -> str:
        """The graph in words: what computes the same from leaves of the same kind has the same text."""
        constants = (f"{name} {_kind(x)} {x.tolist()}" for name, x in self.module.named_buffers())
        return "\n".join([self.module.code, *map(_kind, self.leaves), *constants])


def trace(step: TrainingStep, index: Tensor, progress: Tensor, seeds: Tensors | None = None) -> Graph:
    """The graph of a step for batches like `index` [B], found by following it once with tensors that hold no data.

    With the tensors of several `seeds`, stacked along a first dimension S, it is the step of all of them at once: the
    index is [S, B] then, and the terms are [T, S]; each seed has random numbers of its own.

    Its Python runs while the graph is traced and never again: a step that would do something else the next time is
    refused, as is one that looks at its data. Raises NotOneGraph with the reason.
    """
    before = [*_attributes(step)]
    first, second = (_trace(step, index, progress, seeds) for _ in range(2))
    if first.text != second.text or before != [*_attributes(step)]:
        raise NotOneGraph("what it computes changes from call to call; let it depend on batch.progress instead")
    return second


def _trace(step: TrainingStep, index: Tensor, progress: Tensor, seeds: Tensors | None) -> Graph:
    tensors, images, names = seeds or tensors_of(step), step.images, list[str]()
    loss = _losses if seeds else _loss

    def whole(tensors: Tensors, images: Tensor, index: Tensor, progress: Tensor) -> Tensor:
        step.images = images
        terms = _whole(step, loss, tensors, index, progress)
        names[:] = terms
        return torch.stack([*terms.values()])

    try:
        follow = make_fx(whole, tracing_mode="fake", _allow_non_fake_inputs=True)
        module = follow(tensors, images, index, progress)
    except BenchError:
        raise
    except Exception as error:  # whatever stops the tracer
        raise NotOneGraph(reason(error)) from error
    finally:
        step.images = images
    if any(_depends_on_data(node) for node in module.graph.nodes):
        raise NotOneGraph("it reads numbers out of tensors (.item()), or has shapes that depend on data")
    for node in module.graph.find_nodes(op="call_function", target=torch.ops.aten.erfinv.default):
        node.target = torch.ops.vimae_bench.erfinv.default
    module.graph.set_codegen(CodeGen())  # one flat list of arguments
    module.recompile()
    return Graph(module, leaves_of(tensors), tuple(names))


def _whole(
    step: TrainingStep,
    loss_of: Callable[[nn.Module, OptimizerStep, Tensors, Batch], Loss],
    tensors: Tensors,
    index: Tensor,
    progress: Tensor,
) -> dict[str, Tensor]:
    """The step as a function of its tensors, some of which it changes in place."""
    batch, terms = step.batch(index, progress), dict[str, Tensor]()
    names: dict[Tensor, str] = {p: name for name, p in step.model.named_parameters()}
    for place, (player, optimiser, state) in enumerate(zip(step.steps, step.optimisers, tensors["adam"], strict=True)):
        loss = loss_of(step.model, player, tensors, batch)
        own = [tensors["weights"][names[p]] for p in optimiser.weights]
        grads = torch.autograd.grad(loss.total.sum(), own, allow_unused=True)
        lists = optimiser.lists([w.detach() for w in own], grads, state)
        optimiser.update(lists, state["steps"], step.get_rate_factor(progress), graph=True)
        terms |= named(loss, place + 1, terms)
    return terms


def _loss(model: nn.Module, player: OptimizerStep, tensors: Tensors, batch: Batch) -> Loss:
    return checked(functional_call(_Call(model, player), _swapped(tensors), (batch,)))


def _losses(model: nn.Module, player: OptimizerStep, tensors: Tensors, batch: Batch) -> Loss:
    """The losses and terms [S] of all seeds; as none depends on another's weights, their sum has all gradients."""

    def one(swapped: dict[str, Tensor], x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        loss = checked(functional_call(_Call(model, player), swapped, (replace(batch, x=x),)))
        return loss.total, {**loss.terms}

    return Loss(*torch.vmap(one, randomness="different")(_swapped(tensors), batch.x))


def _swapped(tensors: Tensors) -> dict[str, Tensor]:
    return {f"model.{name}": value for part in ("weights", "buffers") for name, value in tensors[part].items()}


class _Call(nn.Module):
    """A player's loss as a module, so that the weights inside can be exchanged."""

    def __init__(self, model: nn.Module, player: OptimizerStep):
        super().__init__()
        self.model, self.player = model, player

    def forward(self, batch: Batch) -> Loss:
        return self.player.loss(self.model, batch)  # pyright: ignore[reportArgumentType]


def tensors_of(step: TrainingStep) -> Tensors:
    """What a step works on; all of it shares memory with the model and the optimisers."""
    return {
        "weights": {name: p.detach().requires_grad_() for name, p in step.model.named_parameters()},
        "buffers": dict(step.model.named_buffers()),
        "adam": [optimiser.state() for optimiser in step.optimisers],
    }


def leaves_of(tensors: Tensors) -> list[Tensor]:
    """All of these tensors in one list, in the order in which the graph takes them."""
    return [leaf.detach() for leaf in cast("list[Tensor]", pytree.tree_leaves(tensors))]


def _attributes(step: TrainingStep) -> Iterator[tuple[str, object]]:
    """The plain values that the objective's and the modules' Python could depend on."""
    for part in (step.objective, *step.model.modules()):
        for name, value in getattr(part, "__dict__", {}).items():
            if isinstance(value, bool | int | float | str | None):
                yield name, value


def _kind(x: Tensor) -> str:
    return f"{tuple(x.shape)} {x.stride()} {x.dtype} {x.device}"


def _depends_on_data(node: Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool) or (
        isinstance(value, Tensor) and any(isinstance(side, torch.SymInt) for side in value.shape)
    )


def reason(error: BaseException) -> str:
    """What was raised, such as what stopped the tracer, and at which line of the objective or of another plugin."""
    looks = "DataDependent" in type(error).__name__ or ".item()" in str(error)
    what = "it looks at its data (.item(), or a branch on a tensor)" if looks else first_line(error)
    ours = (str(Path(torch.__file__).parent), str(Path(__file__).parents[1]))
    lines = [spec for spec in traceback.extract_tb(error.__traceback__) if not spec.filename.startswith(ours)]
    return f"{what} at {Path(lines[-1].filename).name}:{lines[-1].lineno}" if lines else what


def first_line(error: BaseException) -> str:
    """The first line of what an error says."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
