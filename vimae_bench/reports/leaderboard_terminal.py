"""Leaderboards for the terminal: how sure, what is decided, and a grid of the key measures, or of all.

Names are printed as text, never as markup, and without control characters.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.box import Box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..analysis.footnotes import format_count
from ..analysis.leaderboard_data import Leaderboard
from ..analysis.marks import MARK_MEANINGS, NOT_COMPARABLE, explain_marks
from ..analysis.summary import Summary, summarize_leaderboard
from ..core.results import OUTDATED, Measure
from .table_format import UNDEFINED, TableCell, TableLine, clean_text, format_heading, format_lines, format_unit

STYLES = {"comparable": "", "not comparable": "dim", "reference": "italic dim"}
CONTROL = "(A/A)"
"""Marks an A/A control."""
OTHER_MARKS = {
    "±": "half the 95 % interval",
    CONTROL: "A/A control",
    OUTDATED: "older version of its metric",
}
"""What the marks of a grid mean that are not those of methods."""
RULES = Box("    \n    \n ── \n    \n ── \n ── \n    \n    \n")
"""A line below the heads, and one between groups of rows."""
GAP = 2
"""Between columns."""
MAX_LABEL, MAX_LABEL_WIDE, WIDE = 20, 36, 100
"""The width of names, and that on a console of at least so many columns."""
MAX_HEAD_LINES = 4
MAX_BASELINES = 2
"""Of more baselines than this, a grid of key measures has only the best of each measure."""


@dataclass(frozen=True)
class _GridColumn:
    """A measure with its cells as text, and all their marks."""

    measure: Measure
    texts: tuple[Text, ...]
    marks: frozenset[str]

    @property
    def head(self) -> str:
        return f"{format_heading(self.measure)} {format_unit(self.measure)}".strip()

    @property
    def width(self) -> int:
        """That of the cells, or more, so that the head has few lines."""
        words = self.head.split()
        widths = range(max(map(cell_len, words)), cell_len(self.head) + 1)
        head = next(n for n in widths if len(wrap(self.head, n, break_long_words=False)) <= MAX_HEAD_LINES)
        return max(head, *(cell_len(text.plain) for text in self.texts))


@dataclass(frozen=True)
class LeaderboardScreen:
    """Leaderboards for a rich console, one below the other.

    The grid has the key measures, as many as there is room for. If columns `were_named`, it has all of these, in as
    many grids as it takes. If it `is_complete`, it has all measures, and what is decided on each and all notes follow.
    """

    leaderboards: tuple[Leaderboard, ...]
    were_named: bool = False
    is_complete: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shared = [] if self.is_complete else _list_shared_notes(self.leaderboards)
        marks = set[str]()
        for leaderboard in self.leaderboards:
            summary = summarize_leaderboard(leaderboard)
            lines, grids, label = self._lay_out(summary, options.max_width)
            columns = [column for grid in grids for column in grid]
            marks |= {mark for line in lines for mark in _mark_name(line).split()}
            marks |= {mark for column in columns for mark in column.marks}
            yield from render_head(summary)
            yield from (_render_grid(lines, grid, label, with_seeds=self.is_complete) for grid in grids)
            if self.is_complete:
                yield Padding(Text("\n".join(clean_text(one.line) for one in leaderboard.summary)), (1, 1, 0, 1))
                yield render_footnotes([summary.order, *leaderboard.notes])
                continue
            notes = [_describe_rest(summary, len(columns)), *_list_own_notes(leaderboard, shared)]
            yield render_footnotes(notes if len(self.leaderboards) > 1 else [*notes, *_explain_marks(marks)])
        if self.is_complete or len(self.leaderboards) > 1:
            yield render_footnotes([*shared, *_explain_marks(marks)])

    def _lay_out(self, summary: Summary, width: int) -> tuple[list[TableLine], list[list[_GridColumn]], int]:
        """The rows, the columns of each grid, and the width of names."""
        keep_all = self.were_named or self.is_complete
        board = summary.leaderboard
        names = board.columns if self.were_named else summary.columns if self.is_complete else summary.key_columns
        lines = list(_list_lines(board, names, significant=2 if keep_all else 1, all_baselines=keep_all))
        widest = max((cell_len(_mark_name(line)) for line in lines), default=0)
        label = min(widest, MAX_LABEL if width < WIDE else MAX_LABEL_WIDE)
        room = width - label - (len("3 of 5") + GAP) * self.is_complete
        return lines, _choose_grids(summary, names, lines, room, keep_all=keep_all), label


def render_leaderboards(leaderboards: Sequence[Leaderboard]) -> LeaderboardScreen:
    """Everything on some leaderboards, to be printed by a rich console."""
    return LeaderboardScreen(tuple(leaderboards), is_complete=True)


def render_footnotes(notes: Sequence[str]) -> Padding:
    """Sentences below a table."""
    return Padding(Text("\n".join(clean_text(note) for note in notes), style="dim"), (0, 1, 1, 1))


def _list_lines(
    board: Leaderboard, names: Sequence[str], significant: int, *, all_baselines: bool
) -> Iterator[TableLine]:
    """The rows of a grid: methods, then baselines, or the best of each measure in one row."""
    lines = list(format_lines(board, names, significant))
    yield from (line for line in lines if line.section != "reference")
    baselines = [line for line in lines if line.section == "reference" and _has_values(line)]
    if all_baselines or len(baselines) <= MAX_BASELINES:
        yield from baselines
        return
    best = tuple(
        _choose_best(board, name, [(line.name, line.cells[i]) for line in baselines]) for i, name in enumerate(names)
    )
    name = f"best of {len(baselines)} baselines"
    yield TableLine("reference", False, name, name, UNDEFINED, best)


def _choose_best(board: Leaderboard, name: str, cells: Sequence[tuple[str, TableCell]]) -> TableCell:
    """The cell of the baseline that is best under a measure."""
    better = board.measures[name].better
    values = {label: e[name].value for label, e in board.baselines.items() if name in e}
    if not better or not values:
        return TableCell(UNDEFINED)
    best = (min if better == "lower" else max)(values, key=lambda label: values[label])
    return dict(cells)[clean_text(best)]


def _has_values(line: TableLine) -> bool:
    return any(cell.value not in ("", UNDEFINED) for cell in line.cells)


def _mark_name(line: TableLine) -> str:
    """The name of a row, marked if it is a control or not comparable."""
    mark = CONTROL if line.is_control else NOT_COMPARABLE if line.section == "not comparable" else ""
    return f"{line.name} {mark}".strip()


def _choose_grids(
    summary: Summary, names: Sequence[str], lines: Sequence[TableLine], width: int, *, keep_all: bool
) -> list[list[_GridColumn]]:
    """The columns, in grids that each fit a width.

    One grid of the most important columns, unless all are to be kept. Numbers are set tightly where that makes room.
    """
    board = summary.leaderboard
    cells = {name: [line.cells[i] for line in lines] for i, name in enumerate(names)}
    columns = {name: _create_column(board.measures[name], cells[name]) for name in names}
    if keep_all:
        return _split_columns([*columns.values()], width)
    if sum(column.width + GAP for column in columns.values()) > width:
        columns = {name: _create_column(board.measures[name], cells[name], "") for name in names}
    chosen: set[str] = set()
    for name in _list_by_importance(summary):
        if sum(columns[one].width + GAP for one in {*chosen, name}) <= width or not chosen:
            chosen.add(name)
    return [[column for name, column in columns.items() if name in chosen]]


def _list_by_importance(summary: Summary) -> list[str]:
    """The key columns: what rows are sorted by, then the first of each topic, then the second of each."""
    topics = [topic.key_columns for topic in summary.topics]
    rounds = [names[i] for i in range(max(map(len, topics), default=0)) for names in topics if i < len(names)]
    by = summary.leaderboard.rank_by
    return list(dict.fromkeys([*([by] if by in rounds else []), *rounds]))


def render_head(summary: Summary) -> Iterator[RenderableType]:
    """The title, how sure the results are, and what is decided on each topic."""
    board = summary.leaderboard
    yield Text.assemble((clean_text(board.title), "bold"), f": {summary.size}")
    yield Text(clean_text(" ".join(filter(None, (*summary.certainty, summary.resolution)))))
    topics = Table.grid(padding=(0, GAP, 0, 0))
    for topic in summary.topics:
        if topic.sentence:
            topics.add_row(Text(clean_text(topic.name), style="bold"), Text(clean_text(topic.sentence)))
        if topic.sentence and topic.baselines:
            topics.add_row("", Text(clean_text(topic.baselines), style="dim"))
    yield topics


def _render_grid(lines: Sequence[TableLine], columns: Sequence[_GridColumn], label: int, *, with_seeds: bool) -> Table:
    table = Table(box=RULES, show_edge=False, pad_edge=False, padding=(0, 0, 0, GAP - 1), header_style="")
    table.add_column(width=label)
    if with_seeds:
        table.add_column("seeds", no_wrap=True)
    for column in columns:
        table.add_column(Text(column.head), width=column.width)
    before = ""
    for i, line in enumerate(lines):
        texts = [column.texts[i] for column in columns]
        if line.section == "reference" and all(text.plain.strip() == UNDEFINED for text in texts):
            continue
        if before not in ("", line.section):
            table.add_section()
        before = line.section
        names = (Text(_mark_name(line)), *[Text(line.seeds)] * with_seeds)
        table.add_row(*names, *texts, style="dim" if line.is_control else STYLES[line.section])
    return table


def _describe_rest(summary: Summary, shown: int) -> str:
    """In which order methods are, and how many measures are not shown."""
    hidden = len(summary.leaderboard.columns) - shown
    more = f"{format_count(hidden, 'more measure')} and all" if hidden else "All"
    return f"{summary.order} {more} tests: --all."


def _list_shared_notes(leaderboards: Sequence[Leaderboard]) -> list[str]:
    """The notes of all leaderboards, where there are several."""
    if len(leaderboards) < 2:
        return []
    first, *others = leaderboards
    return [note for note in first.brief_notes if all(note in one.brief_notes for one in others)]


def _list_own_notes(leaderboard: Leaderboard, shared: Sequence[str]) -> list[str]:
    return [note for note in leaderboard.brief_notes if note not in shared]


def _create_column(measure: Measure, cells: Sequence[TableCell], gap: str = " ") -> _GridColumn:
    marks = {mark for cell in cells for mark in (*cell.marks.split(), *["±"] * bool(cell.spread))}
    return _GridColumn(measure, _align_cells(cells, gap), frozenset([*marks, *[OUTDATED] * measure.outdated]))


def _explain_marks(marks: Collection[str]) -> Iterator[str]:
    """What the marks that are used mean."""
    others = [f"{mark} {meaning}" for mark, meaning in OTHER_MARKS.items() if mark in marks]
    found = [*explain_marks(MARK_MEANINGS.keys() & {*marks}), *others]
    yield from [f"{'; '.join(found)}."] if found else []


def _align_cells(cells: Sequence[TableCell], gap: str = " ") -> tuple[Text, ...]:
    """The cells of one column, with aligned numbers; `gap` is between value, spread and marks."""
    value, spread, marks = (
        max((len(part) for part in parts), default=0)
        for parts in zip(*((c.value if c.spread else "", c.spread, c.marks) for c in cells), strict=True)
    )
    texts: list[Text] = []
    for cell in cells:
        text = Text(cell.value.rjust(value), style="bold green" if cell.leads else "")
        if cell.spread:
            text.append(f"{gap}±{gap}{cell.spread.rjust(spread)}")
        if marks:
            text.append(f"{gap}{cell.marks.ljust(marks)}")
        texts.append(text)
    return tuple(texts)


def _split_columns(columns: Sequence[_GridColumn], width: int) -> list[list[_GridColumn]]:
    """The columns in groups that each fit a width, with at least one column in each group."""
    parts: list[list[_GridColumn]] = [[]]
    for column in columns:
        if parts[-1] and sum(c.width + GAP for c in (*parts[-1], column)) > width:
            parts.append([])
        parts[-1].append(column)
    return parts
