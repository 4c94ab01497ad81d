"""Compare results from anywhere: a results folder, now or at a git revision, a benchmark file, an MLflow experiment."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..core.errors import BenchError, InvalidFileError, Problem, ResultsError, suggest_similar
from ..core.margins import GivenMargin
from ..storage.archive import find_results
from ..storage.cache_folder import expand_home
from ..storage.store import ResultsFolder
from .load import load_benchmark_results

if TYPE_CHECKING:
    from ..storage.store import RunResult
    from .comparison_data import Comparison
    from .leaderboard_data import Leaderboard

EXPERIMENT_PREFIX = "mlflow:"

ImportExperiment = Callable[[str, ResultsFolder], Sequence[str]]
"""Copies the runs of an MLflow experiment into an empty results folder; returns sentences on what was left out."""


@dataclass(frozen=True)
class ComparisonSource:
    """The run results of one source, under the name that the user gave.

    `rank_by`, `columns` and `margins` are those of its benchmark; `notes` say what was left out.
    """

    name: str
    run_results: "Sequence[RunResult]"
    rank_by: str = ""
    columns: tuple[str, ...] = ()
    margins: Mapping[str, GivenMargin] = field(default_factory=dict[str, GivenMargin])
    notes: tuple[str, ...] = ()

    def build_leaderboards(self) -> "list[Leaderboard]":
        """The leaderboards of the source, without baselines."""
        from .leaderboard import build_leaderboards

        return build_leaderboards(self.run_results, (), self.rank_by, self.columns, margins=self.margins)


@dataclass(frozen=True)
class SourceComparison:
    """A table for each comparison, and sentences on what was left out of all of them."""

    tables: "Sequence[Comparison]"
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SourceLoader:
    """Loads sources by name; `results` is the folder in which the results of benchmark files are."""

    results: Path
    import_experiment: ImportExperiment

    def load(self, name: str) -> ComparisonSource:
        """A results folder or archive, a benchmark file, `PATH@REVISION` or `mlflow:EXPERIMENT`.

        A name that is an existing path is read as a path. Raises BenchError for a name that is none of these.
        """
        if name.startswith(EXPERIMENT_PREFIX):
            return self._load_experiment(name)
        if find_results(path := expand_home(Path(name))).exists():
            return self._load_path(name, path)
        if "@" in name:
            return self._load_revision(name)
        raise BenchError(
            f"{name}: is not a results folder, benchmark file, PATH@REVISION or mlflow:EXPERIMENT"
            f"{_suggest_source(name, self.results)}"
        )

    def load_all(self, names: Sequence[str]) -> list[ComparisonSource]:
        """Several sources. Raises BenchError if one cannot be loaded, InvalidFileError if several cannot."""
        loaded, errors = list[ComparisonSource](), list[BenchError]()
        for name in names:
            try:
                loaded.append(self.load(name))
            except BenchError as error:
                errors.append(error)
        if len(errors) > 1:
            raise InvalidFileError("", [Problem("", str(error)) for error in errors])
        for error in errors:
            raise error
        return loaded

    def _load_path(self, name: str, path: Path) -> ComparisonSource:
        loaded = load_benchmark_results(path, self.results)
        return ComparisonSource(name, loaded.run_results, loaded.rank_by, loaded.columns, loaded.margins)

    def _load_revision(self, name: str) -> ComparisonSource:
        from ..storage.git_revision import export_revision, find_revision

        revision = find_revision(name)
        with TemporaryDirectory(prefix="vimae-bench-") as folder:
            return self._load_temporary(name, export_revision(revision, Path(folder)))

    def _load_experiment(self, name: str) -> ComparisonSource:
        with TemporaryDirectory(prefix="vimae-bench-") as folder:
            notes = self.import_experiment(name.removeprefix(EXPERIMENT_PREFIX), ResultsFolder(Path(folder)))
            return replace(self._load_temporary(name, Path(folder)), notes=tuple(notes))

    def _load_temporary(self, name: str, folder: Path) -> ComparisonSource:
        """A source in a temporary folder; paths and messages show the source's name in place of the folder."""
        try:
            source = self._load_path(name, folder)
        except ResultsError as error:
            raise ResultsError(str(error).replace(str(folder), name)) from error
        run_results = [
            replace(
                result,
                folder=Path(name) / result.folder.relative_to(folder),
                reason=result.reason.replace(str(folder), name),
            )
            for result in source.run_results
        ]
        return replace(source, run_results=run_results)


def compare_sources(loader: SourceLoader, a: str, b: str, margins: Mapping[str, GivenMargin]) -> SourceComparison:
    """Compare each method that sources `a` and `b` share, with `margins` of this call.

    Columns and margins of the benchmark are those of `a`, or of `b` for what `a` does not say. Raises BenchError if a
    source cannot be loaded or they share no method.
    """
    from .comparison import compare_results, describe_unmatched

    one, other = loader.load_all([a, b])
    names, columns = (one.name, other.name), one.columns or other.columns
    own = {**other.margins, **one.margins}
    tables = compare_results(one.run_results, other.run_results, names, columns, own, margins)
    notes = (
        *one.notes,
        *other.notes,
        *_note_different_margins(one, other),
        *describe_unmatched(one.run_results, other.run_results),
    )
    if not tables:
        raise BenchError("\n".join(["A and B have no method in common on the same data", *notes]))
    return SourceComparison(tables, notes)


def compare_methods_in_source(
    loader: SourceLoader, name: str, a: str, b: str, margins: Mapping[str, GivenMargin]
) -> SourceComparison:
    """Compare methods `a` and `b` of one source, with `margins` of this call.

    Raises BenchError if the source cannot be loaded or the methods have no seed in common.
    """
    from .comparison import compare_methods

    source = loader.load(name)
    tables = compare_methods(source.build_leaderboards(), a, b, margins)
    if not tables:
        raise BenchError(f"{name}: '{a}' and '{b}' have no common seed on one data set with one architecture")
    return SourceComparison(tables, source.notes)


def _note_different_margins(a: ComparisonSource, b: ComparisonSource) -> Iterator[str]:
    names = [name for name, margin in a.margins.items() if b.margins.get(name, margin) != margin]
    if names:
        yield f"A and B have different margins for {', '.join(names)}: those of A are used."


def _suggest_source(name: str, results: Path) -> str:
    parent = Path(name).parent
    folders = [path.parent for place in {parent, results} for path in place.glob("*/benchmark.json")]
    files = list(parent.glob("*.toml")) if name.endswith(".toml") else []
    return suggest_similar(name, [str(path) for path in (*folders, *files)])
