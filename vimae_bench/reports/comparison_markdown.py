"""Comparisons as GitHub tables."""

from collections.abc import Iterator, Sequence

from ..analysis.comparison import Comparison, Difference
from .comparison_text import sides, spelt
from .leaderboard_markdown import escape, row_of
from .table_format import heading, unit

HEADS = ("measure", "A", "B", "A - B", "shift", "P(A beats B)", "p", "A is")
BOLD = ("better", "worse")


def render(comparisons: Sequence[Comparison], notes: Sequence[str] = ()) -> str:
    """One heading, table and list of notes for each comparison, then `notes` on all. Names are escaped."""
    lines = [line for comparison in comparisons for line in _comparison(comparison)]
    return "\n".join([*lines, *(f"- {escape(note)}" for note in notes), *([""] if notes else [])])


def _comparison(comparison: Comparison) -> Iterator[str]:
    yield from (f"### {escape(comparison.title)}", "", escape(sides(comparison)), "")
    yield row_of(HEADS)
    yield row_of(["---", *(["---:"] * (len(HEADS) - 2)), "---"])
    yield from (row_of(_cells(row, len(comparison.seeds))) for row in comparison.rows)
    yield from ("", *(f"- {escape(note)}" for note in comparison.notes), "")


def _cells(row: Difference, seeds: int) -> list[str]:
    text = spelt(row, seeds)
    measure = escape(heading(row.measure)) + (f" <br> {escape(unit(row.measure))}" if row.measure.unit else "")
    difference = f"{text.difference} ± {text.spread}" if text.spread else text.difference
    verdict = f"**{text.verdict}**" if row.verdict in BOLD else text.verdict
    cells = (text.a, text.b, difference, f"{text.shift} {text.between}".strip(), text.wins, text.p)
    return [measure, *map(escape, cells), verdict]
