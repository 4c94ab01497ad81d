"""Standard errors of estimates by nearest neighbours, whose terms share neighbours and are not independent."""

from collections.abc import Sequence

import torch
from torch import Tensor

MOST, LEAST = 20, 5


def split_blocks(n: int, size: int) -> list[slice]:
    """Up to 20 equal blocks, of `size` points or more, of n points in random order; none where there would be < 5."""
    count = min(MOST, n // size)
    length = n // max(count, 1)
    return [slice(i * length, (i + 1) * length) for i in range(count)] if count >= LEAST else []


def estimate_block_error(blocks: Sequence[Tensor]) -> float | None:
    """The standard error of an estimate, a mean of terms [n], from those of blocks; None if there are no blocks.

    The number of points times the variance is the same for blocks and for all points.
    """
    if not blocks:
        return None
    means = torch.stack([block.double().mean() for block in blocks])
    return float(means.std() / len(means) ** 0.5)
