"""A number with its interval as marks in a cell of a table, on a scale that a column shares.

The scale is that of comparable methods without outliers, with all that lead and with baselines that are near; what lies
outside becomes an arrow at the edge.
"""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 62.0, 18.0
"""The size of a drawing, in its own units."""
EDGE = 6.0
"""Units left free at both ends, in which arrows stand."""
MAX_STRETCH = 4.0
"""A method is an outlier if the scale without it is shorter by this factor."""
MAX_EXTENSION = 1.8
"""By how much baselines may lengthen the scale."""
MIN_METHODS = 3
"""At least so many methods decide on the scale."""

Span = tuple[float, float]


@dataclass(frozen=True)
class ValueScale:
    """From the least to the greatest value that is drawn."""

    low: float
    high: float

    def position(self, value: float) -> float:
        """Where a value is drawn, at an edge if it is outside."""
        fraction = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(EDGE + min(max(fraction, 0.0), 1.0) * (WIDTH - 2 * EDGE), 1)

    def side(self, value: float) -> str:
        """`left` or `right` for a value outside the scale, else empty."""
        slack = 1e-9 * (self.high - self.low)
        return "left" if value < self.low - slack else "right" if value > self.high + slack else ""


@dataclass(frozen=True)
class ValuePlot:
    """The drawing of one value; `outside` is the side on which it is off the scale. Lengths are in its own units."""

    mean: float
    outside: str
    interval: Span | None = None
    seeds: tuple[float, ...] = ()
    width: float = WIDTH
    height: float = HEIGHT


def choose_scale(
    spans: Sequence[Span], leaders: Sequence[Span] = (), baselines: Sequence[float] = ()
) -> ValueScale | None:
    """The scale for the intervals of comparable methods, of which some lead, and for baselines; None without methods.

    A baseline is on it if the scale need not be more than MAX_EXTENSION times as long.
    """
    kept = sorted(spans)
    if not kept:
        return None
    while len(kept) > MIN_METHODS:
        ends = [one for one in (kept[1:], kept[:-1]) if not {*kept} - {*one} & {*leaders}]
        without = min(ends, key=_measure_range, default=None)
        if not without or not _measure_range(without):
            break
        if _measure_range(kept) <= MAX_STRETCH * _measure_range(without):
            break
        kept = without
    low, high = min(low for low, _ in kept), max(high for _, high in kept)
    longest = MAX_EXTENSION * (high - low)
    for value in sorted(baselines, key=lambda value: max(low - value, value - high)):
        if max(high, value) - min(low, value) <= longest:
            low, high = min(low, value), max(high, value)
    return ValueScale(low, high)


def build_value_plot(scale: ValueScale, mean: float, interval: Span | None, seeds: Sequence[float] = ()) -> ValuePlot:
    """The drawing of a mean with its interval and the values of its seeds."""
    outside = scale.side(mean)
    if outside:
        return ValuePlot(scale.position(mean), outside)
    drawn = (scale.position(interval[0]), scale.position(interval[1])) if interval else None
    return ValuePlot(
        scale.position(mean), "", drawn, tuple(scale.position(value) for value in seeds if not scale.side(value))
    )


def _measure_range(spans: Sequence[Span]) -> float:
    return max(high for _, high in spans) - min(low for low, _ in spans)
