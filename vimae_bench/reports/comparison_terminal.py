"""Comparisons for the terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..analysis.comparison_data import Comparison, Difference
from .comparison_text import format_difference, format_methods
from .leaderboard_terminal import render_footnotes
from .table_format import clean_text, format_heading, format_unit

HEADS = ("measure", "A\nB", "A - B\n95 % interval", "P(A\nbeats B)", "p", "outcome")
STYLES = {"better": "bold green", "worse": "bold red"}


def render_comparisons(comparisons: Sequence[Comparison], notes: Sequence[str] = ()) -> Group:
    """Tables of differences A - B to be printed by a rich console, and `notes` on all of them."""
    parts = [part for comparison in comparisons for part in _render_comparison(comparison)]
    return Group(*parts, *([render_footnotes(notes)] if notes else []))


def _render_comparison(comparison: Comparison) -> Iterator[RenderableType]:
    title = Text.assemble((clean_text(comparison.title), "bold"), f"\n{format_methods(comparison)}")
    table = Table(title=title, title_justify="left", header_style="", title_style="", show_edge=False, show_lines=True)
    for head in HEADS:
        table.add_column(head, no_wrap=head not in ("measure", "outcome"))
    for row in comparison.rows:
        table.add_row(*_format_row(row))
    yield table
    yield render_footnotes(comparison.notes)


def _format_row(row: Difference) -> list[Text]:
    text = format_difference(row)
    cells = [
        f"{format_heading(row.measure)}\n{format_unit(row.measure)}",
        f"{text.a}\n{text.b}",
        f"{text.difference}\n{text.interval}".strip(),
        text.wins,
        text.p,
    ]
    outcome = Text(text.outcome, style=STYLES.get(row.outcome, "")).append(f"\n{text.given}" if text.given else "", "")
    return [*map(Text, cells), outcome]
