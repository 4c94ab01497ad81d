"""Copies a benchmark's runs from their folders to MLflow. The folders are the source of truth; a copy may be late."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..core.errors import BenchError, ResultsError, shorten_middle
from ..core.secrets import mask_secrets
from ..core.spec import MatrixEntry
from ..storage.run_folder import RunFolder, read_events
from ..storage.store import ResultsFolder
from .appearance import Appearance, plan_appearance
from .method_runs import MethodRuns
from .store import default_store_uri, list_runs, open_experiment
from .sync_run import RunSync
from .sync_state import file_stamp

REASON_LENGTH = 600
"""Most characters of a reason. MLflow's end in what to do, and those of a server that is down in the cause."""


@dataclass(frozen=True)
class SyncSummary:
    """How many of a benchmark's runs MLflow has in full, how many it has not yet, and the first reason why not."""

    mirrored: int
    behind: int
    reason: str = ""


def sync_benchmark(
    benchmark: Path,
    uri: str = "",
    entries: Sequence[MatrixEntry] | None = None,
    seconds: float = math.inf,
    *,
    models: bool = True,
    verify: bool = False,
) -> SyncSummary:
    """Mirror the runs in a benchmark's results folder to the MLflow store at `uri`; empty: `default_store_uri`.

    Only the runs of `entries`, if they are given; runs that have not begun are not counted. No further run is begun
    `seconds` after the store was opened. Trained models are sent if `models` is true. Runs
    that MLflow had once and has no longer are sent again if `verify` is true. A store that cannot be reached
    and a damaged run are reported in the summary, not raised. Raises ResultsError if the entries have to be read from
    the folder and cannot be.
    """
    results = ResultsFolder(benchmark)
    wanted = {entry.run.key: entry for entry in (results.read_benchmark().entries if entries is None else entries)}
    folders = [(results.run_folder(entry.run), entry) for entry in wanted.values()]
    begun = [(folder, entry) for folder, entry in folders if _has_begun(folder)]
    if not begun:
        return SyncSummary(0, 0)
    try:
        target = open_experiment(benchmark, uri or default_store_uri(benchmark.parent))
    except Exception as error:  # a store raises whatever its driver raises
        return SyncSummary(0, len(begun), _format_error(error, uri))
    methods = MethodRuns(target, _plan_appearance(results, list(wanted.values())))
    present: set[str] | None = None
    if verify:
        try:
            methods.load()
            present = {run.info.run_id for run in list_runs(target.client, target.experiment)}
        except Exception as error:  # a store raises whatever its driver raises
            return SyncSummary(0, len(begun), _format_error(error, uri))
    runs = [RunSync(target, methods, folder, entry, models, present=present) for folder, entry in begun]
    return _sync_runs(runs, seconds, uri)


def sync_summary(benchmark: Path, uri: str = "") -> str:
    """Send what is said of a benchmark's methods to the MLflow store at `uri`; empty: `default_store_uri`.

    Means and decisions for each method, the report, views and the experiment's description, as far as they have
    changed. Gives the reason why not all of it could be sent, empty if it was; nothing is raised.
    """
    from ..analysis.load import load_benchmark_results
    from .summary import write_summary

    try:
        found = load_benchmark_results(benchmark, benchmark.parent)
        target = open_experiment(benchmark, uri or default_store_uri(benchmark.parent))
        write_summary(target, found, _plan_appearance(found.store, found.entries))
    except Exception as error:  # a store raises whatever its driver raises, and a folder may be damaged in any way
        return _format_error(error, uri)
    return ""


def _has_begun(folder: RunFolder) -> bool:
    """Whether a run has events; of one whose file of them is a link or the like, that is reported when it is sent."""
    try:
        return next(read_events(folder.events), None) is not None
    except ResultsError:
        return True


def _plan_appearance(results: ResultsFolder, entries: Sequence[MatrixEntry]) -> Appearance:
    """Of the whole benchmark; of these entries, if it cannot be read."""
    try:
        stamp = file_stamp(results.path / "benchmark.json")
        return _read_appearance(results.path, stamp)
    except (OSError, ResultsError):
        return plan_appearance(entries)


@lru_cache(maxsize=1)
def _read_appearance(benchmark: Path, stamp: str) -> Appearance:
    """Read again where the file's stamp has changed: runs are looked at again and again."""
    del stamp
    return plan_appearance(ResultsFolder(benchmark).read_benchmark().entries)


def _sync_runs(runs: Sequence[RunSync], seconds: float, uri: str) -> SyncSummary:
    deadline = time.monotonic() + seconds
    mirrored, reasons = 0, list[str]()
    for run in runs:
        if time.monotonic() > deadline:
            reasons.append(f"not all could be sent within {seconds:.0f} s")
            break
        try:
            run.send_updates()
            mirrored += 1
        except Exception as error:  # a store raises whatever its driver raises, and a folder may be damaged in any way
            reasons.append(_format_error(error, uri))
            if _is_store_down(error):
                break
    return SyncSummary(mirrored, len(runs) - mirrored, next(iter(reasons), ""))


def _is_store_down(error: Exception) -> bool:
    """MLflow gives every error of its own a status of HTTP; below 500 it is about the one run."""
    status = getattr(error, "get_http_status_code", None)
    return status is not None and status() >= 500


def _format_error(error: Exception, uri: str) -> str:
    """An error in one line, without what is secret in the store's address."""
    what = str(error) if isinstance(error, BenchError) else f"{type(error).__name__}: {error}"
    return shorten_middle(" ".join(mask_secrets(what, uri).split()), REASON_LENGTH)
