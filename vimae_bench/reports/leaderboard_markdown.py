"""Leaderboards as tables in GitHub's Markdown."""

import re
from collections.abc import Iterator, Sequence

from ..analysis.leaderboard_data import Leaderboard
from .table_format import TableCell, TableLine, clean_text, format_heading, format_lines, format_unit


def format_leaderboards(leaderboards: Sequence[Leaderboard]) -> str:
    """A heading, a table and a list of notes for each leaderboard. Names are escaped."""
    return "\n".join(line for leaderboard in leaderboards for line in _format_leaderboard(leaderboard))


def escape_markdown(text: str) -> str:
    """Text in which GitHub finds no markup."""
    safe = clean_text(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]|~$#!])", r"\\\1", safe)


def _format_leaderboard(leaderboard: Leaderboard) -> Iterator[str]:
    measures = [leaderboard.measures[name] for name in leaderboard.columns]
    heads = [
        escape_markdown(format_heading(m)) + (f" <br> {escape_markdown(format_unit(m))}" if format_unit(m) else "")
        for m in measures
    ]
    yield from (f"### {escape_markdown(leaderboard.title)}", "")
    yield join_cells(["method", "seeds", *heads])
    yield join_cells(["---", "---", *("---:" for _ in measures)])
    yield from (join_cells(_format_line(line)) for line in format_lines(leaderboard))
    yield ""
    lines = (*(statement.line for statement in leaderboard.summary), *leaderboard.notes)
    yield from (f"- {escape_markdown(line)}" for line in lines)
    yield ""


def _format_line(line: TableLine) -> list[str]:
    label = escape_markdown(line.label)
    return [
        f"*{label}*" if line.section == "reference" else label,
        line.seeds,
        *map(_format_cell, line.cells),
    ]


def _format_cell(cell: TableCell) -> str:
    text = f"{cell.value} ± {cell.spread}" if cell.spread else cell.value
    bold = f"**{text}**" if cell.leads else text
    return f"{bold} {cell.marks}" if cell.marks else bold


def join_cells(cells: Sequence[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"
