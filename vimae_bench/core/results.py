"""What comes of a run: measures and their estimates."""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["lower", "higher"]


Status = Literal["done", "diverged", "failed"]


@dataclass(frozen=True)
class Measure:
    """One number a metric gives: its name, unit, which way is better (None: neither) and definition version.

    A run whose value is below `collapse_below` ignores its data, and is flagged as collapsed. A measure that such a
    run wins by ignoring the data says `ranks_collapsed=False`, and leaves it out of its ranking.
    """

    name: str
    unit: str
    better: Direction | None
    version: int = 1
    collapse_below: float | None = None
    ranks_collapsed: bool = True


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value with its standard error within one trained model and the number of items behind it.

    `parts` are the values over each draw behind it (of labels, episodes, noise), in one order for all runs: draws that
    all runs share, so that a comparison can tell what differs between models from what differs between draws.
    """

    value: float
    n: int
    se: float | None = None
    parts: tuple[float, ...] = ()
