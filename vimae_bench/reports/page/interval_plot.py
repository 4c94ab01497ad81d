"""Paired differences as marks along a line: one for each seed, their mean with its interval, the margin, zero."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...analysis.comparison import Difference
from ..table_format import format_number

WIDTH, HEIGHT = 240.0, 46.0
"""The size of a drawing, in its own units."""
EDGE = 12.0
"""Units left free at both ends."""
RADIUS = 3.0
MIDDLE, LANES = 17.0, (0.0, -6.5, 6.5)
"""The height of marks, and the offsets of those that would cover others."""
MIN_LABEL_DISTANCE = 45.0
"""Labels closer to each other than this would touch."""


@dataclass(frozen=True)
class SeedMark:
    """One seed; `kind` is `good` if A is better, `bad` if B is, or empty."""

    x: float
    y: float
    kind: str
    title: str


@dataclass(frozen=True)
class IntervalPlot:
    """The drawing of one row, with all lengths in its own units; `label` describes it in words."""

    label: str
    zero: float
    mean: float
    marks: tuple[SeedMark, ...]
    interval: tuple[float, float] | None
    margin: tuple[float, float] | None
    ticks: tuple[tuple[float, str], ...]
    width: float = WIDTH
    height: float = HEIGHT
    middle: float = MIDDLE
    radius: float = RADIUS


def build_interval_plot(row: Difference, digits: int) -> IntervalPlot:
    """The drawing of a row, whose numbers are written with this many decimals."""
    axis, differences = _create_axis(row), list(map(float, row.differences))
    mean = sum(differences) / len(differences)
    interval_text = f", 95 % interval {_format_bounds(row.interval, digits)}" if row.interval else ""
    return IntervalPlot(
        f"A - B by seed: mean {format_number(mean, digits)}{interval_text}",
        axis.position(0.0),
        axis.position(mean),
        tuple(_place_marks(row, axis, digits)),
        (axis.position(row.interval[0]), axis.position(row.interval[1])) if row.interval else None,
        (axis.position(-row.margin), axis.position(row.margin)) if row.margin else None,
        tuple(_list_ticks(axis, digits)),
    )


@dataclass(frozen=True)
class _PlotAxis:
    low: float
    high: float

    def position(self, value: float) -> float:
        """Where a value is drawn: in the middle if all values are zero."""
        fraction = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(EDGE + fraction * (WIDTH - 2 * EDGE), 1)


def _create_axis(row: Difference) -> _PlotAxis:
    """An axis from the least to the greatest value drawn."""
    ends = [
        0.0,
        *map(float, row.differences),
        *(row.interval or ()),
        *((-row.margin, row.margin) if row.margin else ()),
    ]
    return _PlotAxis(min(ends), max(ends))


def _place_marks(row: Difference, axis: _PlotAxis, digits: int) -> Iterator[SeedMark]:
    ends = [-RADIUS * 2] * len(LANES)
    triples = sorted(zip(row.differences, row.seeds, row.a, row.b, strict=True))
    for difference, seed, a, b in triples:
        x = axis.position(float(difference))
        free = [lane for lane, end in enumerate(ends) if x - end >= 2 * RADIUS]
        lane = free[0] if free else ends.index(min(ends))
        ends[lane] = x
        values = [format_number(float(value), digits) for value in (a, b, difference)]
        title = f"seed {seed}: {values[0]} - {values[1]} = {values[2]}"
        yield SeedMark(x, MIDDLE + LANES[lane], _choose_class(float(difference) * row.sign), title)


def _choose_class(gain: float) -> str:
    return "good" if gain > 0 else "bad" if gain < 0 else ""


def _list_ticks(axis: _PlotAxis, digits: int) -> Iterator[tuple[float, str]]:
    """Zero, and the ends if there is room."""
    yield axis.position(0.0), "0"
    for end in (axis.low, axis.high):
        if abs(axis.position(end) - axis.position(0.0)) >= MIN_LABEL_DISTANCE:
            yield axis.position(end), format_number(end, digits)


def _format_bounds(bounds: Sequence[float], digits: int) -> str:
    return f"{format_number(bounds[0], digits)} to {format_number(bounds[1], digits)}"
