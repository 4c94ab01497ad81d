"""Copies runs to MLflow while they go on, and never holds up the stream of events."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import ClassVar

from vimae_bench.execution import Event, Job, JobEnded, JobRequeued, JobStarted, MatrixEntry, Reporter, RunFolder
from vimae_bench.plugin import BenchError, RunOption, hookimpl
from vimae_bench.tracking import (
    SyncSummary,
    default_store_uri,
    describe_view,
    explain_unused_address,
    import_mlflow,
    show_address,
    sync_benchmark,
    sync_summary,
)


@dataclass(frozen=True)
class SyncTiming:
    """When to look at the runs in progress, and how long to wait, in seconds.

    `poll` is the time between two looks; it doubles up to `max_poll` while the store cannot be reached. Runs that have
    ended are sent after `send_delay`, so that little is left to do after the last one. Then no further run is taken up
    for longer than `catch_up`, and `store_timeout` is what a store that does not answer then takes, also when the
    methods are summarised. `stop` is the time for a call in progress to end when the benchmark is interrupted.
    """

    send_delay: float = 0.5
    poll: float = 10.0
    max_poll: float = 60.0
    catch_up: float = 60.0
    store_timeout: float = 40.0
    stop: float = 2.0


ORDINARY = SyncTiming()


@dataclass(frozen=True)
class MlflowReporter:
    """Mirrors runs to the MLflow store at `uri`; empty: a database in the results folder.

    A store that cannot be reached costs one line at the end, and `vimae-bench sync` catches up. Trained models are
    copied there too, unless `models` is false.
    """

    uri: str = ""
    models: bool = True
    summaries: list[SyncSummary] = field(default_factory=list[SyncSummary], init=False, repr=False, compare=False)
    """How much MLflow had after each call."""

    default: ClassVar[bool] = True
    run_options: ClassVar[tuple[RunOption, ...]] = (
        RunOption(
            "--mlflow-uri",
            "The MLflow store.  [default: sqlite in the results folder]",
            setting="uri",
            metavar="URI",
        ),
        RunOption("--no-mlflow", "Do not mirror the runs to MLflow."),
    )

    def __call__(self, jobs: Sequence[Job], events: Iterator[Event]) -> Iterator[Event]:
        """Pass the events on while a thread sends what the runs write."""
        thread = create_thread(jobs, self.uri, models=self.models)
        yield from sync_while_running(thread, events)
        if thread:
            self.summaries.append(thread.summary)

    def publish_results(self, benchmark: Path) -> Mapping[str, str]:
        """Send what is said of the methods, if the store has all runs, and say how to look at them in MLflow."""
        if self.summaries and not self.summaries[-1].behind:
            send_summary(benchmark, self.uri or default_store_uri(benchmark.parent))
        if unused := explain_unused_address(self.uri, benchmark.parent):
            print(unused, file=sys.stderr)
        return describe_view(benchmark, self.uri)


def create_thread(
    jobs: Sequence[Job],
    uri: str = "",
    *,
    models: bool = True,
    sync: Callable[..., SyncSummary] = sync_benchmark,
    timing: SyncTiming = ORDINARY,
) -> "SyncThread | None":
    """A thread that calls `sync` for the benchmark of the jobs again and again; None without any."""
    if not jobs:
        return None
    benchmark = RunFolder(jobs[0].folder).benchmark
    return SyncThread(benchmark, len(jobs), uri or default_store_uri(benchmark.parent), models, sync, timing)


def sync_while_running(thread: "SyncThread | None", events: Iterator[Event]) -> Iterator[Event]:
    """Pass the events on while a thread sends what the runs write; say at the end if MLflow has not got all."""
    if not thread:
        yield from events
        return
    thread.start()
    try:
        for event in events:
            thread.events.put(event)
            yield event
        thread.finish()
    finally:
        thread.stop()


class SyncThread(threading.Thread):
    """Sends what the runs write, again and again; the process does not wait for it when it ends."""

    def __init__(
        self,
        benchmark: Path,
        runs: int,
        uri: str,
        models: bool,
        sync: Callable[..., SyncSummary],
        timing: SyncTiming,
    ):
        super().__init__(name="mlflow", daemon=True)
        self.uri, self.timing = uri, timing
        self.sync = partial(sync, benchmark, uri, models=models)
        self.events: SimpleQueue[Event] = SimpleQueue()
        self.no_more_events, self.stopped = threading.Event(), threading.Event()
        self.summary = SyncSummary(0, runs, "no answer in time; some of them may be there")

    def run(self) -> None:
        """Look at the runs in progress until all are over, then at all that the benchmark has."""
        with contextlib.suppress(Exception):  # the first look reports it
            import_mlflow()
        in_progress, ended = dict[Path, MatrixEntry](), set[Path]()
        pause, behind, looked = self.timing.poll, 0, time.monotonic()
        while not self.no_more_events.wait(min(pause, self.timing.send_delay)):
            self._read_events(in_progress, ended)
            is_time = time.monotonic() - looked >= pause
            wanted = {folder: entry for folder, entry in in_progress.items() if is_time or folder in ended}
            if not is_time and (behind or not wanted):
                continue
            behind = self.sync(list(wanted.values())).behind
            pause = min(2 * pause, self.timing.max_poll) if behind else self.timing.poll
            looked = time.monotonic() if is_time else looked
            if not behind:
                in_progress = {folder: entry for folder, entry in in_progress.items() if folder not in ended}
        if not self.stopped.is_set():
            self.summary = self._sync_all()

    def _read_events(self, in_progress: dict[Path, MatrixEntry], ended: set[Path]) -> None:
        while not self.events.empty():
            event = self.events.get()
            match event:
                case JobStarted(job):
                    in_progress[job.folder] = job.entry
                    ended.discard(job.folder)
                case JobEnded(job) | JobRequeued(job):
                    ended.add(job.folder)
                case _:
                    pass

    def _sync_all(self) -> SyncSummary:
        try:
            return self.sync(seconds=self.timing.catch_up)
        except BenchError as error:
            return replace(self.summary, reason=str(error))

    def finish(self) -> None:
        """Wait, within bounds, until MLflow has everything; print a line if it has not."""
        self.no_more_events.set()
        self.join(self.timing.catch_up + self.timing.store_timeout)
        if behind := self.summary.behind:
            runs, where = "run" if behind == 1 else "runs", f"{show_address(self.uri)} ({self.summary.reason})"
            print(f"{behind} {runs} not yet mirrored to {where}; run `vimae-bench sync`", file=sys.stderr)

    def stop(self) -> None:
        """Let the thread end as soon as its call is over: what it did not send is sent by the next `sync`."""
        self.stopped.set()
        self.no_more_events.set()
        self.join(self.timing.stop)


def send_summary(benchmark: Path, uri: str, timing: SyncTiming = ORDINARY) -> None:
    """Send what is said of the methods, within bounds; print a line if it could not be sent."""
    reasons = SimpleQueue[str]()
    thread = threading.Thread(
        target=lambda: reasons.put(sync_summary(benchmark, uri)), name="mlflow-summary", daemon=True
    )
    thread.start()
    thread.join(timing.store_timeout)
    reason = "no answer in time" if reasons.empty() else reasons.get()
    if reason:
        where = f"{show_address(uri)} ({reason})"
        print(f"methods not yet summarised in {where}; run `vimae-bench sync`", file=sys.stderr)


@hookimpl
def vimae_reporters() -> Mapping[str, Callable[..., Reporter]]:
    """The reporter `mlflow`."""
    return {"mlflow": MlflowReporter}
