"""Results as an object that shows itself in a notebook."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..analysis.comparison import compare_methods
from ..core.errors import BenchError, suggest_similar
from . import frames, html
from .benchmark_results import LoadedBenchmark, check_distinct_runs, read_loaded_benchmark
from .comparisons import Comparisons
from .plots import Plots

if TYPE_CHECKING:
    import pandas as pd

    from .trained_model import TrainedModel

SESSION = "this session"
"""The benchmark of what was trained here."""


def load(*paths: str | Path, results: str | Path = "results") -> "Results":
    """The results in these folders; a benchmark file stands for its folder below `results`.

    Raises BenchError for what is neither.
    """
    if not paths:
        raise BenchError("load needs a results folder or a benchmark file, such as load('results/fig1')")
    return Results(tuple(read_loaded_benchmark(Path(path), Path(results)) for path in paths))


def combine(*trained: "TrainedModel") -> "Results":
    """What was trained here as results: a table for all that was trained alike. Seeds make up a row by its label."""
    return _create_results([LoadedBenchmark(SESSION, tuple(one.result for one in trained))])


@dataclass(frozen=True, repr=False)
class Results:
    """Finished runs of one benchmark or of several: leaderboards to look at, frames to work with, figures.

    The columns of the frames are described in docs/reference/python.md.
    """

    benchmarks: tuple[LoadedBenchmark, ...]

    @cached_property
    def runs(self) -> "pd.DataFrame":
        """A row for each run, whatever became of it."""
        return frames.build_runs(self._table_runs)

    @cached_property
    def measures(self) -> "pd.DataFrame":
        """A row for each run and measure: value, standard error within the model, n."""
        return frames.build_measures(self._table_runs)

    @cached_property
    def curves(self) -> "pd.DataFrame":
        """A row for each run, epoch and term of its loss."""
        return frames.build_curves(self._table_runs)

    @cached_property
    def leaderboard(self) -> "pd.DataFrame":
        """A row for each table, method and measure: mean over seeds with its interval, rank, letters."""
        return frames.build_leaderboard(
            [(bench.name, leaderboard) for bench in self.benchmarks for leaderboard in bench.leaderboards]
        )

    @property
    def plot(self) -> Plots:
        """Figures of these results, such as `results.plot.intervals()`."""
        return Plots(self.benchmarks)

    @property
    def tables(self) -> list[str]:
        """The titles of the tables."""
        return [name for bench in self.benchmarks for name, _ in bench.tables]

    @property
    def methods(self) -> list[str]:
        """The labels of the methods, in the order of the runs."""
        return list(dict.fromkeys(placed.result.entry.label for placed in self._table_runs))

    @property
    def seeds(self) -> list[int]:
        """The seeds of the runs, in order."""
        return sorted({placed.result.entry.seed for placed in self._table_runs})

    def table(self, name: str) -> "Results":
        """The tables alone whose titles hold all of these parts, such as `"mnist, d = 8"`.

        Raises BenchError where there is none.
        """
        wanted = {part.strip() for part in name.split(",")}
        kept = [(b, [o for t, group in b.tables if wanted <= {*t.split(", ")} for o in group]) for b in self.benchmarks]
        if not any(run_results for _, run_results in kept):
            raise BenchError(f"no table here is called '{name}'{suggest_similar(name, self.tables)}")
        return Results(
            tuple(replace(bench, run_results=tuple(run_results)) for bench, run_results in kept if run_results)
        )

    def compare(self, a: str, b: str, margin: Mapping[str, float] | None = None) -> Comparisons:
        """Two methods seed by seed; differences shown to be within a measure's margin are called equivalent.

        Raises BenchError for a method or a margin's measure that is not there.
        """
        for label in (a, b):
            if label not in self.methods:
                raise BenchError(f"no method here is called '{label}'{suggest_similar(label, self.methods)}")
        both = [bench for bench in self.benchmarks if {a, b} <= bench.labels]
        found = [one for bench in both for one in compare_methods(bench.run_results, a, b, bench.columns, margin)]
        if not found:
            raise BenchError(f"'{a}' and '{b}' have no table and no seed in common")
        return Comparisons(tuple(found))

    def append(self, *trained: "TrainedModel") -> "Results":
        """These results with what was trained here as further rows of their tables, compared like any other.

        Raises BenchError for what was trained on other data, with another architecture or in another way.
        """
        benches = list(self.benchmarks)
        for one in trained:
            places = [place for place, bench in enumerate(benches) if bench.has_table_for(one.result.entry)]
            if not places:
                raise BenchError(f"no table here was trained as {one!r}; train it with like=, or look at it alone")
            benches[places[0]] = replace(benches[places[0]], run_results=(*benches[places[0]].run_results, one.result))
        return _create_results(benches)

    def read_setup(self) -> dict[str, Any]:
        """What the runs of the only table share: data set, architecture, latent, training, metrics.

        Raises BenchError where there are several tables.
        """
        if len(self.tables) != 1:
            remedy = f"; choose one, such as .table({self.tables[0]!r})" if self.tables else ""
            raise BenchError(f"there are {len(self.tables)} tables{remedy}")
        entry = self._table_runs[0].result.entry
        shared = {name: getattr(entry.run, name) for name in ("dataset", "architecture", "latent", "training")}
        return {**shared, "metrics": entry.metrics}

    @cached_property
    def _table_runs(self) -> list[frames.TableRun]:
        return [placed for bench in self.benchmarks for placed in bench.table_runs]

    def _repr_html_(self) -> str:
        return html.format_leaderboards(
            [leaderboard for bench in self.benchmarks for leaderboard in bench.leaderboards]
        )

    def __repr__(self) -> str:
        names = ", ".join(bench.name for bench in self.benchmarks)
        done = sum(placed.result.status == "done" for placed in self._table_runs)
        tables = f"{n} tables" if (n := len(self.tables)) != 1 else "1 table"
        return f"Results of {names}: {tables}, {len(self.methods)} methods, {done} of {len(self._table_runs)} runs done"


def _create_results(benches: Sequence[LoadedBenchmark]) -> Results:
    check_distinct_runs(benches)
    return Results(tuple(benches))
