"""Compare methods over several tables: by their ranks (Demsar, JMLR 2006), and by the distribution of their scores.

Each table counts once, whether or not others have the same data set.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..core.results import Measure
from .decision import to_scale
from .leaderboard_data import Leaderboard, LeaderboardRow
from .statistics import ALPHA, Array
from .summary import select_key_columns

MIN_TABLES = 5
"""With fewer tables than this, critical differences are wider than most differences between ranks."""
MIN_METHODS = 3
"""The Friedman test needs as many methods."""
BOOTSTRAP_DRAWS = 1000


@dataclass(frozen=True)
class CrossTable:
    """The values of methods under one measure in several tables.

    `values` has an array [methods, seeds] for each of the `titles`, on the scale of the measure, with the methods in
    the order of `labels`; the seeds of two tables may differ.
    """

    measure: Measure
    labels: tuple[str, ...]
    titles: tuple[str, ...]
    values: tuple[Array, ...]

    @cached_property
    def ranks(self) -> Array:
        """The rank of each method in each table [tables, methods] by its mean, 1 for the best; ties share a rank."""
        from scipy.stats import rankdata

        means = np.array([table.mean(1) for table in self.values])
        return np.asarray(rankdata(-means if self.measure.better == "higher" else means, axis=1), dtype=np.float64)

    @property
    def mean_ranks(self) -> Array:
        """The mean rank of each method."""
        return self.ranks.mean(0)

    @property
    def scores(self) -> tuple[Array, ...]:
        """The values of each table, from 0 for its worst run to 1 for its best."""
        return tuple(self._normalize(table) for table in self.values)

    def _normalize(self, table: Array) -> Array:
        signed = table if self.measure.better == "higher" else -table
        length = np.ptp(signed)
        return (signed - signed.min()) / length if length else np.ones_like(signed)


def explain_too_few_tables(boards: Sequence[Leaderboard]) -> str:
    """Why methods are not compared over tables, in words; empty if they are."""
    if len(boards) < MIN_TABLES:
        return f"at least {MIN_TABLES} tables are needed, and there {'is' if len(boards) == 1 else 'are'} {len(boards)}"
    if not collect_cross_tables(boards):
        return f"no {MIN_METHODS} methods are comparable in {MIN_TABLES} tables under one measure"
    return ""


def collect_cross_tables(boards: Sequence[Leaderboard]) -> list[CrossTable]:
    """The key measures by which three methods or more can be compared in five tables or more.

    Only methods that are comparable in all tables of a measure take part.
    """
    names = dict.fromkeys(name for board in boards for name in select_key_columns(board))
    found = (_collect_cross_table(name, [b for b in boards if name in select_key_columns(b)]) for name in names)
    return [one for one in found if one]


def friedman_p_value(ranks: Array) -> float:
    """The p-value of the hypothesis that all methods are equal, from ranks [tables, methods].

    Friedman's statistic in the form of Iman and Davenport (1980), F-distributed: eq. of Demsar 2006, section 3.2.2.
    """
    from scipy.stats import f

    n, k = ranks.shape
    statistic = friedman_statistic(ranks)
    denominator = n * (k - 1) - statistic
    if denominator <= 0:
        return 0.0
    return float(f.sf((n - 1) * statistic / denominator, k - 1, (k - 1) * (n - 1)))


def friedman_statistic(ranks: Array) -> float:
    """Friedman's statistic of ranks [tables, methods], without a correction for ties, as Demsar 2006 has it."""
    n, k = ranks.shape
    return float(12 * n / (k * (k + 1)) * ((ranks.mean(0) ** 2).sum() - k * (k + 1) ** 2 / 4))


def critical_difference(methods: int, tables: int, alpha: float = ALPHA) -> float:
    """The least difference between two mean ranks that is significant by the test of Nemenyi."""
    from scipy.stats import studentized_range

    quantile = float(studentized_range.ppf(1 - alpha, methods, np.inf)) / np.sqrt(2)
    return quantile * float(np.sqrt(methods * (methods + 1) / (6 * tables)))


def find_cliques(mean_ranks: Array, difference: float) -> list[tuple[int, ...]]:
    """The largest groups of methods none of whose mean ranks differ by as much, by index, best first."""
    order = [int(i) for i in np.argsort(mean_ranks, kind="stable")]
    groups = [
        tuple(j for j in order[place:] if mean_ranks[j] - mean_ranks[i] < difference) for place, i in enumerate(order)
    ]
    return [g for g in groups if len(g) > 1 and not any(set(g) < set(other) for other in groups)]


def compute_profile(scores: Sequence[Array], thresholds: Array) -> Array:
    """The share of runs whose score is above each threshold: a mean over tables [methods, thresholds].

    The run-score distribution of Agarwal et al., NeurIPS 2021 (2108.13264), eq. 2.
    """
    shares = [(table[:, :, None] > thresholds).mean(1) for table in scores]
    return np.mean(shares, axis=0)


def bootstrap_profile(scores: Sequence[Array], thresholds: Array) -> tuple[Array, Array]:
    """The ends of the pointwise 95 % intervals of a profile, [methods, thresholds] each: runs drawn anew by table."""
    generator = np.random.default_rng(0)
    draws = np.array(
        [
            compute_profile(
                [table[:, generator.integers(0, table.shape[1], table.shape[1])] for table in scores], thresholds
            )
            for _ in range(BOOTSTRAP_DRAWS)
        ]
    )
    low, high = np.quantile(draws, (ALPHA / 2, 1 - ALPHA / 2), axis=0)
    return low, high


def _collect_cross_table(name: str, boards: Sequence[Leaderboard]) -> CrossTable | None:
    decided = [board for board in boards if name in board.decisions]
    if len(decided) < MIN_TABLES:
        return None
    rows = [{row.label: row for row in board.rows if _is_compared(row, name)} for board in decided]
    labels = [label for label in rows[0] if all(label in found for found in rows)]
    measure = decided[0].measures[name]
    if len(labels) < MIN_METHODS:
        return None
    values = [np.array([_list_values(found[label], name) for label in labels]) for found in rows]
    if measure.scale == "log" and any((table <= 0).any() for table in values):
        return None
    scaled = tuple(to_scale(measure, table) for table in values)
    return CrossTable(measure, tuple(labels), tuple(board.title for board in decided), scaled)


def _list_values(row: LeaderboardRow, name: str) -> list[float]:
    return [estimate.value for estimate in row.summaries[name].estimates.values()]


def _is_compared(row: LeaderboardRow, name: str) -> bool:
    return row.is_comparable and not row.control_of and name in row.summaries and row.summaries[name].is_complete
