"""A small benchmark with faults: what must hold after any number of them."""

import json
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from helpers.benchmarks import VAE, make_benchmark
from vimae_bench.analysis.leaderboard import build_leaderboards
from vimae_bench.cli import main
from vimae_bench.config.benchmark import read_benchmark
from vimae_bench.config.matrix import list_entries
from vimae_bench.core.canonical import Json
from vimae_bench.core.spec import MatrixEntry
from vimae_bench.engine.runner import list_jobs
from vimae_bench.engine.training import checkpoint
from vimae_bench.engine.worker import execute_job
from vimae_bench.execution.jobs import Job
from vimae_bench.storage.doctor import find_faults
from vimae_bench.storage.run_folder import read_events
from vimae_bench.storage.store import ResultsFolder

VIMAE = {"label": "VIMAE", "objective": {"use": "vimae", "divergence": "mmd"}, "prior": "logistic"}
NO_DAMAGE = ("was left by a process that was killed", "is not there", "it has no benchmark.json")
"""What `doctor` may report after a kill."""
CLOCKED = (".lock", "log.txt", "events.jsonl")
"""Files that contain times."""
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(
    ["vimae_bench.engine.preload", "vimae_bench.cli", "helpers.chaos_harness", "matplotlib.figure"]
)


def benchmark_text(
    seeds: int = 1,
    epochs: int = 3,
    metrics: tuple[str, ...] = ("reconstruction",),
    reporters: tuple[str, ...] = (),
    executor: str = "inline",
    another: bool = True,
) -> str:
    """A benchmark of two methods, or of one."""
    return make_benchmark(
        name="storm",
        seeds=list(range(seeds)),
        metrics=list(metrics),
        executor=executor,
        reporters=list(reporters),
        training={"epochs": epochs},
        method=[VAE, VIMAE] if another else [VAE],
    )


@dataclass(frozen=True)
class Scenario:
    """A benchmark file in a folder with its results."""

    path: Path
    text: str
    data: Path

    def __post_init__(self):
        self.path.mkdir(parents=True, exist_ok=True)
        self.file.write_text(self.text)

    @property
    def file(self) -> Path:
        return self.path / "storm.toml"

    @property
    def store(self) -> ResultsFolder:
        return ResultsFolder(self.path / "results" / "storm")

    @property
    def entries(self) -> list[MatrixEntry]:
        return list_entries(read_benchmark(self.file))

    def words(self, *more: str) -> list[str]:
        """The arguments of `run` for this benchmark."""
        return ["run", str(self.file), "--results", str(self.path / "results"), "--data", str(self.data), *more]

    def jobs(self) -> list[Job]:
        return list_jobs(self.store, "storm", self.entries, self.data)

    def finished(self) -> dict[str, Json]:
        """The records of finished runs, by folder name."""
        folders = [self.store.run_folder(entry.run) for entry in self.entries]
        found = {one.path.name: json.loads(one.record.read_text()) for one in folders if one.record.exists()}
        return {name: record for name, record in found.items() if record["status"] == "done"}

    def contents(self) -> dict[str, object]:
        """Everything that does not depend on time."""
        runs = self.store.path / "runs"
        weights = {name: record["weights"]["sha256"] for name, record in self.finished().items()}
        measured = {
            str(p.relative_to(runs)): json.loads(p.read_text())["estimates"] for p in runs.glob("*/metrics/*.json")
        }
        references = {p.name: json.loads(p.read_text())["rows"] for p in self.store.path.glob("references/*.json")}
        left = [path.relative_to(runs) for path in runs.rglob("*") if path.name not in CLOCKED]
        files = sorted(str(path) for path in left if ".corrupt" not in str(path))
        return {"weights": weights, "measured": measured, "references": references, "files": files}

    def readable(self) -> None:
        """Check that tables can be made from what exists, and that no file is damaged."""
        build_leaderboards(self.store.load_results(self.entries), self.store.load_baselines(self.entries), "", ())
        faults = [
            f"{f.path}: {f.what}" for f in find_faults(self.store.path) if not any(sign in f.what for sign in NO_DAMAGE)
        ]
        assert not faults

    def check(self, before: dict[str, Json], undisturbed: "Scenario", count: Counter[str], retrained: str = "") -> None:
        """That it has ended as if nothing had been, with the finished runs that there were before as they were.

        The run `retrained`, whose record was lost to damage, may have been trained again.
        """
        after = self.finished()
        lost = [name for name in before if after.get(name) != before[name]]
        twice, tracebacks = [name for name in self.trained_twice() if name != retrained], self.tracebacks()
        count["finished runs lost"] += len(lost)
        count["runs done twice"] += len(twice)
        count["tracebacks"] += len(tracebacks)
        assert (lost, twice, tracebacks) == ([], [], [])
        mine, its = self.contents(), undisturbed.contents()
        assert mine == its, "\n".join(
            f"{name}: {mine[name]}, not {its[name]}" for name in mine if mine[name] != its[name]
        )

    def starts(self) -> dict[str, int]:
        """How often each run was started from scratch."""
        events = {path.parent.name: read_events(path) for path in self.store.path.glob("runs/*/events.jsonl")}
        return {name: sum(_starts_anew(line) for line, _ in lines) for name, lines in events.items()}

    def trained_twice(self) -> list[str]:
        """Runs that were trained on after their training had ended."""
        return [
            path.name for path in (self.store.path / "runs").iterdir() if _was_trained_after_end(path / "events.jsonl")
        ]

    def tracebacks(self) -> list[str]:
        """The logs that contain a traceback."""
        return [str(p) for p in self.path.rglob("*.txt") if "Traceback (most" in p.read_text(errors="replace")]


