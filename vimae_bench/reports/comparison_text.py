"""What all formats of a comparison share: how its numbers and verdicts are written."""

from dataclasses import dataclass

from ..analysis.comparison import Comparison, Difference
from ..analysis.legacy_statistics import Interval
from .table_format import choose_decimals, clean_text, format_number


@dataclass(frozen=True)
class DifferenceText:
    """A row's numbers as text, empty where it has none; `digits` are the decimals of those in the measure's unit."""

    digits: int
    a: str
    b: str
    difference: str
    spread: str
    shift: str
    between: str
    wins: str
    p: str
    verdict: str


def format_difference(row: Difference, seeds: int) -> DifferenceText:
    """The texts of a row of a table with this many seeds."""
    half = (row.interval[1] - row.interval[0]) / 2 if row.interval else 0.0
    means = [sum(values) / len(values) for values in (row.a, row.b)]
    digits = choose_decimals([half] if half else [], means)
    return DifferenceText(
        digits,
        *(format_number(mean, digits) for mean in means),
        difference=format_number(means[0] - means[1], digits),
        spread=format_number(half, digits) if row.interval else "",
        shift=format_number(row.shift.value, digits),
        between=_format_bounds(row.shift.interval, digits),
        wins="" if row.wins is None else f"{row.wins:.2f}",
        p="" if row.p is None else f"{row.p:.2g}" if row.p >= 0.001 else "< 0.001",
        verdict=format_difference_verdict(row, seeds),
    )


def format_difference_verdict(row: Difference, seeds: int) -> str:
    """The verdict in words, with the margin of equivalence or the number of seeds."""
    if row.verdict == "equivalent":
        return f"equivalent within {row.margin:g}"
    return f"incomplete ({len(row.a)} of {seeds})" if row.verdict == "incomplete" else row.verdict


def format_methods(comparison: Comparison) -> str:
    """Such as `A = VAE, B = VIMAE-n, 5 seeds`."""
    n = len(comparison.seeds)
    return f"A = {clean_text(comparison.a)}, B = {clean_text(comparison.b)}, {n} seed{'s' * (n != 1)}"


def _format_bounds(bounds: Interval | None, digits: int) -> str:
    return f"[{format_number(bounds[0], digits)}, {format_number(bounds[1], digits)}]" if bounds else ""
