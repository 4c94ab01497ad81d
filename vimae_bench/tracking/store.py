"""An MLflow store: where it is, how it is opened without noise, and the experiment of a benchmark in it."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from ..core.secrets import show_address
from ..storage.cache_folder import expand_home, get_user_folder, make_own_folder
from ..storage.locks import make_lock
from .own_store import (
    check_artifact_location,
    check_own_database,
    check_run_location,
    get_artifact_folder,
    get_database,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

# MLflow's own defaults wait for a dead server for four minutes, and for a silent one for a quarter of an hour.
SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
VERBOSE_LOGGERS = ("mlflow", "alembic", "urllib3.connectionpool")
"""They log every table made, of every call tried again, and with all its rows of every one that failed."""
LOCK_SECONDS = 60
PAGE_SIZE = 1000
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Without it MLflow opens an experiment on its pages for language models, where no run is to be seen."""


@dataclass(frozen=True)
class MlflowExperiment:
    """Where the runs of one benchmark go. `name` is that of no other, even in a new store."""

    client: "MlflowClient"
    experiment: str
    name: str
    benchmark: Path
    is_own: bool = False
    """Whether the store is that of the results folder, which decides alone where files are kept."""

    def check_location(self, run: "Run") -> None:
        """Raises ResultsError if the results folder's own store would keep files of a run anywhere else."""
        if self.is_own:
            check_run_location(self.benchmark, run.info.run_id, run.info.artifact_uri or "")

    def lock(self) -> FileLock:
        """Held by one process of a results folder at a time, while it creates what all of them share."""
        return _lock_store(self.benchmark)


def _lock_store(benchmark: Path) -> FileLock:
    return make_lock(benchmark.parent / ".mlflow.lock", LOCK_SECONDS)


def default_store_uri(results: Path) -> str:
    """The store of a results folder: one for all its benchmarks, so that they can be compared."""
    # SQLAlchemy reads the path as part of a URL.
    path = str(get_database(results)).replace("%", "%25").replace("?", "%3F")
    return f"sqlite:///{path}"


def open_experiment(benchmark: Path, uri: str) -> MlflowExperiment:
    """Open the store and find or create the experiment named after the benchmark's folder.

    Raises what MLflow raises for a store that cannot be reached, and ResultsError where the store of the results folder
    would keep files elsewhere. An experiment that was deleted is restored.
    """
    # Two processes that make the tables of one store at the same time both fail (mlflow/mlflow#4123).
    is_own = uri == default_store_uri(benchmark.parent)
    with _lock_store(benchmark):
        if is_own:
            check_own_database(benchmark.parent)
        client = connect_client(uri)
        experiment = client.get_experiment_by_name(benchmark.name) or _create_experiment(client, benchmark, uri)
        if experiment.lifecycle_stage == "deleted":  # nothing can be sent to it, nor another of its name be made
            client.restore_experiment(experiment.experiment_id)
    if is_own:
        check_artifact_location(benchmark, experiment.artifact_location or "")
    name = f"{show_address(uri)} {experiment.experiment_id} {experiment.creation_time}"
    return MlflowExperiment(client, experiment.experiment_id, name, benchmark, is_own)


def import_mlflow() -> None:
    """Import MLflow with our settings. It takes a second, best spent while there is nothing else to do."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if not expand_home(Path("~")).is_absolute():  # MLflow looks for its credentials in a home
        os.environ["HOME"] = str(make_own_folder(get_user_folder()))
    import mlflow  # noqa: F401  # pyright: ignore[reportUnusedImport]

    for name in VERBOSE_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def connect_client(uri: str) -> "MlflowClient":
    """A client of a store. Raises what MLflow raises for one that cannot be reached."""
    import_mlflow()
    from mlflow import MlflowClient

    return MlflowClient(uri)


def list_runs(client: "MlflowClient", experiment: str, where: str = "") -> "Iterator[Run]":
    """The experiment's runs that pass MLflow's filter, from the first begun to the last."""
    token: str | None = None
    while token != "":
        page = client.search_runs(
            [experiment], where, max_results=PAGE_SIZE, order_by=["attributes.start_time ASC"], page_token=token
        )
        yield from page
        token = page.token or ""


def to_milliseconds(seconds: float) -> int:
    """MLflow counts in whole milliseconds."""
    return round(seconds * 1000)


def _create_experiment(client: "MlflowClient", benchmark: Path, uri: str) -> "Experiment":
    """A server knows where its artifacts go; for a database opened directly MLflow would take the current folder."""
    served = uri.startswith(("http:", "https:", "databricks"))
    folder = get_artifact_folder(benchmark)
    made = client.create_experiment(benchmark.name, None if served else folder.as_uri(), tags=EXPERIMENT_TAGS)
    return client.get_experiment(made)
