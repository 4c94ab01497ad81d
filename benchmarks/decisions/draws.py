"""Made-up values of methods: distributions, spreads, and effects of seeds and of draws."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from zlib import crc32

import numpy as np

from vimae_bench.analysis.statistics import Array

Generator = np.random.Generator

METHODS = 6
FAR = 1 / 7
"""The share of seeds that are far from the others under a bimodal distribution."""


def _draw_normal(generator: Generator, shape: tuple[int, ...]) -> Array:
    return generator.standard_normal(shape)


def _draw_exponential(generator: Generator, shape: tuple[int, ...]) -> Array:
    return generator.exponential(size=shape) - 1


def _draw_modes(generator: Generator, shape: tuple[int, ...], width: float) -> Array:
    values = (generator.random(shape) < FAR) + width * generator.standard_normal(shape)
    return (values - FAR) / sqrt(FAR * (1 - FAR) + width**2)


DISTRIBUTIONS: dict[str, Callable[[Generator, tuple[int, ...]], Array]] = {
    "normal": _draw_normal,
    "exponential": _draw_exponential,
    "bimodal": lambda generator, shape: _draw_modes(generator, shape, 1 / 12),
    "bimodal, sharp": lambda generator, shape: _draw_modes(generator, shape, 1 / 100),
}
"""Of the values of a method over seeds: mean 0, standard deviation 1.

Of the bimodal ones, one seed in seven is far off: 12, or 100, times the standard deviation within a mode.
"""

SPREADS = {
    "equal": np.ones(METHODS),
    "1 to 3": np.geomspace(1, 3, METHODS),
    "0.1 to 10": np.geomspace(0.1, 10, METHODS),
}
"""Standard deviations of six methods."""


def draw_values(generator: Generator, distribution: str, spreads: Array, tables: int, seeds: int) -> Array:
    """Values [tables, methods, seeds] of methods with mean 0; each seed has an effect on all methods too."""
    draw = DISTRIBUTIONS[distribution]
    return draw(generator, (tables, len(spreads), seeds)) * spreads[:, None] + draw(generator, (tables, 1, seeds))


@dataclass(frozen=True)
class Components:
    """Standard deviations of the effects of seeds, of draws that all seeds share, and of single cells."""

    seed: float
    draw: float
    cell: float

    @property
    def total(self) -> float:
        """The standard deviation of the value of one seed under one draw."""
        return sqrt(self.seed**2 + self.draw**2 + self.cell**2)

    @property
    def has_small_cells(self) -> bool:
        """Whether seeds or draws have effects at least as large as single cells."""
        return max(self.seed, self.draw) >= self.cell

    def draw_values(self, generator: Generator, rows: Sequence[int], seeds: int, draws: int) -> Array:
        """Normal values [*rows, seeds, draws] of mean 0."""
        values = self.cell * generator.standard_normal((*rows, seeds, draws))
        values += self.seed * generator.standard_normal((*rows, seeds, 1))
        return values + self.draw * generator.standard_normal((*rows, 1, draws))


SEEDS_ONLY = Components(1, 0, 0)
SEEDS_AND_CELLS = Components(1, 0.3, 1)
GRID = (
    SEEDS_ONLY,
    Components(0, 1, 0),
    Components(1, 1, 0),
    Components(1, 1, 1),
    Components(1, 0, 1),
    Components(0, 1, 1),
    SEEDS_AND_CELLS,
    Components(0.1, 0.5, 0.2),
    Components(2, 9, 4),
    Components(0.1, 0.1, 1),
)


def make_generator(*names: object) -> Generator:
    """A generator that depends on nothing but the names."""
    return np.random.default_rng(crc32(repr(names).encode()))


def split_tables(tables: int, at_once: int = 250) -> Iterator[int]:
    """Numbers of tables that fit into memory, altogether `tables`."""
    for start in range(0, tables, at_once):
        yield min(at_once, tables - start)
