"""The summary of a page: which methods lead, in a sentence for each measure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...analysis.leaderboard_data import Leaderboard, MeasureSummary
from ..table_format import clean_text, format_heading, format_number
from .runs import choose_run_decimals


@dataclass(frozen=True)
class Leader:
    """The methods that lead in some measures of one table, and a statement about them."""

    measures: tuple[str, ...]
    methods: str
    statement: str


def list_leaders(leaderboard: Leaderboard) -> Iterator[Leader]:
    """The leaders by each measure, in the order of the table; measures with the same statement share it."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for name in leaderboard.columns:
        if leaderboard.measures[name].better and (summaries := _select_candidates(leaderboard, name)):
            first = _choose_leaders(leaderboard, name, summaries)
            statement = _describe_lead(
                first, summaries, format_number(summaries[first[0]].mean, choose_run_decimals(leaderboard, name))
            )
            grouped.setdefault((join_words(first), statement), []).append(format_heading(leaderboard.measures[name]))
    for (methods, statement), measures in grouped.items():
        yield Leader(tuple(measures), methods, statement)


def join_words(words: Sequence[str]) -> str:
    """Such as `a, b and c`."""
    *others, last = map(clean_text, words)
    return f"{', '.join(others)} and {last}" if others else last


def _select_candidates(leaderboard: Leaderboard, name: str) -> dict[str, MeasureSummary]:
    """The summaries that may lead: those of complete rows, without collapsed ones if the measure does not rank them."""
    measure = leaderboard.measures[name]
    rows = [
        row for row in leaderboard.rows if row.is_complete and (not measure.rewards_collapse or not row.collapsed_seeds)
    ]
    return {row.label: row.summaries[name] for row in rows if name in row.summaries and row.summaries[name].is_complete}


def _choose_leaders(leaderboard: Leaderboard, name: str, summaries: Mapping[str, MeasureSummary]) -> tuple[str, ...]:
    """The methods to which no other is shown to be better, in the table's order; without a test, the best mean."""
    leaders = [label for label, summary in summaries.items() if summary.shared_rank and summary.shared_rank.is_best]
    best = min if leaderboard.measures[name].better == "lower" else max
    return tuple(leaders) or (best(summaries, key=lambda label: summaries[label].mean),)


def _describe_lead(first: Sequence[str], summaries: Mapping[str, MeasureSummary], value: str) -> str:
    if not summaries[first[0]].shared_rank:
        untested = f"has the best mean ({value}), without a test that confirms it"
        return "is the only method" if len(summaries) == 1 else untested
    if len(first) > 1:
        return "are not shown to differ" if len(first) == len(summaries) else "lead, and are not shown to differ"
    if _is_shown_best(summaries, first[0]):
        return "is shown to be better than every other method"
    return "is the only method to which no other is shown to be better"


def _is_shown_best(summaries: Mapping[str, MeasureSummary], label: str) -> bool:
    """Whether a method shares no letter with any other."""
    letters = {other: set(summary.shared_rank.letters) for other, summary in summaries.items() if summary.shared_rank}
    return not any(letters[label] & shared for other, shared in letters.items() if other != label)
