"""A leaderboard as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ..core.results import Estimate, Measure
from ..core.spec import PluginSpec, Training
from ..storage.store import RunResult
from .decision import MIN_TESTED_SEEDS, MeasureDecision, MethodDecision
from .per_draw import per_draw_table
from .statements import MeasureStatement, summarize_decisions
from .statistics import Array, Interval, confidence_interval


@dataclass(frozen=True)
class MeasureSummary:
    """The estimates of a method under one measure by seed, their mean, and its 95 % interval over seeds.

    It is `is_complete` if it has every seed of the table. `decision` is None for a measure without a direction, and
    for an A/A control, which is no competitor.
    """

    estimates: Mapping[int, Estimate]
    mean: float
    is_complete: bool
    decision: MethodDecision | None = None

    @cached_property
    def interval(self) -> Interval | None:
        """Over seeds, and over draws that all of them share; None for fewer than three seeds."""
        if len(self.estimates) < MIN_TESTED_SEEDS:
            return None
        return confidence_interval([estimate.value for estimate in self.estimates.values()], self._per_draw)

    @property
    def covers(self) -> str:
        """What the interval covers, `seeds` or `seeds and draws`; empty if there is none."""
        return "" if self.interval is None else "seeds" if self._per_draw is None else "seeds and draws"

    @cached_property
    def _per_draw(self) -> Array | None:
        return per_draw_table(list(self.estimates.values()))

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval."""
        return (self.interval[1] - self.interval[0]) / 2 if self.interval else None


@dataclass(frozen=True)
class LeaderboardRow:
    """A method: results by seed and summaries by measure; `missing_seeds` are seeds that only other rows have.

    `near_collapse` says why a method that has not collapsed uses its codes far less than others; empty if it does not.
    A row that `has_other_data` was trained or measured on other arrays than most runs of the table.
    """

    label: str
    run_results: Mapping[int, RunResult]
    missing_seeds: tuple[int, ...]
    summaries: Mapping[str, MeasureSummary]
    near_collapse: str = ""
    has_other_data: bool = False

    @property
    def control_of(self) -> str:
        """The method that an A/A control repeats; empty for a method."""
        return next((result.entry.control_of for result in self.run_results.values()), "")

    @property
    def is_complete(self) -> bool:
        """Whether the runs of all seeds of the table are done."""
        return not self.missing_seeds and all(result.status == "done" for result in self.run_results.values())

    @property
    def is_comparable(self) -> bool:
        """Whether it is complete, on the data of the table, and no run has collapsed."""
        return self.is_complete and not self.collapsed_seeds and not self.has_other_data

    @property
    def exception(self) -> str:
        """Why it is no ordinary method, in a word or two, such as `collapsed`; empty for one that is."""
        if self.control_of:
            return "control"
        if self.collapsed_seeds:
            return "collapsed"
        if not self.is_complete:
            return "incomplete"
        if self.has_other_data:
            return "other data"
        return "nearly collapsed" if self.near_collapse else ""

    @cached_property
    def collapsed_seeds(self) -> tuple[int, ...]:
        """The seeds whose model ignores its data."""
        return tuple(seed for seed, result in self.run_results.items() if result.collapsed)

    def count_seeds(self, status: str) -> int:
        """The number of seeds of the table that are `done`, `diverged`, `failed` or `missing`."""
        number = sum(result.status == status for result in self.run_results.values())
        return number + len(self.missing_seeds) if status == "missing" else number


@dataclass(frozen=True)
class Leaderboard:
    """One table: comparable rows from the best mean under `rank_by`, then the others; controls after their methods.

    If it is not `is_sorted`, for too few seeds, comparable rows are in the order of the benchmark. `columns` are the
    measures to show. `decisions` has one for each of these with a direction, over all methods of the benchmark.
    `baselines` are the estimates of methods without training, by label and measure. `notes` are sentences to show below
    the table, `brief_notes` those that a first screen cannot do without: warnings, and in one line how the origins of
    runs differ.
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
    decisions: Mapping[str, MeasureDecision]
    notes: tuple[str, ...]
    brief_notes: tuple[str, ...]
    is_sorted: bool
    software_notes: tuple[str, ...] = ()
    """Those of the notes that say how runs differ in versions and machine."""

    @property
    def column_decisions(self) -> list[MeasureDecision]:
        """Those of the measures that are shown."""
        return [self.decisions[name] for name in self.columns if name in self.decisions]

    @cached_property
    def summary(self) -> list[MeasureStatement]:
        """Which methods lead under the measures that are shown, and how all stand to the baselines."""
        return summarize_decisions(self.column_decisions)
