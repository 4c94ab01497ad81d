"""Leaderboards as GitHub tables."""

import re
from collections.abc import Iterator, Sequence

from ..analysis.leaderboard_data import Leaderboard
from .table_format import Cell, Line, heading, lines, plain, unit


def render(boards: Sequence[Leaderboard]) -> str:
    """One heading, table and list of notes for each board. Names are escaped."""
    return "\n".join(line for board in boards for line in _board(board))


def escape(text: str) -> str:
    """Text that GitHub shows as it is."""
    safe = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]|~$#!])", r"\\\1", safe)


def _board(board: Leaderboard) -> Iterator[str]:
    measures = [board.measures[name] for name in board.columns]
    heads = [escape(heading(m)) + (f" <br> {escape(unit(m))}" if m.unit else "") for m in measures]
    yield from (f"### {escape(board.title)}", "")
    yield row_of(["#", "method", "seeds", *heads])
    yield row_of(["---:", "---", "---", *("---:" for _ in measures)])
    yield from (row_of(_cells(line)) for line in lines(board))
    yield ""
    yield from (f"- {escape(note)}" for note in board.notes)
    yield ""


def _cells(line: Line) -> list[str]:
    label = escape(line.label)
    return [line.rank, f"*{label}*" if line.part == "reference" else label, line.seeds, *map(_cell, line.cells)]


def _cell(cell: Cell) -> str:
    text = f"{cell.value} ± {cell.spread}" if cell.spread else cell.value
    bold = f"**{text}**" if cell.top else text
    return f"{bold} <sup>{cell.letters}</sup>" if cell.letters else bold


def row_of(cells: Sequence[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"
