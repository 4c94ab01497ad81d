"""What a page says first: which methods lead by what, in a sentence each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...analysis.leaderboard_data import Leaderboard, MeasureSummary
from ..table_format import clean_text, format_heading, format_number
from .runs import choose_run_decimals


@dataclass(frozen=True)
class Leader:
    """Who leads by some measures of one table, and what may be said of that."""

    measures: tuple[str, ...]
    methods: str
    statement: str


def list_leaders(leaderboard: Leaderboard) -> Iterator[Leader]:
    """Measures of which the same is to be said share a sentence, in the order of the table."""
    found: dict[tuple[str, str], list[str]] = {}
    for name in leaderboard.columns:
        if leaderboard.measures[name].better and (entries := _select_candidates(leaderboard, name)):
            first = _choose_leaders(leaderboard, name, entries)
            said = _describe_lead(
                first, entries, format_number(entries[first[0]].mean, choose_run_decimals(leaderboard, name))
            )
            found.setdefault((join_words(first), said), []).append(format_heading(leaderboard.measures[name]))
    for (methods, said), measures in found.items():
        yield Leader(tuple(measures), methods, said)


def join_words(words: Sequence[str]) -> str:
    """Such as `a, b and c`."""
    *others, last = map(clean_text, words)
    return f"{', '.join(others)} and {last}" if others else last


def _select_candidates(leaderboard: Leaderboard, name: str) -> dict[str, MeasureSummary]:
    """What may lead: complete rows, without those that collapsed where this wins."""
    measure = leaderboard.measures[name]
    able = [row for row in leaderboard.rows if row.complete and (measure.ranks_collapsed or not row.collapsed_seeds)]
    return {row.label: row.summaries[name] for row in able if name in row.summaries and row.summaries[name].complete}


def _choose_leaders(leaderboard: Leaderboard, name: str, entries: Mapping[str, MeasureSummary]) -> tuple[str, ...]:
    """The methods that none is shown to be better than, in the table's order; without a test the one best mean."""
    top = tuple(label for label, entry in entries.items() if entry.shared_rank and entry.shared_rank.is_best)
    best = min if leaderboard.measures[name].better == "lower" else max
    return top or (best(entries, key=lambda label: entries[label].mean),)


def _describe_lead(first: Sequence[str], entries: Mapping[str, MeasureSummary], value: str) -> str:
    if not entries[first[0]].shared_rank:
        return "is alone" if len(entries) == 1 else f"has the best number ({value}), which no test stands behind"
    if len(first) == 1:
        return "is shown to be better than every other" if _is_shown_best(entries, first[0]) else "has none above it"
    return "are not shown to differ" if len(first) == len(entries) else "lead; none of them is shown to be better"


def _is_shown_best(entries: Mapping[str, MeasureSummary], label: str) -> bool:
    """Whether a method shares no letter with any other."""
    letters = {other: set(entry.shared_rank.letters) for other, entry in entries.items() if entry.shared_rank}
    return not any(letters[label] & shared for other, shared in letters.items() if other != label)
