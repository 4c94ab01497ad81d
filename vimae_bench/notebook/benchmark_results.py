"""What came of one benchmark, read from its folder or gathered from what was trained here."""

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
from ..storage.store import Baselines, RunResult
from .frames import TableRun


@dataclass(frozen=True)
class LoadedBenchmark:
    """The results of one benchmark's runs.

    `display` holds the remaining arguments of `build_leaderboards`: how its tables are shown.
    """

    name: str
    run_results: tuple[RunResult, ...]
    references: tuple[Baselines, ...] = ()
    display: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @cached_property
    def leaderboards(self) -> list[Leaderboard]:
        """A leaderboard for each table."""
        return build_leaderboards(self.run_results, self.references, **self.display)

    @cached_property
    def tables(self) -> list[tuple[str, list[RunResult]]]:
        """The outcomes of each table, with its title, in the order of the leaderboards."""
        groups = list(group_by_table(self.run_results).values())
        runs = [group[0].entry.table_run for group in groups]
        return [(format_table_title(run, runs), group) for run, group in zip(runs, groups, strict=True)]

    @property
    def table_runs(self) -> list[TableRun]:
        """The outcomes with the tables they stand in."""
        return [TableRun(self.name, table, result) for table, group in self.tables for result in group]

    @property
    def columns(self) -> tuple[str, ...]:
        """The measures shown; none: all."""
        return self.display.get("columns", ())

    @property
    def labels(self) -> set[str]:
        """The labels of the methods."""
        return {result.entry.label for result in self.run_results}

    def has_table_for(self, entry: MatrixEntry) -> bool:
        """Whether some table was trained as this entry was."""
        return _get_table_key(entry) in {_get_table_key(result.entry) for result in self.run_results}


def read_loaded_benchmark(path: Path, results: Path) -> LoadedBenchmark:
    """What is in a results folder, or in that of a benchmark file. Raises BenchError for what is neither."""
    if not find_results(path).exists():
        raise BenchError(f"{path}: there is no such folder or file{suggest_similar(path.name, _list_candidates(path))}")
    found = load_benchmark_results(path, results)
    run_results, references = found.store.load_results(found.entries), found.store.load_baselines(found.entries)
    shown = {f.name: getattr(found, f.name) for f in fields(found) if f.name not in ("store", "entries")}
    return LoadedBenchmark(found.store.name, tuple(run_results), tuple(references), shown)


def check_distinct_runs(benches: Sequence[LoadedBenchmark]) -> None:
    """Raises BenchError where two runs would be one entry of a table."""
    for bench in benches:
        seen = set[object]()
        for entry in (result.entry for result in bench.run_results):
            if (one := (*_get_table_key(entry), entry.label, entry.seed)) in seen:
                raise BenchError(
                    f"two runs are called '{entry.label}' and come from seed {entry.seed}; label one otherwise"
                )
            seen.add(one)


def _get_table_key(entry: MatrixEntry) -> tuple[object, ...]:
    run = entry.run
    return run.dataset.key, run.architecture.key, run.latent, run.training


def _list_candidates(path: Path) -> list[str]:
    """What may have been meant: results folders and benchmark files beside it."""
    if not path.parent.is_dir():
        return []
    return [p.name for p in path.parent.iterdir() if p.suffix == ".toml" or (p / "benchmark.json").exists()]
