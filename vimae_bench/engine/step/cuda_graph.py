"""A training step captured on a GPU and replayed: one launch in place of some hundred."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .rollback import rehearsed
from .step import Form

WARM_UP = 3
"""Steps made before the capture, in which libraries choose and allocate what they need."""

Capture = Callable[[Callable[[], Tensor]], tuple[Callable[[], None], Tensor]]
"""Records a function's work once; gives what repeats it, and the tensor in which its result then stands."""


@dataclass(frozen=True)
class ReplayedStep:
    """A captured step. It reads its batch from `index` and `progress`, which a call fills."""

    form: Form
    index: Tensor
    progress: Tensor
    replay: Callable[[], None]
    result: Tensor

    @property
    def kind(self) -> str:
        return f"{self.form.kind}, CUDA graph"

    @property
    def terms(self) -> tuple[str, ...]:
        return self.form.terms

    def __call__(self, index: Tensor, progress: Tensor) -> Tensor:
        """As `TrainingStep`, bit for bit; the result stands until the next call."""
        self.index.copy_(index)
        self.progress.copy_(progress)
        self.replay()
        return self.result


def replayed(form: Form, leaves: Sequence[Tensor], index: Tensor, progress: Tensor, capture: Capture) -> ReplayedStep:
    """Capture a form of a step for batches like `index`; the leaves, which are all it changes, stay as they are.

    Raises RuntimeError where the form does what cannot be captured, such as waiting for the GPU by `.item()`.
    """
    index, progress = index.clone(), progress.clone()
    with rehearsed(leaves):
        replay, result = capture(lambda: form(index, progress))
    return ReplayedStep(form, index, progress, replay, result)


def cuda_graph(work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
    """Warm up on a side stream, then capture, as torch's notes on CUDA graphs ask for."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            work()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = work()
    return graph.replay, result
