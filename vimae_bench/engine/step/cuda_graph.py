"""A training step captured on a GPU and replayed: one launch in place of some hundred."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .rollback import restore_state_after
from .step import StepBackend

WARM_UP_STEPS = 3
"""Steps made before the capture, in which libraries choose and allocate what they need."""

Capture = Callable[[Callable[[], Tensor]], tuple[Callable[[], None], Tensor]]
"""Records a function's work once; gives what repeats it, and the tensor in which its result then stands."""


@dataclass(frozen=True)
class ReplayedStep:
    """A captured step. It reads its batch from `index` and `progress`, which a call fills."""

    backend: StepBackend
    index: Tensor
    progress: Tensor
    replay: Callable[[], None]
    result: Tensor

    @property
    def kind(self) -> str:
        return f"{self.backend.kind}, CUDA graph"

    @property
    def terms(self) -> tuple[str, ...]:
        return self.backend.terms

    def __call__(self, index: Tensor, progress: Tensor) -> Tensor:
        """As `TrainingStep`, bit for bit; the result stands until the next call."""
        self.index.copy_(index)
        self.progress.copy_(progress)
        self.replay()
        return self.result


def capture_step(
    backend: StepBackend, leaves: Sequence[Tensor], index: Tensor, progress: Tensor, capture: Capture
) -> ReplayedStep:
    """Capture a form of a step for batches like `index`; the leaves, which are all it changes, stay as they are.

    Raises RuntimeError where the step does what cannot be captured, such as waiting for the GPU by `.item()`.
    """
    index, progress = index.clone(), progress.clone()
    with restore_state_after(leaves):
        replay, result = capture(lambda: backend(index, progress))
    return ReplayedStep(backend, index, progress, replay, result)


def capture_cuda_graph(work: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
    """Warm up on a side stream, then capture, as torch's notes on CUDA graphs ask for."""
    side_stream = torch.cuda.Stream()
    side_stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side_stream):
        for _ in range(WARM_UP_STEPS):
            work()
    torch.cuda.current_stream().wait_stream(side_stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = work()
    return graph.replay, result
