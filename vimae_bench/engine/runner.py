"""Runs the jobs of a benchmark: passes them to an executor, and its events to the reporters, until all are done."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..core.spec import MatrixEntry
from ..execution import signals
from ..execution.events import Event, ExitCode, JobEnded, describe_exit_code
from ..execution.interfaces import Executor, Reporter
from ..execution.jobs import Job, NumericsOptions
from ..storage.run_folder import RunFolder
from ..storage.store import FINISHED_STATES, ResultsFolder, RunState
from .scheduler import run_rounds

DEFAULT_NUMERICS = NumericsOptions()
WORKER_MODULES = ("vimae_bench.engine.preload",)
"""What workers need and what takes long to import, for executors whose processes can share it."""


def list_jobs(
    store: ResultsFolder,
    benchmark: str,
    entries: Sequence[MatrixEntry],
    data: Path,
    numerics: NumericsOptions = DEFAULT_NUMERICS,
    states: Sequence[RunState] | None = None,
) -> list[Job]:
    """What is still to be done, each run once, however many rows it appears in.

    `states` are those of the entries, where the caller has read them already. Runs to `retrain` are left out.
    """
    known = list(zip(entries, states or [store.get_state(entry) for entry in entries], strict=True))
    unfinished = [entry for entry, state in known if state not in (*FINISHED_STATES, "retrain")]
    trained = [entry for entry, state in known if state == "done" and store.run_folder(entry.run).weights.exists()]
    wanted = {entry.run.key: entry for entry in (*unfinished, *_list_without_baselines(store, trained))}
    return [
        Job(benchmark, entry, store.run_folder(entry.run).path, data, numerics=numerics) for entry in wanted.values()
    ]


def _list_without_baselines(store: ResultsFolder, trained: Sequence[MatrixEntry]) -> Iterator[MatrixEntry]:
    """One trained run for each data set on which the baselines of some metric are still to be measured."""
    one_each = {(entry.run.dataset.key, entry.run.latent): entry for entry in trained}
    for entry in one_each.values():
        if not all(store.baseline_path(entry.run.dataset, entry.run.latent, m).exists() for m in entry.metrics):
            yield entry


def share_jobs(jobs: Sequence[Job], share: int, count: int) -> list[Job]:
    """One of `count` equal shares of the jobs, numbered from 1, followed by the others' jobs from their ends."""
    others = [job for place, job in enumerate(jobs) if place % count != share - 1]
    return [*jobs[share - 1 :: count], *reversed(others)]


def run_jobs(
    jobs: Sequence[Job],
    executor: Executor,
    reporters: Sequence[Reporter],
    *,
    wait: bool = True,
    work: Callable[[Job], int] | None = None,
) -> list[Job]:
    """Run the jobs, passing all events through the reporters; returns the jobs that did not end well.

    Runs that other processes are doing are waited for, and taken over from those that die; without `wait` they are
    left. `work` is what is done with a job; by default it trains and measures its run. Workers write the records before
    any reporter hears of them, so a reporter that fails loses nothing. Raises Interrupted after the first of
    `signals.STOP_SIGNALS`, when the runs in progress have ended.
    """
    if work is None:
        from .worker import execute_job as work  # loads torch, which takes a second

    for job in jobs[:1]:  # from now on nobody makes it
        RunFolder(job.folder).benchmark.mkdir(parents=True, exist_ok=True)
    failed: list[Job] = []
    rounds = run_rounds(jobs, lambda batches: executor(batches, work), wait=wait)
    events = _record_deaths(rounds, failed)
    for reporter in reporters:
        events = reporter(jobs, events)
    with signals.defer():
        try:
            for _ in events:
                continue
        finally:
            rounds.close()  # an error may occur in a reporter: the runs in progress are ended before anything else
    return failed


def _record_deaths(events: Iterator[Event], failed: list[Job]) -> Iterator[Event]:
    """The events, with a record written for each worker that died without one.

    None is written where the disk is full, nor of a run that was interrupted again and again: it has not failed.
    """
    for event in events:
        match event:
            case JobEnded(_, ExitCode.NO_SPACE):
                pass
            case JobEnded(job, exit_code, reason) if exit_code or not RunFolder(job.folder).has_ended:
                failed.append(job)
                if exit_code != ExitCode.INTERRUPTED:
                    _write_death_record(job, exit_code, reason)
            case _:
                pass
        yield event


def _write_death_record(job: Job, exit_code: int, reason: str) -> None:
    from filelock import Timeout

    from .record import write_failure

    folder = RunFolder(job.folder)
    if exit_code >= 0 and folder.has_ended:  # it lived long enough to write its own
        return
    death = f"the worker {describe_exit_code(exit_code)}{' without a record' * (exit_code >= 0)}; see {folder.log}"
    # Another process may have taken the run up meanwhile, and writes its own.
    with contextlib.suppress(Timeout), folder.claim():
        write_failure(folder, job.entry.run, reason or death)
