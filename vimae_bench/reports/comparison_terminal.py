"""Comparisons for the terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from ..analysis.comparison_data import Comparison, Difference
from .comparison_text import format_difference, format_methods, summarize_comparison
from .leaderboard_terminal import render_footnotes
from .table_format import clean_text, format_heading, format_unit

STYLES = {"better": "bold green", "worse": "bold red"}
MIN_SEEDS_OF_SHARES = 6
"""The share of seeds on which A beats B is shown from so many on: of fewer it says nothing."""
WIDE = 110
"""A console of so many columns has room for a line for each measure; on others A stands above B."""


@dataclass(frozen=True)
class ComparisonTables:
    """Comparisons for a rich console: all summaries first, then tables of differences A - B, then notes on all."""

    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for comparison in self.comparisons:
            yield Text.assemble((clean_text(comparison.title), "bold"), f"\n{format_methods(comparison)}")
            yield Text(f"{summarize_comparison(comparison)}\n")
        for comparison in self.comparisons:
            yield from _render_comparison(comparison, is_wide=options.max_width >= WIDE)
        if self.notes:
            yield render_footnotes(self.notes)


def render_comparisons(comparisons: Sequence[Comparison], notes: Sequence[str] = ()) -> ComparisonTables:
    """Comparisons to be printed by a rich console, and `notes` on all of them."""
    return ComparisonTables(tuple(comparisons), tuple(notes))


def _render_comparison(comparison: Comparison, *, is_wide: bool) -> Iterator[RenderableType]:
    table = _make_table(comparison, is_wide=is_wide)
    table.title = Text(clean_text(comparison.title), style="bold")
    yield table
    yield render_footnotes(comparison.notes)


def _make_table(comparison: Comparison, *, is_wide: bool) -> Table:
    has_shares = len(comparison.seeds) >= MIN_SEEDS_OF_SHARES
    between = " " if is_wide else "\n"
    sides = ("A", "B") if is_wide else ("A\nB",)
    shares = [f"P(A{between}beats B)"] if has_shares else []
    heads = ("measure", *sides, f"A - B{between}[95 % interval]", *shares, "p", "outcome")
    table = Table(title_justify="left", title_style="", header_style="", show_edge=False, show_lines=not is_wide)
    for head in heads:
        shortest = len("A is better") if head == "outcome" else None
        table.add_column(head, no_wrap=head not in ("measure", "outcome"), min_width=shortest)
    for row in comparison.rows:
        table.add_row(*_format_row(row, is_wide=is_wide, has_shares=has_shares))
    return table


def _format_row(row: Difference, *, is_wide: bool, has_shares: bool) -> list[Text]:
    text, between = format_difference(row), " " if is_wide else "\n"
    name = Text.assemble(format_heading(row.measure), (f" {format_unit(row.measure)}".rstrip(), "dim"))
    sides = (text.a, text.b) if is_wide else (f"{text.a}\n{text.b}",)
    difference = f"{text.difference}{between}{text.interval}".strip()
    cells = [*sides, difference, *[text.wins] * has_shares, text.p]
    outcome = Text(text.outcome, style=STYLES.get(row.outcome, "")).append(f"\n{text.given}" if text.given else "", "")
    return [name, *map(Text, cells), outcome]
