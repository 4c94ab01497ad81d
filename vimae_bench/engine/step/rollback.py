"""Steps that leave no trace: for timing a step, and for what a GPU has to have done before a step is captured."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def restore_state_after(leaves: Sequence[Tensor]) -> Generator[Callable[[], None]]:
    """Leaves and random generators end as they began; what is given puts back the leaves at any moment."""
    saved, device = [leaf.clone() for leaf in leaves], leaves[0].device

    def rewind() -> None:
        for leaf, value in zip(leaves, saved, strict=True):
            leaf.copy_(value)

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            yield rewind
        finally:
            rewind()
