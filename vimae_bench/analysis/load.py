"""Load the results of a benchmark from its file, its results folder or an archive."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import BenchError, InvalidFileError, Problem
from ..core.margins import GivenMargin
from ..core.spec import MatrixEntry
from ..storage.archive import find_results
from ..storage.store import ResultsFolder

if TYPE_CHECKING:
    from ..storage.store import RunResult
    from .leaderboard_data import Leaderboard


@dataclass(frozen=True)
class BenchmarkResults:
    """The results of a benchmark's entries, and how its leaderboards are to be shown.

    `rank_by`, `columns`, `provenance`, `margins`, `labels` and `sort_by` are those of `build_leaderboards`. Files are
    read on first use.
    """

    store: ResultsFolder
    entries: Sequence[MatrixEntry]
    rank_by: str = ""
    columns: tuple[str, ...] = ()
    provenance: str = ""
    margins: Mapping[str, GivenMargin] = field(default_factory=dict[str, GivenMargin])
    labels: tuple[str, ...] = ()
    sort_by: str = ""

    @cached_property
    def run_results(self) -> "list[RunResult]":
        """The result of each entry, in their order. Read once."""
        return self.store.load_results(self.entries)

    @cached_property
    def leaderboards(self) -> "list[Leaderboard]":
        """The leaderboards, one for each table. Computed once."""
        from .leaderboard import build_leaderboards

        baselines = self.store.load_baselines(self.entries)
        shown = (self.rank_by, self.columns, self.provenance, self.margins, self.labels, self.sort_by)
        return build_leaderboards(self.run_results, baselines, *shown)


_shared = dict[Path, BenchmarkResults]()


@contextmanager
def share_results(found: BenchmarkResults) -> Generator[None]:
    """Until this ends, `load_benchmark_results` of their folder gives these results, and does not read them again."""
    _shared[found.store.path] = found
    try:
        yield
    finally:
        del _shared[found.store.path]


def load_benchmark_results(file: Path, results: Path, overrides: tuple[str, ...] = ()) -> BenchmarkResults:
    """The results of a benchmark.

    `file` is a results folder, an archive of one, or a benchmark file whose results are in a folder below `results`;
    `overrides` change settings of a benchmark file, as in "training.epochs=5", and of a folder those of the leaderboard
    alone. Raises BenchError if it cannot be read.
    """
    if (folder := find_results(file)).is_dir():
        if shared := _shared.get(folder):
            return shared
        store = ResultsFolder(folder)
        saved = store.read_benchmark()
        options = saved.leaderboard
        if overrides:
            from ..config.benchmark import override_leaderboard

            options = override_leaderboard(dict(options), overrides, file)
        columns, margins = tuple(options.get("columns", ())), options.get("margins", {})
        shown = (options.get("rank_by", ""), columns, options.get("provenance", ""), margins)
        return BenchmarkResults(store, saved.entries, *shown)
    from ..config.matrix import read_matrix

    benchmark, entries = read_matrix(file, overrides)
    store = ResultsFolder(find_results(results / benchmark.name))
    return BenchmarkResults(store, entries, **asdict(benchmark.leaderboard))


def load_all_benchmark_results(sources: Sequence[Path], results: Path) -> list[BenchmarkResults]:
    """The results of several benchmarks, run results included. Raises InvalidFileError with all that cannot be read."""
    loaded, problems = list[BenchmarkResults](), list[Problem]()
    for source in sources:
        try:
            benchmark_results = load_benchmark_results(source, results)
            _ = benchmark_results.run_results
            loaded.append(benchmark_results)
        except BenchError as error:
            problems += [Problem("", line) for line in str(error).splitlines()]
    if problems:
        raise InvalidFileError("", problems)
    return loaded
