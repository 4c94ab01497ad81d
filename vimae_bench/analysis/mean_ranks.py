"""The mean ranks of methods over several tables.

There are no critical differences: for a few tables they are wider than the range of ranks (Demšar, 2006, eq. 5).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..core.results import Measure
from .leaderboard_data import Leaderboard


@dataclass(frozen=True)
class MethodRanks:
    """The ranks of a method under each measure, one for each table that ranks it."""

    label: str
    ranks: Mapping[str, tuple[int, ...]]

    def get_mean_rank(self, measure: str) -> float | None:
        """The mean rank under a measure; None if no table ranks the method by it."""
        ranks = self.ranks.get(measure, ())
        return sum(ranks) / len(ranks) if ranks else None


@dataclass(frozen=True)
class MeanRanks:
    """Methods sorted by their mean rank under the first measure; `tables` is the number of tables for each measure."""

    measures: tuple[Measure, ...]
    tables: Mapping[str, int]
    rows: tuple[MethodRanks, ...]


def compute_mean_ranks(boards: Sequence[Leaderboard]) -> MeanRanks | None:
    """The mean ranks under every measure by which at least two tables rank; None if there is none."""
    ranking = {name: [b for b in boards if _has_ranks(b, name)] for name in dict.fromkeys(_list_measures(boards))}
    shared = {name: found for name, found in ranking.items() if len(found) > 1}
    if not shared:
        return None
    labels = dict.fromkeys(row.label for board in boards for row in board.rows)
    rows = [
        MethodRanks(label, {name: _collect_ranks(label, name, found) for name, found in shared.items()})
        for label in labels
    ]
    first, most = next(iter(shared)), max(map(len, shared.values()))
    ordered = sorted(rows, key=lambda row: (most - len(row.ranks[first]), row.get_mean_rank(first) or 0.0))
    measures = tuple(found[0].measures[name] for name, found in shared.items())
    return MeanRanks(measures, {name: len(found) for name, found in shared.items()}, tuple(ordered))


def _list_measures(boards: Sequence[Leaderboard]) -> Iterator[str]:
    """The measures of all tables, starting with those by which tables are sorted."""
    yield from (board.rank_by for board in boards if board.rank_by)
    yield from (name for board in boards for name in board.columns)


def _has_ranks(board: Leaderboard, measure: str) -> bool:
    return any(measure in row.summaries and row.summaries[measure].shared_rank for row in board.rows)


def _collect_ranks(label: str, measure: str, boards: Sequence[Leaderboard]) -> tuple[int, ...]:
    rows = [row for board in boards for row in board.rows if row.label == label and measure in row.summaries]
    ranks = [row.summaries[measure].shared_rank for row in rows]
    return tuple(shared.rank for shared in ranks if shared)
