"""Shared ranks: methods that are not shown to differ share a rank."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..core.results import Measure
from .statistics import ALPHA, MIN_BOOTSTRAP, Array, letter_display, rank_intervals, run_paired_tests


@dataclass(frozen=True)
class RankedMeasure:
    """The values [methods, seeds] of one measure with a direction."""

    measure: Measure
    labels: tuple[str, ...]
    values: Array


@dataclass(frozen=True)
class SharedRank:
    """The rank of a method under one measure: one more than the number of methods shown to be better.

    Two methods share one of their `letters` if and only if they are not shown to differ. `interval` is a bootstrap
    interval of the rank by means, None with fewer than ten seeds, where it would cover less than 95 %.
    """

    rank: int
    letters: str
    interval: tuple[int, int] | None

    @property
    def is_best(self) -> bool:
        """Whether no method is shown to be better."""
        return self.rank == 1


@dataclass(frozen=True)
class Ranking:
    """The ranks by measure and label, and the test behind them; without a test there are no ranks."""

    ranks: Mapping[str, Mapping[str, SharedRank]]
    test: str = ""
    comparisons: int = 0


def rank_methods(columns: Sequence[RankedMeasure]) -> Ranking:
    """Compare all pairs of methods under all measures, over the same seeds, as one family of tests."""
    columns = [c for c in columns if min(c.values.shape) > 1]
    pairs = [c.values[i] - c.values[j] for c in columns for i, j in combinations(range(len(c.labels)), 2)]
    if not pairs:
        return Ranking({})
    family = run_paired_tests(np.stack(pairs), enough=ALPHA)
    ends = np.cumsum([len(c.labels) * (len(c.labels) - 1) // 2 for c in columns])
    ranks = {c.measure.name: _rank_measure(c, p) for c, p in zip(columns, np.split(family.p, ends[:-1]), strict=True)}
    return Ranking(ranks, family.test, len(pairs))


def _rank_measure(column: RankedMeasure, p: Array) -> dict[str, SharedRank]:
    """The ranks under one measure, from the adjusted p-values of its pairs in the order of `combinations`."""
    cost = column.values if column.measure.better == "lower" else -column.values
    order = np.argsort(cost.mean(1), kind="stable")
    different = np.zeros((len(order), len(order)), dtype=bool)
    different[np.triu_indices(len(order), 1)] = p < ALPHA
    different = (different | different.T)[np.ix_(order, order)]
    ranks = 1 + np.triu(different).sum(0)  # methods are sorted, so earlier ones have the better mean
    intervals = rank_intervals(cost[order]) if cost.shape[1] >= MIN_BOOTSTRAP else [None] * len(order)
    rows = zip(order, ranks, letter_display(different), intervals, strict=True)
    return {column.labels[i]: SharedRank(int(r), letters, interval) for i, r, letters, interval in rows}
