"""Methods over several tables: the mean of their shared ranks.

No critical differences: over a handful of tables they are wider than the ranks (Demšar, 2006, eq. 5), and would show
nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..core.results import Measure
from .leaderboard_data import Leaderboard


@dataclass(frozen=True)
class MethodRanks:
    """A method's ranks under each measure, one for each table that ranks it there."""

    label: str
    ranks: Mapping[str, tuple[int, ...]]

    def mean(self, measure: str) -> float | None:
        """The mean rank under a measure; None where no table ranks the method by it."""
        ranks = self.ranks.get(measure, ())
        return sum(ranks) / len(ranks) if ranks else None


@dataclass(frozen=True)
class MeanRanks:
    """Methods over tables, the best mean rank under the first measure first. `tables` counts the tables of each."""

    measures: tuple[Measure, ...]
    tables: Mapping[str, int]
    rows: tuple[MethodRanks, ...]


def compute_mean_ranks(boards: Sequence[Leaderboard]) -> MeanRanks | None:
    """The mean ranks under every measure by which several tables rank; None if there is none."""
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
    ordered = sorted(rows, key=lambda row: (most - len(row.ranks[first]), row.mean(first) or 0.0))
    measures = tuple(found[0].measures[name] for name, found in shared.items())
    return MeanRanks(measures, {name: len(found) for name, found in shared.items()}, tuple(ordered))


def _list_measures(boards: Sequence[Leaderboard]) -> Iterator[str]:
    """The measures of all tables, those that the tables are sorted by before the others."""
    yield from (board.rank_by for board in boards if board.rank_by)
    yield from (name for board in boards for name in board.columns)


def _has_ranks(board: Leaderboard, measure: str) -> bool:
    return any(measure in row.summaries and row.summaries[measure].shared_rank for row in board.rows)


def _collect_ranks(label: str, measure: str, boards: Sequence[Leaderboard]) -> tuple[int, ...]:
    rows = [row for board in boards for row in board.rows if row.label == label and measure in row.summaries]
    places = [row.summaries[measure].shared_rank for row in rows]
    return tuple(place.rank for place in places if place)
