"""Links from a run to its copy in an MLflow server."""

from collections.abc import Callable
from urllib.parse import quote

from ..core.errors import BenchError
from ..core.secrets import mask_secrets
from ..storage.run_folder import RunFolder
from ..storage.store import RunResult
from .sync_state import read_mlflow_run_id


def check_server_url(url: str) -> None:
    """Raises BenchError unless `url` is an http address without a password or token: pages with links are mailed."""
    if not url.startswith(("http://", "https://")):
        raise BenchError(f"{mask_secrets(url)}: must begin with http:// or https://, such as http://localhost:5000")
    if url != mask_secrets(url):
        raise BenchError("must not contain a password or token, since everyone who reads the page would see it")


def make_run_link(url: str) -> Callable[[RunResult], str]:
    """A function that gives the address of a run's copy on the server, or an empty text if it has none."""

    def find_link(result: RunResult) -> str:
        run_id = read_mlflow_run_id(RunFolder(result.folder).sync_state)
        return f"{url.rstrip('/')}/#/runs/{quote(run_id, safe='')}" if run_id else ""

    return find_link
