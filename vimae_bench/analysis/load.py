"""Finished runs, from a benchmark file or from its results folder."""

import contextlib
import gc
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import BenchError, InvalidFileError, Problem
from ..core.spec import MatrixEntry
from ..storage.archive import find_results
from ..storage.store import ResultsFolder

if TYPE_CHECKING:
    from ..storage.store import RunResult
    from .leaderboard_data import Leaderboard


@dataclass(frozen=True)
class BenchmarkResults:
    """A benchmark's store with the entries that are asked about and the way they are shown."""

    store: ResultsFolder
    entries: Sequence[MatrixEntry]
    rank_by: str = ""
    columns: tuple[str, ...] = ()
    provenance: str = ""

    @cached_property
    def run_results(self) -> "list[RunResult]":
        """What came of each entry, read once."""
        with _keeping_all():
            return self.store.load_results(self.entries)

    @cached_property
    def leaderboards(self) -> "list[Leaderboard]":
        """The leaderboards, read and worked out once: a text and figures are made of them."""
        from .leaderboard import build_leaderboards

        with _keeping_all():
            references = self.store.load_baselines(self.entries)
            return build_leaderboards(self.run_results, references, self.rank_by, self.columns, self.provenance)


@contextlib.contextmanager
def _keeping_all() -> Generator[None]:
    """No garbage is looked for meanwhile, nor later among what was made: of millions of objects all are kept."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def load_benchmark_results(file: Path, results: Path, overrides: tuple[str, ...] = ()) -> BenchmarkResults:
    """What a benchmark file is about, or a results folder or an archive of one in its place."""
    if (folder := find_results(file)).is_dir():
        store = ResultsFolder(folder)
        with _keeping_all():
            kept = store.read_benchmark()
        shown = kept.leaderboard
        columns = tuple(shown.get("columns", ()))
        return BenchmarkResults(store, kept.entries, shown.get("rank_by", ""), columns, shown.get("provenance", ""))
    from ..config.matrix import read_matrix

    benchmark, entries = read_matrix(file, overrides)
    return BenchmarkResults(
        ResultsFolder(find_results(results / benchmark.name)), entries, **asdict(benchmark.leaderboard)
    )


def load_all_benchmark_results(sources: Sequence[Path], results: Path) -> list[BenchmarkResults]:
    """What several benchmark files or results folders are about. Raises Problems with all that cannot be read."""
    found, problems = list[BenchmarkResults](), list[Problem]()
    for source in sources:
        try:
            one = load_benchmark_results(source, results)
            _ = one.run_results
            found.append(one)
        except BenchError as error:
            problems += [Problem("", line) for line in str(error).splitlines()]
    if problems:
        raise InvalidFileError("", problems)
    return found
