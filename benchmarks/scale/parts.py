"""The measurements: commands as a user calls them, and MLflow separately."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from rich.console import Console

from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.matrix import list_entries
from vimae_bench.core.canonical import Json
from vimae_bench.core.spec import MatrixEntry
from vimae_bench.engine.runner import list_jobs
from vimae_bench.execution import Event, Job, JobEnded, JobStarted
from vimae_bench.storage.store import ResultsFolder

from .work import write_epochs

FILE = Path(__file__).parent / "matrix.toml"
NAME = "scale"
EACH_SEED = 200
"""Runs per seed: twenty methods on ten data sets."""
STEADY, EPOCHS = 4, 3000
"""Runs, and epochs of each, to measure the steady rate of MLflow: three points per epoch."""


@dataclass(frozen=True)
class CommandTime:
    """Wall time and processor time of a command in seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Matrix:
    """The simulated matrix with some number of seeds; all its files are in one folder."""

    folder: Path
    seeds: int

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def runs(self) -> int:
        return EACH_SEED * self.seeds

    @property
    def override(self) -> str:
        """The override of the benchmark file for these seeds."""
        return f"seeds={[*range(self.seeds)]}"

    def entries(self) -> list[MatrixEntry]:
        return list_entries(read_benchmark(FILE, [self.override]))

    def drive(self, jobs: int, reporters: Sequence[str]) -> Json:
        """Carry it out with a scheduler in a separate process; returns the result of `driver.drive`."""
        call = "import sys; from benchmarks.scale.driver import main; main(*sys.argv[1:])"
        words = [str(FILE), str(self.seeds), str(self.results), str(jobs), *reporters]
        with (self.folder / "console.txt").open("w") as log:
            done = subprocess.run([sys.executable, "-c", call, *words], stdout=-1, stderr=log, check=True, text=True)
        return json.loads(done.stdout)

    def command(self, name: str, *words: str) -> CommandTime:
        """Time one command of vimae-bench."""
        return time_command([sys.executable, "-m", "vimae_bench", name, *words])

    def plan(self) -> CommandTime:
        return self.command("plan", str(FILE), "-o", self.override, "--results", str(self.results))

    def leaderboard(self) -> CommandTime:
        return self.command("leaderboard", str(self.results / NAME))

    def doctor(self) -> CommandTime:
        return self.command("doctor", str(self.results / NAME))

    def again(self) -> CommandTime:
        """`run` with nothing left to do but the leaderboard and its figures."""
        where = ["--results", str(self.results), "--data", str(self.folder / "data"), "--no-mlflow"]
        return self.command("run", str(FILE), "-o", self.override, *where)


def time_command(command: Sequence[str]) -> CommandTime:
    """Start a process and wait for it. Raises RuntimeError if it fails."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        errors = process.stderr.read() if process.stderr else b""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{errors.decode()}")
    return CommandTime(time.perf_counter() - began, used.ru_utime + used.ru_stime)


def measure_console(matrix: Matrix, *, terminal: bool) -> float:
    """Seconds that the console reporter takes for the starts and ends of all runs, two at a time."""
    from vimae_builtin.reporters.console import show_progress

    todo = list_jobs(ResultsFolder(matrix.folder / "nowhere"), NAME, matrix.entries(), matrix.folder)
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
    began = time.process_time()
    for _ in show_progress(todo, _events(todo), console):
        continue
    return time.process_time() - began


def _events(todo: Sequence[Job]) -> Iterator[Event]:
    yield JobStarted(todo[0])
    for before, job in pairwise(todo):
        yield JobStarted(job)
        yield JobEnded(before, 0)
    yield JobEnded(todo[-1], 0)


@dataclass(frozen=True)
class MirrorRates:
    """Rates of sending runs of twenty epochs, points of long curves, and runs that are already complete."""

    runs_per_second: float
    points_per_second: float
    known_per_second: float


def measure_mirror(matrix: Matrix, runs: int) -> MirrorRates:
    """Send some of the finished runs to a new store, then long curves."""
    from vimae_bench.tracking.store import open_experiment
    from vimae_bench.tracking.sync import sync_benchmark

    uri = f"sqlite:///{matrix.folder / 'mirror.db'}"
    finished, long = matrix.entries()[:runs], matrix.entries()[:STEADY]
    benchmark, steady = matrix.results / NAME, matrix.folder / "steady"
    for entry in long:
        write_epochs(ResultsFolder(steady).run_folder(entry.run), range(1, EPOCHS + 1))
    for folder in (benchmark, steady):
        open_experiment(folder, uri)

    def send(folder: Path, entries: list[MatrixEntry]) -> None:
        if (outcome := sync_benchmark(folder, uri, entries)).behind:
            raise RuntimeError(f"{outcome.behind} runs are not mirrored: {outcome.reason}")

    new = _seconds(lambda: send(benchmark, finished))
    known = _seconds(lambda: send(benchmark, finished))
    points = _seconds(lambda: send(steady, long))
    return MirrorRates(len(finished) / new, 3 * EPOCHS * STEADY / points, len(finished) / known)


def _seconds(do: Callable[[], object]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


@dataclass(frozen=True)
class Files:
    """Files of one run."""

    count: int
    bytes: int
    lines: int
    """Lines of events."""


def files(matrix: Matrix) -> Files:
    """Count the files of one run."""
    folder = ResultsFolder(matrix.results / NAME).run_folder(matrix.entries()[0].run)
    found = [path for path in folder.path.rglob("*") if path.is_file()]
    lines = len(folder.events.read_bytes().splitlines())
    return Files(len(found), sum(path.stat().st_size for path in found), lines)
