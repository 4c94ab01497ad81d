"""Runs mirrored to MLflow while they go on, beside the stream of events and never in its way."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import ClassVar

from vimae_bench.core.secrets import mask_secrets
from vimae_bench.execution import Event, Job, MatrixEntry, Reporter
from vimae_bench.plugin import BenchError, RunOption, hookimpl
from vimae_bench.tracking.store import default_store_uri, load
from vimae_bench.tracking.sync import SyncSummary
from vimae_bench.tracking.sync import sync_benchmark as sync

EVERY = 3.0
"""Seconds between two looks at the runs under way; they double while the store cannot be reached."""
LONGEST = 60.0
"""Seconds between two looks at the most, and seconds the last look may take up further runs."""
PATIENCE = 40.0
"""Seconds after which a store that does not answer has been given up (`store.SETTINGS`)."""
LEAVE = 2.0
"""Seconds for a call under way to end when the benchmark is interrupted."""


@dataclass(frozen=True)
class Mlflow:
    """Mirrors runs to the MLflow store at `uri`; empty: a database in the results folder.

    A store that cannot be reached costs one line at the end, and `vimae-bench sync` catches up. Trained models are
    copied there too, unless `models` is false.
    """

    uri: str = ""
    models: bool = True

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
        if not jobs:
            yield from events
            return
        mirror = Mirror(jobs, self.uri or default_store_uri(jobs[0].folder.parents[2]), self.models)
        mirror.start()
        try:
            for event in events:
                mirror.events.put(event)
                yield event
            mirror.finish()
        finally:
            mirror.leave()


class Mirror(threading.Thread):
    """Sends what the runs write, again and again, in a thread that the process does not wait for when it ends."""

    def __init__(self, jobs: Sequence[Job], uri: str, models: bool = True):
        super().__init__(name="mlflow", daemon=True)
        self.benchmark = jobs[0].folder.parents[1]
        self.uri, self.sync = uri, partial(sync, self.benchmark, uri, models=models)
        self.events: SimpleQueue[Event] = SimpleQueue()
        self.over, self.left = threading.Event(), threading.Event()
        self.summary = SyncSummary(0, len(jobs), "no answer in time; some of them may be there")

    def run(self) -> None:
        """Look at the runs under way until all are over, then at all that the benchmark has."""
        with contextlib.suppress(Exception):  # it is told by the first look
            load()
        live, ended = dict[Path, MatrixEntry](), set[Path]()
        pause = EVERY
        while not self.over.wait(pause):
            self._note(live, ended)
            if self.sync(list(live.values()), describing=False).behind:
                pause = min(2 * pause, LONGEST)
            else:
                live = {folder: entry for folder, entry in live.items() if folder not in ended}
                pause = EVERY
        if not self.left.is_set():
            self.summary = self._last()

    def _note(self, live: dict[Path, MatrixEntry], ended: set[Path]) -> None:
        while not self.events.empty():
            event = self.events.get()
            if event.job and event.kind == "started":
                live[event.job.folder] = event.job.entry
            elif event.job:
                ended.add(event.job.folder)

    def _last(self) -> SyncSummary:
        try:
            return self.sync(seconds=LONGEST)
        except BenchError as error:
            return replace(self.summary, reason=str(error))

    def finish(self) -> None:
        """Wait, within bounds, until MLflow has everything; tell if it has not."""
        self.over.set()
        self.join(LONGEST + PATIENCE)
        if behind := self.summary.behind:
            runs, where = "run" if behind == 1 else "runs", f"{mask_secrets(self.uri)} ({self.summary.reason})"
            print(f"{behind} {runs} not yet mirrored to {where}; run `vimae-bench sync`", file=sys.stderr)

    def leave(self) -> None:
        """Let the thread end where it stands: what it did not send is sent by the next."""
        self.left.set()
        self.over.set()
        self.join(LEAVE)


@hookimpl
def vimae_reporters() -> Mapping[str, Callable[..., Reporter]]:
    """The reporter `mlflow`."""
    return {"mlflow": Mlflow}
