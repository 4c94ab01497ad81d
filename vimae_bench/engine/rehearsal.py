"""Steps that leave no trace: for timing a step, and for what a GPU has to have done before a step is captured."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

import torch

from .graph import leaves_of, tensors_of
from .step import TrainingStep


@contextmanager
def rehearsed(step: TrainingStep) -> Generator[Callable[[], None]]:
    """Weights, buffers, optimisers and random generators end as they began.

    What is given puts back all but the generators at any moment.
    """
    leaves, device = leaves_of(tensors_of(step)), step.images.device
    kept = [leaf.clone() for leaf in leaves]

    def rewind() -> None:
        for leaf, value in zip(leaves, kept, strict=True):
            leaf.copy_(value)

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            yield rewind
        finally:
            rewind()
            for optimiser in step.optimisers:
                optimiser.zero_grad(set_to_none=True)
