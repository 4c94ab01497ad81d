"""The contracts of executors and reporters."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ..core.spec import MatrixEntry, PluginSpec, Run, Training
from ..execution import Executor, Job, JobEnded, JobStarted, Note, Reporter, Tick
from .contract import check, expect
from .settings import SETTINGS


@check
def every_order_is_told(executor: Executor) -> None:
    """It starts and ends every job once, and tells the exit code of its work."""
    with _jobs(3) as jobs:
        events = list(executor(jobs, _work))
    for job in jobs:
        about = [e for e in events if isinstance(e, JobStarted | JobEnded) and e.job.folder == job.folder]
        found = [(type(e).__name__, e.exit_code if isinstance(e, JobEnded) else None) for e in about]
        wanted = [("JobStarted", None), ("JobEnded", job.entry.run.seed)]
        expect(found == wanted, f"reported {found} of a job, not {wanted}")


@check
def every_event_is_passed_on(reporter: Reporter) -> None:
    """It passes every event on, in order, unchanged."""
    with _jobs(1) as (job,):
        start = [Note("one run at a time"), JobStarted(job)]
        told = [*start, Tick(), JobEnded(job, 0)]
        passed = list(reporter([job], iter(told)))
    expect(passed == told, f"passed on {[type(e).__name__ for e in passed]} of {[type(e).__name__ for e in told]}")


@contextmanager
def _jobs(count: int) -> Generator[list[Job]]:
    """Orders for runs in an empty folder, which is removed afterwards."""
    with TemporaryDirectory() as scratch:
        yield [_job(Path(scratch), seed) for seed in range(count)]


def _job(scratch: Path, seed: int) -> Job:
    plain = PluginSpec("toy")
    run = Run(plain, plain, plain, plain, 2, Training(epochs=1), seed)
    return Job("toy", MatrixEntry("toy", run, ()), scratch / "toy" / "runs" / run.name, scratch)


def _work(job: Job) -> int:
    return job.entry.run.seed


EXECUTOR = (every_order_is_told, *SETTINGS)
REPORTER = (every_event_is_passed_on, *SETTINGS)
