"""Tables for notebooks. Every name is escaped, nothing in them runs, and they are legible where styles are dropped."""

from collections.abc import Sequence
from html import escape

from ..analysis.comparison import Comparison, Difference
from ..analysis.leaderboard_data import Leaderboard
from ..reports.comparison_terminal import HEADS
from ..reports.comparison_text import sides, spelt
from ..reports.table_format import Cell, Line, decimals, heading, lines, number, plain, unit
from ..storage.store import RunResult

CELL, LABEL = ' style="white-space:nowrap"', ' style="white-space:nowrap;text-align:left"'
QUIET = ' style="opacity:.65"'
WIDE = '<div style="overflow-x:auto"><table>{}{}</table></div>'


def leaderboards(boards: Sequence[Leaderboard]) -> str:
    """A heading, a table and notes for each board."""
    return "".join(map(_board, boards))


def comparisons(found: Sequence[Comparison]) -> str:
    """A heading, a table and notes for each comparison."""
    return "".join(map(_comparison, found))


def trained(head: str, result: RunResult) -> str:
    """A line, and the measures of one model with their standard errors."""
    rows = [_row(_estimate(result, name), 0) for name in result.estimates]
    return f"<p>{_text(head)}</p>" + (_table(["measure", "value", "unit"], rows) if rows else "")


def _board(board: Leaderboard) -> str:
    measures = [board.measures[name] for name in board.columns]
    heads = ["#", "method", "seeds", *(f"{heading(m)}\n{unit(m)}" for m in measures)]
    rows = [_row(_line(line), 1, "" if line.part == "ranked" else QUIET) for line in lines(board)]
    return f"<h4>{_text(board.title)}</h4>{_table(heads, rows)}{_notes(board.notes)}"


def _line(line: Line) -> list[str]:
    label = _text(line.label)
    return [line.rank, f"<i>{label}</i>" if line.part == "reference" else label, line.seeds, *map(_cell, line.cells)]


def _cell(cell: Cell) -> str:
    text = _text(f"{cell.value} ± {cell.spread}" if cell.spread else cell.value)
    bold = f"<b>{text}</b>" if cell.top else text
    return f"{bold} <sup>{_text(cell.letters)}</sup>" if cell.letters else bold


def _comparison(comparison: Comparison) -> str:
    rows = [_row(_difference(row, len(comparison.seeds)), 0) for row in comparison.rows]
    title = f"<h4>{_text(comparison.title)}</h4><p>{_text(sides(comparison))}</p>"
    return f"{title}{_table(HEADS, rows)}{_notes(comparison.notes)}"


def _difference(row: Difference, seeds: int) -> list[str]:
    text = spelt(row, seeds)
    difference = f"{text.difference}\n± {text.spread}" if text.spread else text.difference
    named = f"{heading(row.measure)}\n{unit(row.measure)}"
    cells = [named, f"{text.a}\n{text.b}", difference, f"{text.shift}\n{text.between}", text.wins, text.p]
    return [*map(_text, cells), f"<b>{_text(text.verdict)}</b>"]


def _estimate(result: RunResult, name: str) -> list[str]:
    measure, estimate = result.measures[name], result.estimates[name]
    digits = decimals([estimate.se] if estimate.se else [], [estimate.value])
    spread = f" ± {number(estimate.se, digits)}" if estimate.se else ""
    return [_text(heading(measure)), f"{number(estimate.value, digits)}{spread}", _text(unit(measure))]


def _table(heads: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f"<th>{_text(text)}</th>" for text in heads)
    return WIDE.format(f"<thead><tr>{head}</tr></thead>", f"<tbody>{''.join(rows)}</tbody>")


def _row(cells: Sequence[str], label: int, style: str = "") -> str:
    """A row of cells, `label` being the place of the one that names it."""
    shown = (f"<td{LABEL if i == label else CELL}>{cell}</td>" for i, cell in enumerate(cells))
    return f"<tr{style}>{''.join(shown)}</tr>"


def _notes(notes: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_text(note)}</li>' for note in notes)}</ul>" if notes else ""


def _text(text: str) -> str:
    """Text that HTML shows as it is, its lines below each other."""
    return "<br>".join(escape(plain(line)) for line in text.strip().split("\n"))
