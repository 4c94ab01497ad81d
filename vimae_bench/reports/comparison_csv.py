"""Comparisons as one flat CSV: a row for each table and measure."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from ..analysis.comparison_data import Comparison, Difference
from .comparison_text import format_outcome
from .leaderboard_csv import guard_against_formula

FIELDS = (
    *("table", "a", "b", "measure", "unit", "better", "version", "scale", "n", "draws", "mean_a", "mean_b"),
    *("difference", "low", "high", "ratio", "wins", "p", "equivalence_p", "family", "margin", "outcome"),
    *("seeds_needed", "given_margin", "given_outcome", "statement"),
)


def format_comparisons(comparisons: Sequence[Comparison], notes: Sequence[str] = ()) -> str:  # noqa: ARG001
    """All rows in full precision, without notes; text that a spreadsheet would run is quoted."""
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in (row for comparison in comparisons for row in list_rows(comparison)):
        writer.writerow({field: guard_against_formula(value) for field, value in row.items()})
    return out.getvalue()


def list_rows(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """A row for each measure."""
    for row in comparison.rows:
        measure = {
            "measure": row.measure.name,
            "unit": row.measure.unit,
            "better": row.measure.better,
            "version": row.measure.version,
            "scale": row.measure.scale,
        }
        yield {"table": comparison.title, "a": comparison.a, "b": comparison.b, **measure, **describe_difference(row)}


def describe_difference(row: Difference) -> dict[str, Any]:
    """The numbers of a row and its outcome; None where it has none."""
    n, decision = len(row.seeds), row.decision
    low, high = row.interval or (None, None)
    return {
        "n": n,
        "draws": row.draws,
        "mean_a": sum(row.a) / n,
        "mean_b": sum(row.b) / n,
        "difference": row.difference,
        "low": low,
        "high": high,
        "ratio": row.is_ratio,
        "wins": row.wins,
        "p": row.p,
        "equivalence_p": decision.equivalence_p if decision else None,
        "family": row.family or None,
        "margin": row.margin,
        "outcome": row.outcome,
        "seeds_needed": decision.seeds_needed if decision else None,
        "given_margin": row.given_margin,
        "given_outcome": row.given_outcome or None,
        "statement": format_outcome(row),
    }
