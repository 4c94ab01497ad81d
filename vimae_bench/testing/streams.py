"""The contracts of executors and reporters, which produce and pass on streams of events."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ..core.spec import MatrixEntry, PluginSpec, Run, Training
from ..execution import Executor, Job, JobEnded, JobStarted, Note, Reporter, Tick
from .contract import check, require
from .settings import SETTINGS


@check
def every_job_is_reported(executor: Executor) -> None:
    """It reports the start and the end of every job once, with the exit code of its work."""
    with _make_jobs(3) as jobs:
        events = list(executor(jobs, _work))
    for job in jobs:
        about = [e for e in events if isinstance(e, JobStarted | JobEnded) and e.job.folder == job.folder]
        found = [(type(e).__name__, e.exit_code if isinstance(e, JobEnded) else None) for e in about]
        expected = [("JobStarted", None), ("JobEnded", job.entry.run.seed)]
        require(found == expected, f"reported {found} of a job, not {expected}")


@check
def events_are_passed_on(reporter: Reporter) -> None:
    """It passes every event on, in order, unchanged."""
    with _make_jobs(1) as (job,):
        start = [Note("one run at a time"), JobStarted(job)]
        events = [*start, Tick(), JobEnded(job, 0)]
        passed = list(reporter([job], iter(events)))
    require(passed == events, f"passed on {[type(e).__name__ for e in passed]} of {[type(e).__name__ for e in events]}")


@contextmanager
def _make_jobs(count: int) -> Generator[list[Job]]:
    """Jobs for runs in an empty results folder, which is removed afterwards."""
    with TemporaryDirectory() as scratch:
        (Path(scratch) / "toy").mkdir()
        yield [_make_job(Path(scratch), seed) for seed in range(count)]


def _make_job(scratch: Path, seed: int) -> Job:
    plain = PluginSpec("example")
    run = Run(plain, plain, plain, plain, 2, Training(epochs=1), seed)
    return Job("toy", MatrixEntry("toy", run, ()), scratch / "toy" / "runs" / run.name, scratch)


def _work(job: Job) -> int:
    return job.entry.run.seed


EXECUTOR = (every_job_is_reported, *SETTINGS)
REPORTER = (events_are_passed_on, *SETTINGS)
