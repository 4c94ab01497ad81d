"""What a page says first: which methods lead by what, in a sentence each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...analysis.leaderboard_data import Leaderboard, MeasureSummary
from ..table_format import heading, number, plain
from .runs import digits


@dataclass(frozen=True)
class Lead:
    """Who leads by some measures of one table, and what may be said of that."""

    measures: tuple[str, ...]
    methods: str
    said: str


def leads(board: Leaderboard) -> Iterator[Lead]:
    """Measures of which the same is to be said share a sentence, in the order of the table."""
    found: dict[tuple[str, str], list[str]] = {}
    for name in board.columns:
        if board.measures[name].better and (entries := _entries(board, name)):
            first = _first(board, name, entries)
            said = _said(first, entries, number(entries[first[0]].mean, digits(board, name)))
            found.setdefault((listed(first), said), []).append(heading(board.measures[name]))
    for (methods, said), measures in found.items():
        yield Lead(tuple(measures), methods, said)


def listed(words: Sequence[str]) -> str:
    """Such as `a, b and c`."""
    *others, last = map(plain, words)
    return f"{', '.join(others)} and {last}" if others else last


def _entries(board: Leaderboard, name: str) -> dict[str, MeasureSummary]:
    """What may lead: complete rows, without those that collapsed where this wins."""
    measure = board.measures[name]
    able = [row for row in board.rows if row.complete and (measure.ranks_collapsed or not row.collapsed_seeds)]
    return {row.label: row.summaries[name] for row in able if name in row.summaries and row.summaries[name].complete}


def _first(board: Leaderboard, name: str, entries: Mapping[str, MeasureSummary]) -> tuple[str, ...]:
    """The methods that none is shown to be better than, in the table's order; without a test the one best mean."""
    top = tuple(label for label, entry in entries.items() if entry.shared_rank and entry.shared_rank.is_best)
    best = min if board.measures[name].better == "lower" else max
    return top or (best(entries, key=lambda label: entries[label].mean),)


def _said(first: Sequence[str], entries: Mapping[str, MeasureSummary], value: str) -> str:
    if not entries[first[0]].shared_rank:
        return "is alone" if len(entries) == 1 else f"has the best number ({value}), which no test stands behind"
    if len(first) == 1:
        return "is shown to be better than every other" if _apart(entries, first[0]) else "has none above it"
    return "are not shown to differ" if len(first) == len(entries) else "lead; none of them is shown to be better"


def _apart(entries: Mapping[str, MeasureSummary], label: str) -> bool:
    """Whether a method shares no letter with any other."""
    letters = {other: set(entry.shared_rank.letters) for other, entry in entries.items() if entry.shared_rank}
    return not any(letters[label] & shared for other, shared in letters.items() if other != label)
