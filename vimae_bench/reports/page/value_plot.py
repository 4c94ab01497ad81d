"""A number with its interval as marks in a cell of a table, on a scale that a column shares.

The scale is that of comparable methods without outliers, with all that lead and with baselines that are near; what lies
outside becomes an arrow at the edge.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..value_range import Span, choose_range, extend_range

WIDTH, HEIGHT = 62.0, 18.0
"""The size of a drawing, in its own units."""
EDGE = 6.0
"""Units left free at both ends, in which arrows stand."""


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

    A baseline is on it if the scale need not be much longer for it.
    """
    chosen = choose_range(spans, leaders)
    return ValueScale(*extend_range(chosen, baselines)) if chosen else None


def build_value_plot(scale: ValueScale, mean: float, interval: Span | None, seeds: Sequence[float] = ()) -> ValuePlot:
    """The drawing of a mean with its interval and the values of its seeds."""
    outside = scale.side(mean)
    if outside:
        return ValuePlot(scale.position(mean), outside)
    drawn = (scale.position(interval[0]), scale.position(interval[1])) if interval else None
    return ValuePlot(
        scale.position(mean), "", drawn, tuple(scale.position(value) for value in seeds if not scale.side(value))
    )
