"""Comparisons as one flat CSV: a row for each table and measure."""

import csv
import io
from collections.abc import Sequence

from ..analysis.comparison import Comparison, Difference
from .leaderboard_csv import guard_against_formula

FIELDS = (
    *("table", "a", "b", "measure", "unit", "better", "version", "n", "mean_a", "mean_b"),
    *("difference", "low", "high", "shift", "shift_low", "shift_high", "wins", "p", "margin", "verdict"),
)


def format_comparisons(comparisons: Sequence[Comparison], notes: Sequence[str] = ()) -> str:  # noqa: ARG001
    """All rows in full precision, without notes; text that a spreadsheet would run is quoted."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FIELDS)
    for comparison in comparisons:
        writer.writerows(map(guard_against_formula, _list_values(comparison, row)) for row in comparison.rows)
    return out.getvalue()


def _list_values(comparison: Comparison, row: Difference) -> tuple[object, ...]:
    measure, n = row.measure, len(row.seeds)
    return (
        *(comparison.title, comparison.a, comparison.b, measure.name, measure.unit, measure.better, measure.version),
        *(n, sum(row.a) / n, sum(row.b) / n, float(row.differences.mean()), *(row.interval or (None, None))),
        *(row.shift.value, *(row.shift.interval or (None, None)), row.wins, row.p, row.margin, row.verdict),
    )
