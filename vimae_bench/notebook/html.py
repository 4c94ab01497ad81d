"""HTML tables for notebooks. All names are escaped, nothing runs, and they are legible without their styles."""

from collections.abc import Sequence
from html import escape

from ..analysis.comparison_data import Comparison, Difference
from ..analysis.leaderboard_data import Leaderboard
from ..reports.comparison_text import format_difference, format_methods
from ..reports.table_format import (
    TableCell,
    TableLine,
    choose_decimals,
    clean_text,
    format_heading,
    format_lines,
    format_number,
    format_unit,
)
from ..storage.store import RunResult

CELL, LABEL = ' style="white-space:nowrap"', ' style="white-space:nowrap;text-align:left"'
QUIET = ' style="opacity:.65"'
WIDE = '<div style="overflow-x:auto"><table>{}{}</table></div>'
COMPARISON_HEADS = ("measure", "A\nB", "A - B\n95 % interval", "P(A\nbeats B)", "p", "outcome")


def format_leaderboards(leaderboards: Sequence[Leaderboard]) -> str:
    """A heading, a table and notes for each leaderboard."""
    return "".join(map(_format_leaderboard, leaderboards))


def format_comparisons(found: Sequence[Comparison]) -> str:
    """A heading, a table and notes for each comparison."""
    return "".join(map(_format_comparison, found))


def format_trained_model(head: str, result: RunResult) -> str:
    """A line, and the measures of one model with their standard errors."""
    rows = [_format_row(_format_estimate(result, name), 0) for name in result.estimates]
    return f"<p>{_escape_text(head)}</p>" + (_format_table(["measure", "value", "unit"], rows) if rows else "")


def _format_leaderboard(leaderboard: Leaderboard) -> str:
    measures = [leaderboard.measures[name] for name in leaderboard.columns]
    heads = ["method", "seeds", *(f"{format_heading(m)}\n{format_unit(m)}" for m in measures)]
    rows = [
        _format_row(_format_line(line), 0, QUIET if line.is_control or line.section != "comparable" else "")
        for line in format_lines(leaderboard)
    ]
    lines = [*(statement.line for statement in leaderboard.summary), *leaderboard.notes]
    return f"<h4>{_escape_text(leaderboard.title)}</h4>{_format_table(heads, rows)}{_format_notes(lines)}"


def _format_line(line: TableLine) -> list[str]:
    label = _escape_text(line.label)
    return [
        f"<i>{label}</i>" if line.section == "reference" else label,
        line.seeds,
        *map(_format_cell, line.cells),
    ]


def _format_cell(cell: TableCell) -> str:
    text = _escape_text(f"{cell.value} ± {cell.spread}" if cell.spread else cell.value)
    bold = f"<b>{text}</b>" if cell.leads else text
    return f"{bold} {_escape_text(cell.marks)}" if cell.marks else bold


def _format_comparison(comparison: Comparison) -> str:
    rows = [_format_row(_format_difference_cells(row), 0) for row in comparison.rows]
    title = f"<h4>{_escape_text(comparison.title)}</h4><p>{_escape_text(format_methods(comparison))}</p>"
    return f"{title}{_format_table(COMPARISON_HEADS, rows)}{_format_notes(comparison.notes)}"


def _format_difference_cells(row: Difference) -> list[str]:
    text = format_difference(row)
    named = f"{format_heading(row.measure)}\n{format_unit(row.measure)}"
    given = f"<br>{_escape_text(text.given)}" if text.given else ""
    cells = [named, f"{text.a}\n{text.b}", f"{text.difference}\n{text.interval}", text.wins, text.p]
    return [*map(_escape_text, cells), f"<b>{_escape_text(text.outcome)}</b>{given}"]


def _format_estimate(result: RunResult, name: str) -> list[str]:
    measure, estimate = result.measures[name], result.estimates[name]
    digits = choose_decimals([estimate.se] if estimate.se else [], [estimate.value])
    spread = f" ± {format_number(estimate.se, digits)}" if estimate.se else ""
    return [
        _escape_text(format_heading(measure)),
        f"{format_number(estimate.value, digits)}{spread}",
        _escape_text(format_unit(measure)),
    ]


def _format_table(heads: Sequence[str], rows: Sequence[str]) -> str:
    head = "".join(f"<th>{_escape_text(text)}</th>" for text in heads)
    return WIDE.format(f"<thead><tr>{head}</tr></thead>", f"<tbody>{''.join(rows)}</tbody>")


def _format_row(cells: Sequence[str], label: int, style: str = "") -> str:
    """A row of cells; that with index `label` names the row."""
    shown = (f"<td{LABEL if i == label else CELL}>{cell}</td>" for i, cell in enumerate(cells))
    return f"<tr{style}>{''.join(shown)}</tr>"


def _format_notes(notes: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_escape_text(note)}</li>' for note in notes)}</ul>" if notes else ""


def _escape_text(text: str) -> str:
    """Escaped text, with its line breaks."""
    return "<br>".join(escape(clean_text(line)) for line in text.strip().split("\n"))
