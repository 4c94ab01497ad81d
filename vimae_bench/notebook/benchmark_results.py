"""The results of one benchmark, loaded from its folder or combined from models that were trained here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from ..analysis.leaderboard import build_leaderboards, format_table_title, group_by_table
from ..analysis.leaderboard_data import Leaderboard
from ..analysis.load import load_benchmark_results
from ..core.errors import BenchError, suggest_similar
from ..core.spec import MatrixEntry
from ..storage.archive import find_results
from ..storage.cache_folder import expand_home
from ..storage.store import Baselines, RunResult
from .frames import TableRun


@dataclass(frozen=True)
class LoadedBenchmark:
    """The results of one benchmark's runs.

    `display` holds the remaining arguments of `build_leaderboards`: how its tables are shown.
    """

    name: str
    run_results: tuple[RunResult, ...]
    baselines: tuple[Baselines, ...] = ()
    display: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @cached_property
    def leaderboards(self) -> list[Leaderboard]:
        """A leaderboard for each table."""
        return build_leaderboards(self.run_results, self.baselines, **self.display)

    @cached_property
    def tables(self) -> list[tuple[str, list[RunResult]]]:
        """The title and the results of each table, in the order of the leaderboards."""
        groups = list(group_by_table(self.run_results).values())
        runs = [group[0].entry.table_run for group in groups]
        return [(format_table_title(run, runs), group) for run, group in zip(runs, groups, strict=True)]

    @property
    def table_runs(self) -> list[TableRun]:
        """The results with the tables they belong to."""
        return [TableRun(self.name, title, result) for title, group in self.tables for result in group]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the measures shown; empty: all."""
        return self.display.get("columns", ())

    @property
    def labels(self) -> set[str]:
        """The labels of the methods."""
        return {result.entry.label for result in self.run_results}

    def has_table_for(self, entry: MatrixEntry) -> bool:
        """Whether some table has the data set, architecture, latent size and training of this entry."""
        return _get_table_key(entry) in {_get_table_key(result.entry) for result in self.run_results}


def load_benchmark(path: Path, results: Path) -> LoadedBenchmark:
    """A results folder, an archive of one, or the folder below `results` of a benchmark file.

    Raises BenchError if `path` is none of these.
    """
    path, results = expand_home(path), expand_home(results)
    if not find_results(path).exists():
        raise BenchError(f"{path}: there is no such folder or file{suggest_similar(path.name, _list_candidates(path))}")
    found = load_benchmark_results(path, results)
    baselines = found.store.load_baselines(found.entries)
    display = {f.name: getattr(found, f.name) for f in fields(found) if f.name not in ("store", "entries")}
    return LoadedBenchmark(found.store.name, tuple(found.run_results), tuple(baselines), display)


def check_distinct_runs(benchmarks: Sequence[LoadedBenchmark]) -> None:
    """Raises BenchError if two runs have the same label and seed in one table."""
    for benchmark in benchmarks:
        seen = set[object]()
        for entry in (result.entry for result in benchmark.run_results):
            if (key := (*_get_table_key(entry), entry.label, entry.seed)) in seen:
                raise BenchError(
                    f"two runs have the label '{entry.label}' and seed {entry.seed}; give one of them another label"
                )
            seen.add(key)


def _get_table_key(entry: MatrixEntry) -> tuple[object, ...]:
    run = entry.run
    return run.dataset.key, run.architecture.key, run.latent, run.training


def _list_candidates(path: Path) -> list[str]:
    """The names of results folders and benchmark files in the same folder, one of which may be meant."""
    if not path.parent.is_dir():
        return []
    return [p.name for p in path.parent.iterdir() if p.suffix == ".toml" or (p / "benchmark.json").exists()]
