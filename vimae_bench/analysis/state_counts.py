"""How often a method leads, is worse, or is undecided over several tables.

A count, not a test: tables have methods, seeds and images of their own, and nothing is averaged over them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..core.results import Measure
from .leaderboard_data import Leaderboard


@dataclass(frozen=True)
class StateCount:
    """In how many tables that rank methods by a measure a method leads, is worse, undecided, or not comparable.

    `doubtful` counts tables in which it leads, which does not show that it is better.
    """

    leading: int = 0
    worse: int = 0
    undecided: int = 0
    not_comparable: int = 0
    doubtful: int = 0


@dataclass(frozen=True)
class StateCounts:
    """The counts of each method in the order of the tables; `tables` is the number of tables for each measure."""

    measures: tuple[Measure, ...]
    tables: Mapping[str, int]
    rows: Mapping[str, Mapping[str, StateCount]]


def count_states(boards: Sequence[Leaderboard]) -> StateCounts | None:
    """The states under every measure by which at least two tables rank; None if there is none."""
    ranking = {name: [b for b in boards if _is_ranked(b, name)] for name in dict.fromkeys(_list_measures(boards))}
    shared = {name: found for name, found in ranking.items() if len(found) > 1}
    if not shared:
        return None
    labels = dict.fromkeys(row.label for board in boards for row in board.rows if not row.control_of)
    rows = {label: {name: _count_states(label, name, found) for name, found in shared.items()} for label in labels}
    measures = tuple(found[0].measures[name] for name, found in shared.items())
    return StateCounts(measures, {name: len(found) for name, found in shared.items()}, rows)


def _list_measures(boards: Sequence[Leaderboard]) -> Iterator[str]:
    """The measures of all tables, starting with those by which tables are sorted."""
    yield from (board.rank_by for board in boards if board.rank_by)
    yield from (name for board in boards for name in board.columns)


def _is_ranked(board: Leaderboard, measure: str) -> bool:
    return measure in board.decisions and board.decisions[measure].is_ranked


def _count_states(label: str, measure: str, boards: Sequence[Leaderboard]) -> StateCount:
    states = Counter(board.decisions[measure].get_state(label) for board in boards)
    leading = states["best"] + states["not worse"]
    evident = sum(board.decisions[measure].is_evidently_leading(label) for board in boards)
    return StateCount(leading, states["worse"], states["undecided"], states["not comparable"], leading - evident)
