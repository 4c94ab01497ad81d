"""The scheduler of the simulated runs, a process of its own so that its memory and time can be measured.

Workers import the main module of their parent; it is started by `python -c` so that there is none.
"""

import json
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from multiprocessing import forkserver
from pathlib import Path

from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.matrix import list_entries
from vimae_bench.core.canonical import Json
from vimae_bench.engine.runner import WORKER_MODULES, list_jobs, run_jobs
from vimae_bench.execution import Event, Executor, Job, JobStarted, PluginSpec
from vimae_bench.plugin.registry import make_plugin
from vimae_bench.storage.run_folder import RunFolder, read_events
from vimae_bench.storage.store import ResultsFolder

from .work import simulate


@dataclass
class TimedExecutor:
    """An executor that records the times of its first start and its last event."""

    inner: Executor
    first: float = 0.0
    last: float = 0.0

    def __call__(self, jobs: Sequence[Job], work: Callable[[Job], int]) -> Iterator[Event]:
        for event in self.inner(jobs, work):
            self.last = time.perf_counter()
            self.first = self.first or (self.last if isinstance(event, JobStarted) else 0.0)
            yield event


def drive(file: Path, seeds: Sequence[int], results: Path, jobs: int, reporters: Sequence[str]) -> Json:
    """Carry out the matrix; returns wall time, processor time (seconds) and memory (bytes)."""
    began = time.perf_counter()
    benchmark = read_benchmark(file, [f"seeds={list(seeds)}"])
    matrix, store = list_entries(benchmark), ResultsFolder(results.resolve() / benchmark.name)
    store.write_benchmark(benchmark.name, benchmark.source, asdict(benchmark.leaderboard), matrix)
    todo = list_jobs(store, benchmark.name, matrix, results / "data")
    planned = time.perf_counter() - began
    local = make_plugin("executor", PluginSpec("local", {"jobs": jobs}))
    local.prepare(WORKER_MODULES)
    executor = TimedExecutor(local)
    before = time.process_time()
    failed = run_jobs(todo, executor, [make_plugin("reporter", PluginSpec(name)) for name in reporters], work=simulate)
    return {
        "runs": len(todo),
        "failed": len(failed),
        "jobs": jobs,
        "planned": planned,
        "wall": executor.last - executor.first,
        "lives": sum(_get_lifetime(job.folder) for job in todo),
        "locked": sum(_read_last_events(job.folder)["ended"]["seconds"] for job in todo),
        "driver": time.process_time() - before,
        "server": _server_seconds(),
        "peak_bytes": _get_peak_memory(),
    }


def _get_lifetime(folder: Path) -> float:
    """Seconds from the start of a run's process to its last event; the process ends about 10 ms later."""
    events = _read_last_events(folder)
    return events["ended"]["time"] - events["preparing"]["born"]


def _read_last_events(folder: Path) -> dict[str, Json]:
    """The last event of each name."""
    return {line["event"]: line for line, _ in read_events(RunFolder(folder).events)}


def _server_seconds() -> float:
    """Processor time of the fork server in seconds; 0 if it was not used."""
    pid = getattr(getattr(forkserver, "_forkserver"), "_forkserver_pid", None)  # noqa: B009 (it has no other name)
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _get_peak_memory() -> int:
    """The largest resident memory of this process, in bytes."""
    status = Path("/proc/self/status")
    if not status.exists():  # macOS, in bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


def main(file: str, seeds: str, results: str, jobs: str, *reporters: str) -> None:
    """Print the measurements as JSON."""
    print(json.dumps(drive(Path(file), range(int(seeds)), Path(results), int(jobs), reporters)))
