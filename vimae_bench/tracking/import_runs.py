"""An experiment brought back from MLflow as a results folder, so that it is read as every other one is."""

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
from ..core.secrets import mask_secrets
from ..core.spec import MatrixEntry
from ..storage.atomic import parse_json_object
from ..storage.store import ResultsFolder
from .names import CELL, RUN_KEY
from .store import connect_client, default_store_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.store.artifact.artifact_repo import ArtifactRepository as Files

PAGE = 1000
THREADS = 8
"""Runs whose files are fetched at a time: over a network most of it is waiting."""


def import_runs(experiment: str, uri: str, results: Path, store: ResultsFolder) -> list[str]:
    """Write to `store` what MLflow has of the runs of an experiment; gives sentences about what was left out.

    `uri` is that of MLflow's store (empty: `default_store_uri(results)`). Of several runs in one place of the
    matrix the one begun last is taken. Raises BenchError where there is no such store or experiment, none of its runs
    were mirrored by `vimae-bench`, or they cannot be read.
    """
    where = uri or default_store_uri(results)
    _expect_store(where)
    try:
        client = connect_client(where)
        runs = list(_runs(client, _find(client, experiment, where)))
        ours = [_files(run, where) for run in runs if RUN_KEY in run.data.tags]
        entries = _entries(ours)
        if not entries:
            raise BenchError(f"mlflow:{experiment}: {_unusable(experiment, len(runs), len(ours))}")
        newest = _newest(entries)
        _write(newest, store)
    except BenchError:
        raise
    except Exception as error:  # a store raises whatever its driver raises
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise BenchError(mask_secrets(f"{where}: MLflow cannot be read ({said})")) from error
    store.write_benchmark(experiment, "", {}, [entry for _, entry in newest])
    return [*_said(len(runs) - len(ours), len(ours) - len(entries), len(entries) - len(newest))]


def _expect_store(uri: str) -> None:
    """SQLite makes a store that is not there; a mistyped name would be an empty one."""
    file = re.fullmatch(r"sqlite:///(.+)", uri)
    if file and not Path(unquote(file[1])).exists():
        raise BenchError(
            f"{mask_secrets(uri)}: no MLflow store is there; name another by --mlflow-uri, or `sync` to this one"
        )


def _find(client: "MlflowClient", name: str, uri: str) -> str:
    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    known = [experiment.name for experiment in client.search_experiments()]
    raise BenchError(
        f"mlflow:{name}: no experiment in {mask_secrets(uri)} is called '{name}'{suggest_similar(name, known)}"
    )


def _runs(client: "MlflowClient", experiment: str) -> "Iterator[Run]":
    """The experiment's runs, from the first begun to the last."""
    token: str | None = None
    while token != "":
        page = client.search_runs(
            [experiment], max_results=PAGE, order_by=["attributes.start_time ASC"], page_token=token
        )
        yield from page
        token = page.token or ""


def _files(run: "Run", uri: str) -> "Files":
    """Where a run's files lie. Asked for a file, the client would read the run again, with all its points."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(run.info.artifact_uri or "", tracking_uri=uri)


def _entries(runs: "Sequence[Files]") -> "list[tuple[Files, MatrixEntry]]":
    """Each run with its cell, in the same order; those that do not tell it are left out."""
    with ThreadPoolExecutor(THREADS) as pool:
        entries = list(pool.map(_entry, runs))
    return [(run, entry) for run, entry in zip(runs, entries, strict=True) if entry]


def _newest(entries: "Sequence[tuple[Files, MatrixEntry]]") -> "list[tuple[Files, MatrixEntry]]":
    """The last run in each place of the matrix, by seed: an experiment keeps those of earlier settings too."""
    last = {_place(entry): (run, entry) for run, entry in entries}
    return sorted(last.values(), key=lambda found: found[1].seed)


def _entry(run: "Files") -> MatrixEntry | None:
    if CELL not in _names(run):
        return None
    with TemporaryDirectory() as folder:
        _bring(run, CELL, path := Path(folder) / "brought.json")
        raw = parse_json_object(path.read_bytes())
    try:
        return MatrixEntry.from_json(raw or {})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BenchError(f"{mask_secrets(run.artifact_uri)}/{CELL}: is not as `sync` writes it ({error!r})") from error


def _place(entry: MatrixEntry) -> tuple[object, ...]:
    run = entry.run
    return entry.label, run.dataset.key, run.architecture.key, run.latent, run.training, entry.seed


def _write(entries: "Sequence[tuple[Files, MatrixEntry]]", store: ResultsFolder) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(partial(_write_run, store), *zip(*entries, strict=True)))


def _write_run(store: ResultsFolder, run: "Files", entry: MatrixEntry) -> None:
    """The files of one run that results are read from. Their names come from the cell, never from MLflow."""
    folder = store.run_folder(entry.run)
    there = _names(run) | _names(run, "metrics")
    for path in (folder.spec, folder.record, *(folder.metric(metric) for metric in entry.metrics)):
        name = path.relative_to(folder.path).as_posix()
        if name in there:
            _bring(run, name, path)


def _bring(run: "Files", name: str, path: Path) -> None:
    """One artefact put in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:  # where below it MLflow puts a file depends on its kind of store
        shutil.move(run.download_artifacts(name, folder), path)


def _names(run: "Files", below: str | None = None) -> set[str]:
    return {file.path for file in run.list_artifacts(below)}


def _unusable(experiment: str, runs: int, ours: int) -> str:
    """Why nothing can be read of an experiment."""
    if not runs:
        return "has no runs"
    if not ours:
        return f"has {format_count(runs, 'run')}, none of them mirrored by vimae-bench (by the tag {RUN_KEY})"
    return f"has {format_count(ours, 'run')} without {CELL} as an artifact; run `vimae-bench sync` on {experiment}"


def _said(foreign: int, untold: int, older: int) -> Iterator[str]:
    if foreign:
        yield f"{format_count(foreign, 'run')} of the experiment not mirrored by vimae-bench: left out."
    if untold:
        yield f"{format_count(untold, 'run')} without {CELL} as an artifact left out; `vimae-bench sync` uploads it."
    if older:
        yield f"{format_count(older, 'run')} left out, since a later run has the same method and seed."
