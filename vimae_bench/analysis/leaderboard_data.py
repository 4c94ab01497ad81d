"""A leaderboard as plain data."""

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
    """The estimates of a method under one measure by seed, their mean, and its 95 % interval over seeds.

    It is `is_complete` if it has every seed of the table. Without a `shared_rank` it is shown but not ranked.
    """

    estimates: Mapping[int, Estimate]
    mean: float
    is_complete: bool
    shared_rank: SharedRank | None = None

    @cached_property
    def interval(self) -> Interval | None:
        """Computed on first use: a table shows only some measures, and a bootstrap takes a millisecond."""
        estimates = list(self.estimates.values())
        return confidence_interval([estimate.value for estimate in estimates], per_draw_table(estimates))

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval."""
        return (self.interval[1] - self.interval[0]) / 2 if self.interval else None


@dataclass(frozen=True)
class LeaderboardRow:
    """A method: results by seed and summaries by measure; `missing_seeds` are seeds that only other rows have."""

    label: str
    run_results: Mapping[int, RunResult]
    missing_seeds: tuple[int, ...]
    summaries: Mapping[str, MeasureSummary]

    @property
    def is_complete(self) -> bool:
        """Whether the runs of all seeds of the table are done."""
        return not self.missing_seeds and all(result.status == "done" for result in self.run_results.values())

    @property
    def collapsed_seeds(self) -> tuple[int, ...]:
        """The seeds whose model ignores its data."""
        return tuple(seed for seed, result in self.run_results.items() if result.collapsed)

    def count_seeds(self, status: str) -> int:
        """The number of seeds of the table that are `done`, `diverged`, `failed` or `missing`."""
        number = sum(result.status == status for result in self.run_results.values())
        return number + len(self.missing_seeds) if status == "missing" else number


@dataclass(frozen=True)
class Leaderboard:
    """The ranking of one table: complete rows sorted by `rank_by`, then incomplete ones.

    `columns` are the measures to show; those with a direction were tested, as one family of `comparisons` tests.
    `baselines` are the estimates of methods without training, by label and measure. `notes` are sentences to show below
    the table.
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
    baselines: Mapping[str, Mapping[str, Estimate]]
    test: str
    comparisons: int
    notes: tuple[str, ...]
