"""Comparisons as tables in GitHub's Markdown."""

from collections.abc import Iterator, Sequence

from ..analysis.comparison import Comparison, Difference
from .comparison_text import format_difference, format_methods
from .leaderboard_markdown import escape_markdown, join_cells
from .table_format import format_heading, format_unit

HEADS = ("measure", "A", "B", "A - B", "shift", "P(A beats B)", "p", "A is")
BOLD = ("better", "worse")


def format_comparisons(comparisons: Sequence[Comparison], notes: Sequence[str] = ()) -> str:
    """A heading, a table and a list of notes for each comparison, then `notes` on all of them. Names are escaped."""
    lines = [line for comparison in comparisons for line in _format_comparison(comparison)]
    return "\n".join([*lines, *(f"- {escape_markdown(note)}" for note in notes), *([""] if notes else [])])


def _format_comparison(comparison: Comparison) -> Iterator[str]:
    yield from (f"### {escape_markdown(comparison.title)}", "", escape_markdown(format_methods(comparison)), "")
    yield join_cells(HEADS)
    yield join_cells(["---", *(["---:"] * (len(HEADS) - 2)), "---"])
    yield from (join_cells(_format_row(row, len(comparison.seeds))) for row in comparison.rows)
    yield from ("", *(f"- {escape_markdown(note)}" for note in comparison.notes), "")


def _format_row(row: Difference, seeds: int) -> list[str]:
    text = format_difference(row, seeds)
    measure = escape_markdown(format_heading(row.measure)) + (
        f" <br> {escape_markdown(format_unit(row.measure))}" if row.measure.unit else ""
    )
    difference = f"{text.difference} ± {text.spread}" if text.spread else text.difference
    verdict = f"**{text.verdict}**" if row.verdict in BOLD else text.verdict
    cells = (text.a, text.b, difference, f"{text.shift} {text.between}".strip(), text.wins, text.p)
    return [measure, *map(escape_markdown, cells), verdict]
