"""Progress in the terminal: a bar for the matrix and one for each run in progress, read from the runs' own events."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from vimae_bench.execution import (
    Event,
    Job,
    JobEnded,
    JobRequeued,
    JobStarted,
    Note,
    Reporter,
    RunFolder,
    Tick,
    describe_exit_code,
    read_events,
)
from vimae_bench.plugin import BenchError, hookimpl

REFRESH_RATE = 4
"""Times a second that the terminal is drawn."""
MAX_REFRESH_PAUSE = 1.0
"""Seconds after which the runs in progress are looked at, though something happens all the time."""


@dataclass(frozen=True)
class ConsoleReporter:
    """Bars on a terminal; elsewhere a line for each run that has ended. Both go to the standard error stream."""

    default: ClassVar[bool] = True

    def __call__(self, jobs: Sequence[Job], events: Iterator[Event]) -> Iterator[Event]:
        """Pass the events on, showing what they mean."""
        return show_progress(jobs, events, Console(stderr=True))


def show_progress(jobs: Sequence[Job], events: Iterator[Event], console: Console) -> Iterator[Event]:
    """Show events on a console, and pass them on."""
    display = ProgressDisplay(jobs, console)
    with display.progress:
        for event in events:
            display.show_event(event)
            yield event


@dataclass
class RunProgress:
    """A run in progress, as far as its events say."""

    job: Job
    start: float = field(default_factory=time.monotonic)
    offset: int = 0
    epoch: int = 0
    epoch_seconds: float = 0.0
    loss: str = ""
    measuring: str = ""
    remark: str = ""
    """What there is to say of how the run is trained."""
    reasons: list[str] = field(default_factory=list[str])
    """What went wrong with metrics."""

    def __post_init__(self):
        """Read what an earlier process wrote; what went wrong then is being tried again."""
        self.read_new_events()
        self.measuring, self.reasons = "", []

    @property
    def name(self) -> str:
        run = self.job.entry.run
        return remove_unprintable(f"{self.job.entry.label} {run.dataset.title} {run.architecture.title} s{run.seed}")

    @property
    def epochs(self) -> int:
        return self.job.entry.run.training.epochs

    @property
    def share(self) -> float:
        """How much of the training is done, from 0 to 1."""
        return self.epoch / self.epochs

    @property
    def state(self) -> str:
        """What the run is doing."""
        return remove_unprintable(f"measuring {self.measuring}") if self.measuring else self.loss

    def read_new_events(self) -> None:
        """Read the events written since the last reading."""
        for line, offset in read_events(RunFolder(self.job.folder).events, self.offset):
            self._apply_event(line)
            self.offset = offset

    def _apply_event(self, line: Mapping[str, Any]) -> None:
        self.remark = line.get("remark") or self.remark
        if line["event"] == "preparing":
            self.loss = "preparing"
        elif line["event"] == "started":
            self.epoch, self.loss = line["resumed_from"], ""
        elif line["event"] == "epoch":
            self.epoch, self.epoch_seconds = line["epoch"], line["seconds"]
            total = line["terms"].get("total")
            self.loss = "" if total is None else f"loss {total:.4g}"
        elif line["event"] == "measuring":
            self.measuring = line["metric"]
        elif line["event"] == "metric failed":
            self.reasons.append(line["reason"])

    def format_time_left(self) -> str:
        """The time the remaining epochs take at the pace of the last."""
        return (
            ""
            if self.measuring or not self.epoch_seconds
            else format_duration(self.epoch_seconds * (self.epochs - self.epoch))
        )

    def format_summary(self) -> str:
        """How the run ended, in a few words."""
        words = (f"{self.epoch} epochs", self.loss, format_duration(time.monotonic() - self.start))
        return "done, " + ", ".join(filter(None, words))

    def describe_failure(self, exit_code: int, why: str) -> str:
        """Why the run did not end well, `why` being what its executor says; empty if it did."""
        folder = RunFolder(self.job.folder)
        try:
            record = folder.read_record()
        except BenchError as error:
            return str(error)
        status, log = record.get("status", "done"), f"; see {folder.log}" * _has_content(folder.log)
        if status == "failed":
            return f"failed: {record.get('reason', '')}{log * (str(folder.log) not in record.get('reason', ''))}"
        if status != "done":
            return f"{status}: {record.get('reason', '')}"
        if self.reasons:
            return "; ".join(self.reasons) + log
        return ": ".join(filter(None, [describe_exit_code(exit_code), why])) if exit_code else ""


class ProgressDisplay:
    """What is shown: the matrix first, then the runs in progress."""

    def __init__(self, jobs: Sequence[Job], console: Console):
        self.total, self.ended = len(jobs), 0
        self.start, self.done_before = time.monotonic(), 0.0
        self.refreshed = self.start
        self.rows: dict[Path, tuple[RunProgress, TaskID]] = {}
        self.remarks: set[str] = set()
        self.progress = Progress(
            *_make_columns(),
            console=console,
            refresh_per_second=REFRESH_RATE,
            disable=not (jobs and console.is_interactive),
        )
        name = remove_unprintable(jobs[0].benchmark) if jobs else ""
        self.matrix = self.progress.add_task(name, total=self.total, count=f"0/{self.total}", state="", left="")

    def show_event(self, event: Event) -> None:
        """Show an event, and whatever the runs in progress have written."""
        match event:
            case Note(text):
                self._print_line(text, "")
            case JobStarted(job):
                self._add_row(job)
            case JobRequeued(job):
                self._remove_row(job)
            case JobEnded():
                self._report_end(event)
            case Tick():
                pass
        if isinstance(event, Tick) or time.monotonic() - self.refreshed > MAX_REFRESH_PAUSE:
            self._refresh_rows()
        self._draw_matrix()

    def _refresh_rows(self) -> None:
        """Read what the runs in progress have written: not at every event, as many runs have many of both."""
        for row, task in self.rows.values():
            row.read_new_events()
            self._print_remark(row)
            self._draw_row(row, task)
        self.refreshed = time.monotonic()

    def _add_row(self, job: Job) -> None:
        row = RunProgress(job)
        self.done_before += row.share
        task = self.progress.add_task(row.name, total=row.epochs, count="", state="", left="")
        self.rows[job.folder] = row, task
        self._draw_row(row, task)

    def _remove_row(self, job: Job) -> RunProgress:
        """Take a run's bar away; a run that others finished never had one."""
        if job.folder not in self.rows:
            return RunProgress(job)
        row, task = self.rows.pop(job.folder)
        self.progress.remove_task(task)
        row.read_new_events()
        self._print_remark(row)
        return row

    def _report_end(self, event: JobEnded) -> None:
        row = self._remove_row(event.job)
        self.ended += 1
        failure = row.describe_failure(event.exit_code, event.reason)
        if failure or self.progress.disable:
            summary = failure or event.reason or row.format_summary()
            self._print_line(f"{self.ended}/{self.total} {row.name}: {summary}", "red" if failure else "")

    def _print_remark(self, row: RunProgress) -> None:
        """Once for each method: its seeds all say the same."""
        line = f"{row.job.entry.label}: {row.remark}"
        if row.remark and line not in self.remarks:
            self.remarks.add(line)
            self._print_line(line, "")

    def _print_line(self, line: str, style: str) -> None:
        self.progress.console.print(Text(remove_unprintable(line), style), soft_wrap=True)

    def _draw_row(self, row: RunProgress, task: TaskID) -> None:
        count = f"{row.epoch}/{row.epochs}"
        self.progress.update(task, completed=row.epoch, count=count, state=row.state, left=row.format_time_left())

    def _draw_matrix(self) -> None:
        done = self.ended + sum(row.share for row, _ in self.rows.values())
        # What earlier processes had done was not done in the time that has passed.
        new, passed = done - self.done_before, time.monotonic() - self.start
        left = format_duration(passed * (self.total - done) / new) if new > 0 and done < self.total else ""
        self.progress.update(self.matrix, completed=self.ended, count=f"{self.ended}/{self.total}", left=left)


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _make_columns() -> list[ProgressColumn]:
    return [
        TextColumn("{task.description}", markup=False, table_column=Column(max_width=40, no_wrap=True)),
        BarColumn(),
        TextColumn("{task.fields[count]}", markup=False, justify="right", table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[state]}", markup=False, table_column=Column(max_width=32, no_wrap=True)),
        TextColumn("{task.fields[left]}", markup=False, justify="right", table_column=Column(no_wrap=True)),
    ]


def remove_unprintable(text: str) -> str:
    """The text without control characters, which a terminal would obey, and without marks that change its direction."""
    return "".join(c for c in text if c.isprintable())


def format_duration(seconds: float) -> str:
    """`0:42`, `12:05`, `3:00:00`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@hookimpl
def vimae_reporters() -> Mapping[str, Callable[..., Reporter]]:
    """The reporter `console`."""
    return {"console": ConsoleReporter}
