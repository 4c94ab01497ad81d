"""A leaderboard's table as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ..core.results import Estimate, Measure
from ..core.spec import PluginSpec, Training
from ..storage.store import RunResult
from .per_draw import per_draw_table
from .ranking import SharedRank
from .statistics import Interval, confidence_interval


@dataclass(frozen=True)
class MeasureSummary:
    """What a method reaches under one measure: an estimate for each seed, their mean, its 95 % interval over seeds.

    It is `complete` if every seed of the table is in it. Without a place it is shown, not ranked.
    """

    estimates: Mapping[int, Estimate]
    mean: float
    complete: bool
    shared_rank: SharedRank | None = None

    @cached_property
    def interval(self) -> Interval | None:
        """Found when it is asked for: a table shows some of what is measured, and a bootstrap takes a millisecond."""
        found = list(self.estimates.values())
        return confidence_interval([estimate.value for estimate in found], per_draw_table(found))

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval."""
        return (self.interval[1] - self.interval[0]) / 2 if self.interval else None


@dataclass(frozen=True)
class LeaderboardRow:
    """A method: its results by seed, its summaries by measure; `missing_seeds` are seeds that only other rows have."""

    label: str
    run_results: Mapping[int, RunResult]
    missing_seeds: tuple[int, ...]
    summaries: Mapping[str, MeasureSummary]

    @property
    def complete(self) -> bool:
        """Whether every seed of the table is done."""
        return not self.missing_seeds and all(result.status == "done" for result in self.run_results.values())

    @property
    def collapsed_seeds(self) -> tuple[int, ...]:
        """The seeds whose model ignores its data."""
        return tuple(seed for seed, result in self.run_results.items() if result.collapsed)

    def count(self, status: str) -> int:
        """How many seeds of the table are `done`, `diverged`, `failed` or `missing`; absent ones are missing."""
        found = sum(result.status == status for result in self.run_results.values())
        return found + len(self.missing_seeds) if status == "missing" else found


@dataclass(frozen=True)
class Leaderboard:
    """One table: complete rows in the order of `rank_by`, then incomplete ones.

    `columns` are the measures to be shown; those of them with a direction were tested, as one family of `comparisons`.
    `references` are methods without training, by label and measure. `notes` are sentences that belong below the table.
    """

    title: str
    dataset: PluginSpec
    architecture: PluginSpec
    latent: int
    training: Training
    seeds: tuple[int, ...]
    measures: Mapping[str, Measure]
    columns: tuple[str, ...]
    rank_by: str | None
    rows: tuple[LeaderboardRow, ...]
    references: Mapping[str, Mapping[str, Estimate]]
    test: str
    comparisons: int
    notes: tuple[str, ...]
