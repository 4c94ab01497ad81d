"""Comparisons as JSON, with everything that is known, for other programs."""

from collections.abc import Sequence
from dataclasses import asdict

from ..analysis.comparison import Comparison, Difference
from ..core.canonical import Json
from ..storage.atomic import format_json

SCHEMA = 1


def format_comparisons(comparisons: Sequence[Comparison], notes: Sequence[str] = ()) -> str:
    """All tables, with the values of each seed, in full precision."""
    return format_json(
        {
            "schema": SCHEMA,
            "comparisons": [_comparison_to_json(comparison) for comparison in comparisons],
            "notes": notes,
        }
    )


def _comparison_to_json(comparison: Comparison) -> Json:
    return {
        "title": comparison.title,
        "a": comparison.a,
        "b": comparison.b,
        "seeds": comparison.seeds,
        "rows": [_difference_to_json(row) for row in comparison.rows],
        "notes": comparison.notes,
    }


def _difference_to_json(row: Difference) -> Json:
    values = zip(row.seeds, row.a, row.b, strict=True)
    return {
        "measure": asdict(row.measure),
        "difference": float(row.differences.mean()),
        "interval": row.interval,
        "shift": row.shift.value,
        "shift_interval": row.shift.interval,
        "wins": row.wins,
        "p": row.p,
        "margin": row.margin,
        "verdict": row.verdict,
        "by_seed": {str(seed): {"a": a, "b": b} for seed, a, b in values},
    }
