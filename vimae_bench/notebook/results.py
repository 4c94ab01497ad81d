"""Results as an object that displays itself in a notebook."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..analysis.comparison import compare_methods
from ..core.errors import BenchError, suggest_similar
from ..core.margins import GivenMargin
from . import frames, html
from .benchmark_results import LoadedBenchmark, check_distinct_runs, load_benchmark
from .comparisons import Comparisons
from .plots import Plots

if TYPE_CHECKING:
    import pandas as pd

    from ..analysis.leaderboard_data import Leaderboard
    from ..engine.saved_model import LoadedModel
    from .trained_model import TrainedModel

SESSION = "this session"
"""The benchmark name of models that were trained here."""


def load(*paths: str | Path, results: str | Path = "results") -> "Results":
    """The results of benchmarks.

    Each of `paths` is a results folder, an archive of one, or a benchmark file, whose results are in a folder below
    `results`. Raises BenchError if one of them is none of these.
    """
    if not paths:
        raise BenchError("load needs a results folder or a benchmark file, such as load('results/fig1')")
    return Results(tuple(load_benchmark(Path(path), Path(results)) for path in paths))


def combine(*models: "TrainedModel") -> "Results":
    """Trained models as results: a table for each setup, in which models of one label are the seeds of a row.

    Raises BenchError if two models have the same label, seed and setup.
    """
    return _create_results([LoadedBenchmark(SESSION, tuple(model.result for model in models))])


@dataclass(frozen=True, repr=False)
class Results:
    """The results of one benchmark or several: leaderboards, data frames and figures.

    The columns of the frames are described in docs/reference/python.md.
    """

    benchmarks: tuple[LoadedBenchmark, ...]

    @cached_property
    def runs(self) -> "pd.DataFrame":
        """A row for each run, whatever its state."""
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
        """A row for each table, method and measure: mean over seeds with its interval, state."""
        return frames.build_leaderboard(self._leaderboards)

    @cached_property
    def pairs(self) -> "pd.DataFrame":
        """A row for each table, measure and pair of methods: difference with its interval, p, outcome."""
        return frames.build_pairs(self._leaderboards)

    @property
    def plot(self) -> Plots:
        """Figures of these results, such as `results.plot.intervals()`."""
        return Plots(self.benchmarks)

    @property
    def tables(self) -> list[str]:
        """The titles of the tables."""
        return [title for benchmark in self.benchmarks for title, _ in benchmark.tables]

    @property
    def methods(self) -> list[str]:
        """The labels of the methods, in the order of the runs."""
        return list(dict.fromkeys(run.result.entry.label for run in self._table_runs))

    @property
    def seeds(self) -> list[int]:
        """The seeds of the runs, sorted."""
        return sorted({run.result.entry.seed for run in self._table_runs})

    def table(self, name: str) -> "Results":
        """Only the tables whose titles contain all parts of `name`, such as `"mnist, d = 8"`.

        Raises BenchError if there is none.
        """
        parts = {part.strip() for part in name.split(",")}
        selected = list[LoadedBenchmark]()
        for benchmark in self.benchmarks:
            groups = [group for title, group in benchmark.tables if parts <= {*title.split(", ")}]
            if groups:
                selected.append(replace(benchmark, run_results=tuple(result for group in groups for result in group)))
        if not selected:
            raise BenchError(f"no table here is called '{name}'{suggest_similar(name, self.tables)}")
        return Results(tuple(selected))

    def compare(self, a: str, b: str, margins: Mapping[str, GivenMargin] | None = None) -> Comparisons:
        """Two methods compared seed by seed, with the decisions of their leaderboards.

        `margins`, such as `{"svm clean": 1, "sse": "5 %"}`, are differences that do not matter. They are those of this
        call: decisions by them stand next to the leaderboard's. Raises BenchError for a method or a measure that is not
        there, or for a margin that does not fit its measure.
        """
        for label in (a, b):
            if label not in self.methods:
                raise BenchError(f"no method here is called '{label}'{suggest_similar(label, self.methods)}")
        items = [
            comparison
            for benchmark in self.benchmarks
            if {a, b} <= benchmark.labels
            for comparison in compare_methods(benchmark.leaderboards, a, b, margins)
        ]
        if not items:
            raise BenchError(f"'{a}' and '{b}' have no table and no seed in common")
        return Comparisons(tuple(items))

    def model(self, method: str, seed: int | None = None, device: str = "cpu") -> "LoadedModel":
        """The trained model of a method from a seed, by default the first, with `encode`, `decode` and `sample`.

        Raises BenchError for a method or a seed that is not here, one that several tables have (see `table`), and a run
        whose weights are not there, as those of an archive.
        """
        from ..engine.saved_model import find_result, load_result_model

        return load_result_model(find_result([run.result for run in self._table_runs], method, seed), device)

    def append(self, *models: "TrainedModel") -> "Results":
        """These results with trained models as further rows of their tables.

        Raises BenchError for a model that was trained on other data, with another architecture, latent size or
        training than all tables, or whose label and seed are taken.
        """
        benchmarks = list(self.benchmarks)
        for model in models:
            fitting = [i for i, benchmark in enumerate(benchmarks) if benchmark.has_table_for(model.result.entry)]
            if not fitting:
                raise BenchError(f"no table here has the setup of {model!r}; train it with like=, or use it alone")
            first = benchmarks[fitting[0]]
            benchmarks[fitting[0]] = replace(first, run_results=(*first.run_results, model.result))
        return _create_results(benchmarks)

    def read_setup(self) -> dict[str, Any]:
        """What the runs of the only table share: data set, architecture, latent, training, metrics.

        Raises BenchError unless there is exactly one table.
        """
        if len(self.tables) != 1:
            remedy = f"; choose one, such as .table({self.tables[0]!r})" if self.tables else ""
            raise BenchError(f"there are {len(self.tables)} tables{remedy}")
        entry = self._table_runs[0].result.entry
        shared = {name: getattr(entry.run, name) for name in ("dataset", "architecture", "latent", "training")}
        return {**shared, "metrics": entry.metrics}

    @cached_property
    def _table_runs(self) -> list[frames.TableRun]:
        return [run for benchmark in self.benchmarks for run in benchmark.table_runs]

    @property
    def _leaderboards(self) -> "list[tuple[str, Leaderboard]]":
        return [(benchmark.name, table) for benchmark in self.benchmarks for table in benchmark.leaderboards]

    def _repr_html_(self) -> str:
        return html.format_leaderboards([leaderboard for _, leaderboard in self._leaderboards])

    def __repr__(self) -> str:
        names = ", ".join(benchmark.name for benchmark in self.benchmarks)
        done = sum(run.result.status == "done" for run in self._table_runs)
        tables = f"{n} tables" if (n := len(self.tables)) != 1 else "1 table"
        return f"Results of {names}: {tables}, {len(self.methods)} methods, {done} of {len(self._table_runs)} runs done"


def _create_results(benchmarks: Sequence[LoadedBenchmark]) -> Results:
    check_distinct_runs(benchmarks)
    return Results(tuple(benchmarks))
