"""Links to what an MLflow server has of a benchmark."""

import os
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

from ..core.errors import BenchError
from ..core.secrets import show_address
from ..storage.plain_files import list_plain_folder
from ..storage.run_folder import RunFolder
from ..storage.store import RunResult
from .store import default_store_uri
from .sync_state import read_mlflow_experiment, read_mlflow_run_id
from .view_path import format_view_path

SAFE_LINK = re.compile(r"https?://[A-Za-z0-9_.\[\]-]+(:[0-9]{1,5})?(/[A-Za-z0-9_.~/-]*)?")
"""An address that has no place for a password or token but its path."""
TRACKING_URI = "MLFLOW_TRACKING_URI"
UI_ADDRESS = "http://localhost:5000"
"""Where `mlflow ui` is to be seen."""


def explain_unused_address(uri: str, results: Path) -> str:
    """What to say where MLflow's own variable names another store than the results folder's, which is used; else empty.

    `uri` is the store that was asked for, if any.
    """
    named = os.environ.get(TRACKING_URI, "")
    own = default_store_uri(results)
    if uri or not named or named == own:
        return ""
    used = f"runs are mirrored to {show_address(own)}; --mlflow-uri mirrors them elsewhere"
    return f"{TRACKING_URI} ({show_address(named)}) is not used: {used}"


def check_server_url(url: str) -> None:
    """Raises BenchError unless `url` is an http address without a password or token: pages with links are mailed."""
    if not url.startswith(("http://", "https://")):
        raise BenchError(f"{show_address(url)}: must begin with http:// or https://, such as http://localhost:5000")
    if not SAFE_LINK.fullmatch(url):
        raise BenchError("must not contain a password or token, since everyone who reads the page would see it")


def make_run_link(url: str) -> Callable[[RunResult], str]:
    """A function that gives the address of a run's copy on the server, or an empty text if it has none."""

    def find_link(result: RunResult) -> str:
        run_id = read_mlflow_run_id(RunFolder(result.folder).sync_state)
        return f"{url.rstrip('/')}/#/runs/{quote(run_id, safe='')}" if run_id else ""

    return find_link


def describe_view(benchmark: Path, uri: str = "") -> Mapping[str, str]:
    """How to see a benchmark's methods in MLflow, for the end of `run`: an address, or a command and what to open."""
    where = show_address(uri or default_store_uri(benchmark.parent))
    served = where.startswith(("http://", "https://"))
    states = (RunFolder(path).sync_state for path in list_plain_folder(benchmark / "runs"))
    experiment = next(filter(None, (read_mlflow_experiment(state, where) for state in states)), "")
    page = f"/{format_view_path(experiment)}" if experiment else ""
    if served:
        return {"MLflow": f"{where.rstrip('/')}{page}"}
    return {"MLflow": shlex.join(["mlflow", "ui", "--backend-store-uri", where]), "": f"then open {UI_ADDRESS}{page}"}
