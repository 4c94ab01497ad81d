"""What may stand on a side of a comparison: a results folder now or at a revision, a benchmark file, an experiment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..analysis.load import load_benchmark_results
from ..core.errors import BenchError, InvalidFileError, Problem, ResultsError, suggest_similar
from ..storage.archive import find_results

if TYPE_CHECKING:
    from ..storage.store import RunResult

EXPERIMENT = "mlflow:"


@dataclass(frozen=True)
class ComparisonSource:
    """What came of the runs of one side, under the name the user gave it.

    `columns` are the measures to be compared, where the benchmark names some; `notes` say what was left out.
    """

    name: str
    run_results: "Sequence[RunResult]"
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceLocations:
    """Where to look: the folder that holds results, and MLflow's store (empty: the one in that folder)."""

    results: Path
    mlflow: str = ""


def sides(names: Sequence[str], places: SourceLocations) -> list[ComparisonSource]:
    """The sides of these names. Raises BenchError for a name that is none, Problems if there are several."""
    found, errors = list[ComparisonSource](), list[BenchError]()
    for name in names:
        try:
            found.append(side(name, places))
        except BenchError as error:
            errors.append(error)
    if len(errors) > 1:
        raise InvalidFileError("", [Problem("", str(error)) for error in errors])
    for error in errors:
        raise error
    return found


def side(name: str, places: SourceLocations) -> ComparisonSource:
    """A results folder, a benchmark file, `PATH@REVISION` or `mlflow:EXPERIMENT`.

    A path that is there is taken as it stands, whatever is in its name. Raises BenchError for what is none of these.
    """
    if name.startswith(EXPERIMENT):
        return _experiment(name, places)
    if find_results(Path(name)).exists():
        return _side(name, Path(name), places.results)
    if "@" in name:
        return _revision(name)
    hint = _near(name, places.results)
    raise BenchError(f"{name}: is not a results folder, benchmark file, PATH@REVISION or mlflow:EXPERIMENT{hint}")


def _side(name: str, path: Path, results: Path) -> ComparisonSource:
    found = load_benchmark_results(path, results)
    return ComparisonSource(name, found.run_results, found.columns)


def _revision(name: str) -> ComparisonSource:
    from ..storage.git_revision import export_revision, find_revision

    revision = find_revision(name)
    with TemporaryDirectory(prefix="vimae-bench-") as folder:
        return _borrowed(name, export_revision(revision, Path(folder)))


def _experiment(name: str, places: SourceLocations) -> ComparisonSource:
    from ..storage.store import ResultsFolder
    from ..tracking.import_runs import import_runs

    with TemporaryDirectory(prefix="vimae-bench-") as folder:
        notes = import_runs(name.removeprefix(EXPERIMENT), places.mlflow, places.results, ResultsFolder(Path(folder)))
        return replace(_borrowed(name, Path(folder)), notes=tuple(notes))


def _borrowed(name: str, folder: Path) -> ComparisonSource:
    """A side read from a folder that will be gone: whatever names it names the side instead."""
    try:
        read = _side(name, folder, folder.parent)
    except ResultsError as error:
        raise ResultsError(str(error).replace(str(folder), name)) from error
    run_results = [
        replace(o, folder=Path(name) / o.folder.relative_to(folder), reason=o.reason.replace(str(folder), name))
        for o in read.run_results
    ]
    return replace(read, run_results=run_results)


def _near(name: str, results: Path) -> str:
    """The nearest thing that is there."""
    parent = Path(name).parent
    folders = [path.parent for place in {parent, results} for path in place.glob("*/benchmark.json")]
    files = list(parent.glob("*.toml")) if name.endswith(".toml") else []
    return suggest_similar(name, [str(path) for path in (*folders, *files)])
