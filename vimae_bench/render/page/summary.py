"""What a page says first: which methods lead by what, in a sentence each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...results.board import Board, Entry
from ..layout import heading, number, plain
from .tables import digits


@dataclass(frozen=True)
class Lead:
    """Who leads by some measures of one table, and what may be said of that."""

    measures: str
    methods: str
    said: str


def leads(board: Board) -> Iterator[Lead]:
    """Measures with the same methods at the top share a sentence, in the order of the table."""
    found: dict[tuple[str, ...], list[str]] = {}
    for name in board.columns:
        if board.measures[name].better and (first := _first(board, name)):
            found.setdefault(first, []).append(name)
    for methods, names in found.items():
        yield Lead(
            listed([heading(board.measures[name]) for name in names]), listed(methods), _said(board, methods, names)
        )


def listed(words: Sequence[str]) -> str:
    """Such as `a, b and c`."""
    *others, last = map(plain, words)
    return f"{', '.join(others)} and {last}" if others else last


def _first(board: Board, name: str) -> tuple[str, ...]:
    """The methods that none is shown to be better than, in the table's order; without a test the one best mean."""
    entries = _entries(board, name)
    top = tuple(label for label, entry in entries.items() if entry.place and entry.place.top)
    sign = 1 if board.measures[name].better == "lower" else -1
    return top or tuple(sorted(entries, key=lambda label: sign * entries[label].mean)[:1])


def _entries(board: Board, name: str) -> dict[str, Entry]:
    """What may lead: complete rows, without those that collapsed where this wins."""
    measure = board.measures[name]
    able = [row for row in board.rows if row.complete and (measure.ranks_collapsed or not row.collapsed)]
    return {row.label: row.entries[name] for row in able if name in row.entries and row.entries[name].complete}


def _said(board: Board, methods: Sequence[str], names: Sequence[str]) -> str:
    entries = [_entries(board, name) for name in names]
    if not all(entry.place for found in entries for entry in found.values()):
        value = ", ".join(
            number(found[methods[0]].mean, digits(board, name)) for found, name in zip(entries, names, strict=True)
        )
        return f"has the best number ({value}), which no test stands behind"
    if len(methods) == 1:
        beaten = all(_apart(found, methods[0]) for found in entries)
        return "is shown to be better than every other ranked method" if beaten else "has none above it"
    everyone = all(len(found) == len(methods) for found in entries)
    return (
        "are not shown to differ: no ranked method leads"
        if everyone
        else "lead, and none of them is shown to be better"
    )


def _apart(entries: dict[str, Entry], label: str) -> bool:
    """Whether a method shares no letter with any other."""
    letters = {other: set(entry.place.letters) for other, entry in entries.items() if entry.place}
    return not any(letters[label] & shared for other, shared in letters.items() if other != label)
