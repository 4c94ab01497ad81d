"""What comes of a run: measures and their estimates."""

from dataclasses import dataclass
from typing import Literal

from .canonical import Json

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

    `per_draw` are the values over each draw behind it (of labels, episodes, noise), in the same order for all runs. All
    runs share these draws, so that a comparison can tell differences between models from differences between draws.
    """

    value: float
    n: int
    se: float | None = None
    per_draw: tuple[float, ...] = ()

    def as_json(self) -> Json:
        """As metric files have it: `parts` in place of `per_draw`, and only where there are draws."""
        plain: Json = {"value": self.value, "n": self.n, "se": self.se}
        return {**plain, "parts": list(self.per_draw)} if self.per_draw else plain
