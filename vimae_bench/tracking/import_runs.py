"""Imports an experiment from MLflow into a results folder, so that it is read as any other."""

import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ..analysis.footnotes import format_count
from ..core.errors import BenchError, suggest_similar
from ..core.secrets import mask_secrets, show_address
from ..core.spec import CHANGED_SETTINGS, MatrixEntry, SpecReader
from ..storage.atomic import parse_json_object
from ..storage.plain_files import get_size_limit
from ..storage.store import ResultsFolder
from .names import ENTRY_FILE, KIND, RUN_KEY
from .own_store import check_own_database, check_run_location
from .store import connect_client, default_store_uri, list_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

THREADS = 8
"""Runs whose files are downloaded at the same time: over a network most of it is waiting."""


def import_runs(experiment: str, uri: str, results: Path, store: ResultsFolder) -> list[str]:
    """Write to `store` what MLflow has of the runs of an experiment; returns sentences about what was left out.

    `uri` is that of MLflow's store (empty: `default_store_uri(results)`). Of several runs of one entry of the
    matrix the one begun last is taken. Raises BenchError where there is no such store or experiment, none of its runs
    were mirrored by `vimae-bench`, or they cannot be read.
    """
    where = uri or default_store_uri(results)
    _check_store_exists(where)
    is_own = where == default_store_uri(results)
    try:
        if is_own:
            check_own_database(results)
        client = connect_client(where)
        found = list_runs(client, _find_experiment(client, experiment, where))
        runs = [run for run in found if KIND not in run.data.tags]
        mirrored = [run for run in runs if RUN_KEY in run.data.tags]
        for run in mirrored if is_own else ():
            check_run_location(results / experiment, run.info.run_id, run.info.artifact_uri or "")
        synced = [_open_artifacts(run, where) for run in mirrored]
        entries = _read_entries(synced)
        if not entries:
            raise BenchError(f"mlflow:{experiment}: {_explain_unusable(experiment, len(runs), len(synced))}")
        newest = _select_newest(entries)
        _write_runs(newest, store)
    except BenchError:
        raise
    except Exception as error:  # a store raises whatever its driver raises
        message = " ".join(f"{type(error).__name__}: {error}".split())
        raise BenchError(f"{show_address(where)}: MLflow cannot be read ({mask_secrets(message, where)})") from error
    store.write_benchmark(experiment, "", {}, [entry for _, entry in newest])
    return [*_describe_left_out(len(runs) - len(synced), len(synced) - len(entries), len(entries) - len(newest))]


def _check_store_exists(uri: str) -> None:
    """SQLite creates a store that is not there; a mistyped name would give an empty one."""
    file = re.fullmatch(r"sqlite:///(.+)", uri)
    if file and not Path(unquote(file[1])).exists():
        raise BenchError(
            f"{show_address(uri)}: no MLflow store is there; name another by --mlflow-uri, or `sync` to this one"
        )


def _find_experiment(client: "MlflowClient", name: str, uri: str) -> str:
    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    known = [experiment.name for experiment in client.search_experiments()]
    raise BenchError(
        f"mlflow:{name}: no experiment in {show_address(uri)} is called '{name}'{suggest_similar(name, known)}"
    )


def _open_artifacts(run: "Run", uri: str) -> "ArtifactRepository":
    """A run's artifacts. Asked for one by the run's id, the client would read the run again, with all its points."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(run.info.artifact_uri or "", tracking_uri=uri)


def _read_entries(runs: "Sequence[ArtifactRepository]") -> "list[tuple[ArtifactRepository, MatrixEntry]]":
    """Each run with its entry, in the same order; runs without one are left out."""
    with ThreadPoolExecutor(THREADS) as pool:
        entries = list(pool.map(_read_entry, runs))
    return [(run, entry) for run, entry in zip(runs, entries, strict=True) if entry]


def _select_newest(
    entries: "Sequence[tuple[ArtifactRepository, MatrixEntry]]",
) -> "list[tuple[ArtifactRepository, MatrixEntry]]":
    """The last run of each entry of the matrix, by seed: an experiment keeps those of earlier settings too."""
    last = {_get_matrix_place(entry): (run, entry) for run, entry in entries}
    return sorted(last.values(), key=lambda found: found[1].seed)


def _read_entry(run: "ArtifactRepository") -> MatrixEntry | None:
    if ENTRY_FILE not in _list_artifacts(run):
        return None
    with TemporaryDirectory() as folder:
        _download_artifact(run, ENTRY_FILE, path := Path(folder) / "entry.json")
        raw = parse_json_object(path.read_bytes()) or {}
    try:
        return MatrixEntry.from_json(raw, SpecReader(raw.get(CHANGED_SETTINGS, {})).read_spec)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BenchError(
            f"{show_address(run.artifact_uri)}/{ENTRY_FILE}: is not as `sync` writes it ({error!r})"
        ) from error


def _get_matrix_place(entry: MatrixEntry) -> tuple[object, ...]:
    run = entry.run
    return entry.label, run.dataset.key, run.architecture.key, run.latent, run.training, entry.seed


def _write_runs(entries: "Sequence[tuple[ArtifactRepository, MatrixEntry]]", store: ResultsFolder) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(partial(_write_run, store), *zip(*entries, strict=True)))


def _write_run(store: ResultsFolder, run: "ArtifactRepository", entry: MatrixEntry) -> None:
    """Download the files of one run that results are read from. Their names come from the entry, never from MLflow."""
    folder = store.run_folder(entry.run)
    available = _list_artifacts(run) | _list_artifacts(run, "metrics")
    for path in (folder.spec, folder.record, *(folder.metric_path(metric) for metric in entry.metrics)):
        name = path.relative_to(folder.path).as_posix()
        if name in available:
            _download_artifact(run, name, path)


def _download_artifact(run: "ArtifactRepository", name: str, path: Path) -> None:
    """Download one artifact to a path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:  # where below it MLflow puts a file depends on its kind of store
        shutil.move(run.download_artifacts(name, folder), path)


def _list_artifacts(run: "ArtifactRepository", below: str | None = None) -> set[str]:
    """The names of files that are not larger than any of ours."""
    return {file.path for file in run.list_artifacts(below) if (file.file_size or 0) <= get_size_limit(file.path)}


def _explain_unusable(experiment: str, runs: int, synced: int) -> str:
    """Why nothing can be read of an experiment."""
    if not runs:
        return "has no runs"
    if not synced:
        return f"has {format_count(runs, 'run')}, none of them mirrored by vimae-bench (by the tag {RUN_KEY})"
    return (
        f"has {format_count(synced, 'run')} without {ENTRY_FILE} as an artifact; run `vimae-bench sync` on {experiment}"
    )


def _describe_left_out(foreign: int, without_entry: int, older: int) -> Iterator[str]:
    if foreign:
        yield f"{format_count(foreign, 'run')} of the experiment not mirrored by vimae-bench: left out."
    if without_entry:
        count = format_count(without_entry, "run")
        yield f"{count} without {ENTRY_FILE} as an artifact left out; `vimae-bench sync` uploads it."
    if older:
        yield f"{format_count(older, 'run')} left out, since a later run has the same method and seed."
