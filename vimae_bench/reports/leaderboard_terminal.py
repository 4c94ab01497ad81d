"""Leaderboards for the terminal. Names are printed as text, never as markup, and without control characters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..analysis.leaderboard_data import Leaderboard
from ..core.results import Measure
from .table_format import UNDEFINED, TableCell, TableLine, clean_text, format_heading, format_lines, format_unit

STYLES = {"comparable": "", "not comparable": "dim", "reference": "italic dim"}
COLUMN_PADDING = 3
"""The width of a column beyond its text."""


@dataclass(frozen=True)
class _TerminalColumn:
    measure: Measure
    texts: tuple[Text, ...]

    @property
    def width(self) -> int:
        heads = (format_heading(self.measure), format_unit(self.measure))
        return max(cell_len(text) for text in (*heads, *(text.plain for text in self.texts))) + COLUMN_PADDING


@dataclass(frozen=True)
class LeaderboardTables:
    """Leaderboards for a rich console: columns that do not fit its width go into further tables below."""

    leaderboards: tuple[Leaderboard, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for leaderboard in self.leaderboards:
            yield from _render_leaderboard(leaderboard, options.max_width)


def render_leaderboards(leaderboards: Sequence[Leaderboard]) -> LeaderboardTables:
    """Leaderboards to be printed by a rich console."""
    return LeaderboardTables(tuple(leaderboards))


def render_footnotes(notes: Sequence[str]) -> Padding:
    """Sentences below a table."""
    return Padding(Text("\n".join(clean_text(note) for note in notes), style="dim"), (0, 1, 1, 1))


def _render_leaderboard(leaderboard: Leaderboard, width: int) -> Iterator[RenderableType]:
    rows = list(format_lines(leaderboard))
    columns = [
        _TerminalColumn(leaderboard.measures[name], _align_cells([line.cells[i] for line in rows]))
        for i, name in enumerate(leaderboard.columns)
    ]
    labels = max((cell_len(line.label) for line in rows), default=0)
    seeds = max((cell_len(line.seeds) for line in rows), default=0)
    for i, part in enumerate(_split_columns(columns, width - labels - max(seeds, len("seeds")) - 2 * COLUMN_PADDING)):
        yield _render_table(rows, part, Text(clean_text(leaderboard.title), style="bold") if i == 0 else None)
    if leaderboard.summary:
        lines = [clean_text(statement.line) for statement in leaderboard.summary]
        yield Padding(Text("\n".join(lines)), (1, 1, 1, 1))
    yield render_footnotes(leaderboard.notes)


def _render_table(rows: Sequence[TableLine], columns: Sequence[_TerminalColumn], title: Text | None) -> Table:
    table = Table(title=title, title_justify="left", header_style="", show_edge=False, pad_edge=True)
    table.add_column("method", no_wrap=True)
    table.add_column("seeds", no_wrap=True)
    for column in columns:
        head = Text.assemble(format_heading(column.measure), "\n", (format_unit(column.measure), "dim"))
        table.add_column(head, no_wrap=True)
    before = ""
    for i, line in enumerate(rows):
        texts = [column.texts[i] for column in columns]
        if line.section == "reference" and all(text.plain.strip() == UNDEFINED for text in texts):
            continue
        if before not in ("", line.section):
            table.add_section()
        before = line.section
        style = "dim" if line.is_control else STYLES[line.section]
        table.add_row(Text(line.label), Text(line.seeds), *texts, style=style)
    return table


def _align_cells(cells: Sequence[TableCell]) -> tuple[Text, ...]:
    """The cells of one column, with aligned numbers."""
    value, spread, marks = (
        max((len(part) for part in parts), default=0)
        for parts in zip(*((c.value if c.spread else "", c.spread, c.marks) for c in cells), strict=True)
    )
    texts: list[Text] = []
    for cell in cells:
        text = Text(cell.value.rjust(value), style="bold" if cell.leads else "")
        if cell.spread:
            text.append(f" ± {cell.spread.rjust(spread)}")
        if marks:
            text.append(f" {cell.marks.ljust(marks)}")
        texts.append(text)
    return tuple(texts)


def _split_columns(columns: Sequence[_TerminalColumn], width: int) -> list[list[_TerminalColumn]]:
    """The columns in groups that each fit a width, with at least one column in each group."""
    parts: list[list[_TerminalColumn]] = [[]]
    for column in columns:
        if parts[-1] and sum(c.width for c in parts[-1]) + column.width > width:
            parts.append([])
        parts[-1].append(column)
    return parts
