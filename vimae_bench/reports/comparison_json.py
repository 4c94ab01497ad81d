"""Comparisons as JSON, with everything that is known, for other programs."""

from collections.abc import Sequence
from dataclasses import asdict

from ..analysis.comparison_data import Comparison, Difference
from ..core.canonical import Json
from ..storage.atomic import format_json
from .comparison_csv import describe_difference

SCHEMA = 2


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
    by_seed = {str(seed): {"a": a, "b": b} for seed, a, b in values}
    numbers = {name: value for name, value in describe_difference(row).items() if name not in ("low", "high")}
    return {"measure": asdict(row.measure), "interval": row.interval, **numbers, "by_seed": by_seed}
