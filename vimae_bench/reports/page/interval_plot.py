"""Paired differences as marks along a line: one for each seed, their mean with its interval, the margin, zero.

Ratios are drawn on a logarithmic line, on which no difference, a ratio of 1, is at the place of zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log, log1p

from ...analysis.comparison_data import Difference
from ..comparison_text import DifferenceText, format_effect
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


def build_interval_plot(row: Difference, text: DifferenceText) -> IntervalPlot:
    """The drawing of a row, whose numbers are written as in its text."""
    axis, interval, margin = _create_axis(row), _get_interval(row), _get_margin(row)
    between = (
        f", 95 % interval of this comparison {text.interval.strip('[]').replace(', ', ' to ')}" if interval else ""
    )
    return IntervalPlot(
        f"{'A / B' if row.is_ratio else 'A - B'} by seed: mean {text.difference}{between}",
        axis.position(0.0),
        axis.position(float(row.effects.mean())),
        tuple(_place_marks(row, axis, text)),
        (axis.position(interval[0]), axis.position(interval[1])) if interval else None,
        (axis.position(-margin), axis.position(margin)) if margin else None,
        tuple(_list_ticks(row, axis, text)),
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
    margin = _get_margin(row)
    ends = [0.0, *map(float, row.effects), *(_get_interval(row) or ()), *((-margin, margin) if margin else ())]
    return _PlotAxis(min(ends), max(ends))


def _get_interval(row: Difference) -> tuple[float, float] | None:
    """The interval as it is drawn: of the logarithm of a ratio."""
    if row.interval and row.is_ratio:
        return log(row.interval[0]), log(row.interval[1])
    return row.interval


def _get_margin(row: Difference) -> float | None:
    """The margin as it is drawn: that of this call, if there is one."""
    margin = row.given_margin or row.margin
    return log1p(margin) if margin and row.is_ratio else margin


def _place_marks(row: Difference, axis: _PlotAxis, text: DifferenceText) -> Iterator[SeedMark]:
    ends = [-RADIUS * 2] * len(LANES)
    for effect, seed, a, b in sorted(zip(row.effects, row.seeds, row.a, row.b, strict=True)):
        x = axis.position(float(effect))
        free = [lane for lane, end in enumerate(ends) if x - end >= 2 * RADIUS]
        lane = free[0] if free else ends.index(min(ends))
        ends[lane] = x
        one, other = (format_number(float(value), text.digits) for value in (a, b))
        title = f"seed {seed}: {one} {'/' if row.is_ratio else '-'} {other} = {_format_place(row, float(effect), text)}"
        yield SeedMark(x, MIDDLE + LANES[lane], _choose_class(float(effect) * row.sign * row.is_comparable), title)


def _choose_class(gain: float) -> str:
    return "good" if gain > 0 else "bad" if gain < 0 else ""


def _list_ticks(row: Difference, axis: _PlotAxis, text: DifferenceText) -> Iterator[tuple[float, str]]:
    """No difference, and the ends if there is room."""
    yield axis.position(0.0), "1 x" if row.is_ratio else "0"
    for end in (axis.low, axis.high):
        if abs(axis.position(end) - axis.position(0.0)) >= MIN_LABEL_DISTANCE:
            yield axis.position(end), _format_place(row, end, text)


def _format_place(row: Difference, effect: float, text: DifferenceText) -> str:
    return format_effect(row, exp(effect) if row.is_ratio else effect, text.effect_digits)