def _starts_anew(line: Json) -> bool:
    return line["event"] == "started" and not line.get("resumed_from")


def _was_trained_after_end(events: Path) -> bool:
    names = [line["event"] for line, _ in read_events(events)]
    return "measuring" in names and "epoch" in names[names.index("measuring") :]


def run_in_fork(run_job: Callable[..., int], *given: object) -> int:
    """Do the work in a separate process; returns its exit code, negative for a signal."""
    process = FORKS.Process(target=_leave, args=(run_job, *given))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _leave(run_job: Callable[..., int], *given: object) -> None:
    try:
        code = run_job(*given)
    except BaseException:
        traceback.print_exc()
        code = 70
    os._exit(code)


def run_command(words: list[str], output: Path, fault: Callable[[], None] = lambda: None) -> int:
    """Run a command of vimae-bench in this process with its output in a file; returns its exit code."""
    redirect_output(output)
    fault()
    try:
        main(words, prog_name="vimae-bench")
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def count_changes(words: list[str], output: Path, part: str) -> int:
    """Run a command, and write to a file how many changes it makes to files with `part` in their path."""
    never = KillAt(0, part)
    code = run_command(words, output.with_suffix(".txt"), never)
    output.write_text(str(never.seen))
    return code


def run_job(job: Job, output: Path, fault: Callable[[], None]) -> int:
    """Carry out a job in this process with its output in a file; returns its exit code."""
    redirect_output(output)
    fault()
    return execute_job(job)


def redirect_output(output: Path) -> None:
    """Redirect the output of this process to a file, and write a checkpoint after each epoch."""
    checkpoint.INTERVAL_SECONDS = 0.0
    with output.open("a", buffering=1) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


@dataclass
class KillAt:
    """A fault: kill -9 just before the n-th change of this process to files with `part` in their path."""

    n: int
    part: str
    seen: int = 0

    def __call__(self) -> None:
        sys.addaudithook(self._look)

    def _look(self, what: str, given: tuple[object, ...]) -> None:
        if _changes(what, given) and self.part in str(given[0]):
            self.seen += 1
            if self.seen == self.n:
                os.kill(os.getpid(), signal.SIGKILL)


def _changes(what: str, given: tuple[object, ...]) -> bool:
    """Whether something that Python audits changes a file."""
    if what == "open":
        return bool(isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return what in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree")
