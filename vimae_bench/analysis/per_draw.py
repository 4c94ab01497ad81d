"""The values over each draw behind the estimates of several runs, as one array."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.results import Estimate

if TYPE_CHECKING:
    from .statistics import Array


def per_draw_table(a: Sequence[Estimate], b: Sequence[Estimate] = ()) -> "Array | None":
    """The values of one measure for each draw [seeds, draws], or the differences a - b if `b` is given.

    None if the draws are not shared: a run has none, or another number of them, or a value that is not their mean.
    """
    tables = [_stack_draws(estimates) for estimates in (a, b) if estimates]
    if any(table is None for table in tables) or len({table.shape for table in tables if table is not None}) != 1:
        return None
    first, *rest = [table for table in tables if table is not None]
    return first - rest[0] if rest else first


def _stack_draws(estimates: Sequence[Estimate]) -> "Array | None":
    import numpy as np  # slow to import, and not needed to read results

    if len({len(estimate.per_draw) for estimate in estimates}) != 1 or not estimates[0].per_draw:
        return None
    table = np.array([estimate.per_draw for estimate in estimates], dtype=np.float64)
    means = np.array([estimate.value for estimate in estimates])
    return table if np.allclose(table.mean(1), means, rtol=1e-5, atol=1e-9) else None
