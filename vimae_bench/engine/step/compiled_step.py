"""A training step as native code, compiled once for each distinct step on a machine and cached on disk."""

import hashlib
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .compiler_cache import use_own_compiler_cache
from .graph import StepGraph, TracingError, format_first_line
from .step import TrainingStep
from .torch_internals import compile_graph


@dataclass(frozen=True)
class CompiledStep:
    """A step compiled as one. It works on the memory of the model and the optimisers of the step it was traced from."""

    call: Callable[..., Sequence[Tensor]]
    graph: StepGraph
    step: TrainingStep
    kind: str = "compiled"

    @property
    def terms(self) -> tuple[str, ...]:
        return self.graph.terms

    def __call__(self, index: Tensor, progress: Tensor) -> Tensor:
        """As `TrainingStep`: the same up to the rounding of float32, from the same random numbers."""
        (terms,) = self.call(*self.graph.leaves, self.step.images, index, progress)
        return terms


def make_step_key(graph: StepGraph, images: Tensor) -> str:
    """The name of a distinct step on this machine: what it computes, of what, with which torch, by how many threads."""
    what = (graph.text, str(images.shape), str(images.device))
    by = (torch.__version__, sys.version, platform.node(), platform.machine(), str(torch.get_num_threads()))
    return hashlib.sha256("\n".join((*what, *by)).encode()).hexdigest()[:16]


def compile_step(step: TrainingStep, graph: StepGraph, index: Tensor, progress: Tensor) -> CompiledStep:
    """Compile a step, or load it where any process of this machine has compiled it before.

    Random numbers come from torch's own generators in the order of the eager step. Raises TracingError with the
    compiler's reason, such as that there is no C++ compiler.
    """
    try:
        use_own_compiler_cache(torch.get_num_threads())
        return CompiledStep(compile_graph(graph.module, [*graph.leaves, step.images, index, progress]), graph, step)
    except Exception as error:  # a compiler may fail in any way
        raise TracingError(f"the compiler fails on it ({format_first_line(error)})") from error
