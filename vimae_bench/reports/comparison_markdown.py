"""Comparisons as tables in GitHub's Markdown."""

from collections.abc import Iterator, Sequence

from ..analysis.comparison_data import Comparison, Difference
from .comparison_text import format_difference, format_methods
from .leaderboard_markdown import escape_markdown, join_cells
from .table_format import format_heading, format_unit

HEADS = ("measure", "A", "B", "A - B", "95 % interval", "P(A beats B)", "p", "outcome")
BOLD = ("better", "worse")


def format_comparisons(comparisons: Sequence[Comparison], notes: Sequence[str] = ()) -> str:
    """A heading, a table and a list of notes for each comparison, then `notes` on all of them. Names are escaped."""
    lines = [line for comparison in comparisons for line in _format_comparison(comparison)]
    return "\n".join([*lines, *(f"- {escape_markdown(note)}" for note in notes), *([""] if notes else [])])


def _format_comparison(comparison: Comparison) -> Iterator[str]:
    yield from (f"### {escape_markdown(comparison.title)}", "", escape_markdown(format_methods(comparison)), "")
    yield join_cells(HEADS)
    yield join_cells(["---", *(["---:"] * (len(HEADS) - 2)), "---"])
    yield from (join_cells(_format_row(row)) for row in comparison.rows)
    yield from ("", *(f"- {escape_markdown(note)}" for note in comparison.notes), "")


def _format_row(row: Difference) -> list[str]:
    text = format_difference(row)
    measure = escape_markdown(format_heading(row.measure)) + (
        f" <br> {escape_markdown(format_unit(row.measure))}" if format_unit(row.measure) else ""
    )
    outcome, given = map(escape_markdown, (text.outcome, text.given))
    shown = f"**{outcome}**" if row.outcome in BOLD else outcome
    cells = (text.a, text.b, text.difference, text.interval, text.wins, text.p)
    return [measure, *map(escape_markdown, cells), f"{shown} <br> {given}" if given else shown]
