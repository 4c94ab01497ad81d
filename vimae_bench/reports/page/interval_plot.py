"""Paired differences as marks along a line: one for each seed, their mean with its interval, the margin, nought."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...analysis.comparison import Difference
from ..table_format import number

WIDTH, HEIGHT = 240.0, 46.0
"""The size of a drawing, in its own units."""
EDGE = 12.0
"""Units left free at either end."""
RADIUS = 3.0
MIDDLE, LANES = 17.0, (0.0, -6.5, 6.5)
"""Where marks are put, and how far from there those that would cover others."""
APART = 45.0
"""Labels nearer to each other than this would touch."""


@dataclass(frozen=True)
class Mark:
    """One seed: `kind` is `good` where A is better, `bad` where B is, empty for neither."""

    x: float
    y: float
    kind: str
    title: str


@dataclass(frozen=True)
class Strip:
    """A drawing of one row: all is in its units, `label` is what it says in words."""

    label: str
    zero: float
    mean: float
    marks: tuple[Mark, ...]
    interval: tuple[float, float] | None
    margin: tuple[float, float] | None
    ticks: tuple[tuple[float, str], ...]
    width: float = WIDTH
    height: float = HEIGHT
    middle: float = MIDDLE
    radius: float = RADIUS


def strip(row: Difference, digits: int) -> Strip:
    """The drawing of a row, whose numbers are told with so many decimals."""
    axis, differences = _axis(row), list(map(float, row.differences))
    mean = sum(differences) / len(differences)
    told = f", 95 % interval {_between(row.interval, digits)}" if row.interval else ""
    return Strip(
        f"A - B by seed: mean {number(mean, digits)}{told}",
        axis.at(0.0),
        axis.at(mean),
        tuple(_marks(row, axis, digits)),
        (axis.at(row.interval[0]), axis.at(row.interval[1])) if row.interval else None,
        (axis.at(-row.margin), axis.at(row.margin)) if row.margin else None,
        tuple(_ticks(axis, digits)),
    )


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float

    def at(self, value: float) -> float:
        """Where a value is drawn; the middle of an axis on which all are nought."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(EDGE + share * (WIDTH - 2 * EDGE), 1)


def _axis(row: Difference) -> _Axis:
    """From the least to the largest of all that is drawn."""
    ends = [
        0.0,
        *map(float, row.differences),
        *(row.interval or ()),
        *((-row.margin, row.margin) if row.margin else ()),
    ]
    return _Axis(min(ends), max(ends))


def _marks(row: Difference, axis: _Axis, digits: int) -> Iterator[Mark]:
    ends = [-RADIUS * 2] * len(LANES)
    triples = sorted(zip(row.differences, row.seeds, row.a, row.b, strict=True))
    for difference, seed, a, b in triples:
        x = axis.at(float(difference))
        free = [lane for lane, end in enumerate(ends) if x - end >= 2 * RADIUS]
        lane = free[0] if free else ends.index(min(ends))
        ends[lane] = x
        said = f"seed {seed}: {number(a, digits)} - {number(b, digits)} = {number(float(difference), digits)}"
        yield Mark(x, MIDDLE + LANES[lane], _kind(float(difference) * row.sign), said)


def _kind(gain: float) -> str:
    return "good" if gain > 0 else "bad" if gain < 0 else ""


def _ticks(axis: _Axis, digits: int) -> Iterator[tuple[float, str]]:
    """Nought, and the ends where there is room."""
    yield axis.at(0.0), "0"
    for end in (axis.low, axis.high):
        if abs(axis.at(end) - axis.at(0.0)) >= APART:
            yield axis.at(end), number(end, digits)


def _between(bounds: Sequence[float], digits: int) -> str:
    return f"{number(bounds[0], digits)} to {number(bounds[1], digits)}"
