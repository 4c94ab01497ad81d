"""From where to where an axis goes, so that a single outlier does not squeeze everything else into a dot."""

from collections.abc import Iterable, Sequence
from math import log10

from ..core.results import Scale

Span = tuple[float, float]

MAX_STRETCH = 4.0
"""A span is an outlier if the range without it is shorter by this factor."""
MIN_SPANS = 3
"""At least so many spans decide on the range."""
MAX_EXTENSION = 1.8
"""By how much baselines may lengthen an axis."""
MARGIN = 0.06
"""The share of an axis that is left free at both ends."""


def choose_range(spans: Sequence[Span], leaders: Sequence[Span] = ()) -> Span | None:
    """From the least to the greatest value of spans without outliers, which leaders never are; None without any."""
    kept = sorted(spans)
    if not kept:
        return None
    while len(kept) > MIN_SPANS:
        ends = [one for one in (kept[1:], kept[:-1]) if not {*kept} - {*one} & {*leaders}]
        without = min(ends, key=_measure_range, default=None)
        if not without or not _measure_range(without):
            break
        if _measure_range(kept) <= MAX_STRETCH * _measure_range(without):
            break
        kept = without
    return min(low for low, _ in kept), max(high for _, high in kept)


def extend_range(chosen: Span, others: Iterable[float]) -> Span:
    """A range that holds other values too, as far as it need not be more than MAX_EXTENSION times as long."""
    low, high = chosen
    longest = MAX_EXTENSION * (high - low)
    for value in sorted(others, key=lambda value: max(low - value, value - high)):
        if max(high, value) - min(low, value) <= longest:
            low, high = min(low, value), max(high, value)
    return low, high


def choose_axis_limits(spans: Sequence[Span], others: Iterable[float] = (), scale: Scale = "linear") -> Span:
    """The limits of an axis for some spans, with a margin: in the unit of the values, on whatever scale.

    `others` are values that are included if they are not far. On a log scale, what is not positive has no place.
    """
    chosen = choose_range([one for span in spans if (one := _to_scale(span, scale))]) or (0.0, 1.0)
    found = [_to_scale((other, other), scale) for other in others]
    low, high = extend_range(chosen, [one[0] for one in found if one])
    margin = MARGIN * (high - low) or (abs(low) * MARGIN or 1.0)
    low, high = low - margin, high + margin
    return (10**low, 10**high) if scale == "log" else (low, high)


def _to_scale(span: Span, scale: Scale) -> Span | None:
    if scale == "linear":
        return span
    return (log10(span[0]), log10(span[1])) if span[0] > 0 else None


def _measure_range(spans: Sequence[Span]) -> float:
    return max(high for _, high in spans) - min(low for low, _ in spans)
