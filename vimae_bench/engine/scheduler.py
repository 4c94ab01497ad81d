"""Rounds of an executor over jobs, of which other processes on the same results folder may be doing some.

A run belongs to whoever holds the lock in its folder, which the kernel releases when its holder dies.
"""

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ..core.errors import BenchError, ResultsError
from ..execution import signals
from ..execution.events import Event, ExitCode, JobEnded, JobRequeued, JobStarted, Note, Tick
from ..execution.jobs import Job
from ..plugin.manager import PLUGIN_ERRORS, find_plugin_line
from ..storage.atomic import is_no_space_error
from ..storage.locks import FIRST_LINE_SECONDS, NEXT_LINE_SECONDS, describe_lock_holder
from ..storage.plain_files import check_still_there
from ..storage.run_folder import RunFolder, read_events
from ..storage.store import FINISHED_STATES, ResultsFolder

POLL_SECONDS = 1.0
"""Between two looks at the runs of other processes."""
MAX_RETRIES = 3
"""How often a run is taken up again whose worker was asked to end by someone else."""
MAX_NAMED = 3
"""How many of the runs that are waited for are named."""
NOTHING_LOST = "what is done is kept, and the same command goes on from there, also with another --executor"
STOPPING = "stopping: the runs in progress write their checkpoints; a second signal ends them at once"


def run_rounds(
    jobs: Sequence[Job], executor: Callable[[Sequence[Job]], Iterator[Event]], *, wait: bool
) -> Generator[Event]:
    """The events of the executor at work on the jobs, then on what other processes left of those they were doing.

    Raises Interrupted after a signal, ResultsError when nothing more can be written: the disk is full, or the results
    folder was moved or removed. Raises BenchError where the executor fails.
    """
    requeued, retries = list[Job](), Counter[str]()
    while jobs:
        batches = batch_seeds(jobs)
        offsets = _measure_event_files(batches)
        unreported = {job.entry.run.key: job for job in jobs}
        for event in _stop_early(_call_executor(executor, batches), RunFolder(jobs[0].folder).benchmark):
            for one in split_by_seed(event, offsets):
                if isinstance(one, JobEnded) and not unreported.pop(one.job.entry.run.key, None):
                    continue  # it has been reported before
                match one:
                    case JobEnded(job, ExitCode.INTERRUPTED) if not _is_given_up(job, retries):
                        requeued.append(job)
                        yield JobRequeued(job)
                    case _:
                        yield one
        yield from _end_unreported([*unreported.values()])
        jobs = yield from _wait_for_others(requeued, wait)
    if requeued:
        runs = f"{len(requeued)} runs are" if len(requeued) > 1 else "1 run is"
        yield Note(f"{runs} in progress in another process")


@contextmanager
def explain_executor_failure() -> Generator[None]:
    """In this block, which calls an executor, what it raises becomes a BenchError that says what remains to be done."""
    try:
        yield
    except BenchError:
        raise
    except PLUGIN_ERRORS as error:
        if is_no_space_error(error):
            raise
        place = find_plugin_line(error)
        what = f"{type(error).__name__}: {error}{f' ({place})' * bool(place)}"
        raise BenchError(f"the executor failed: {what}; {NOTHING_LOST}") from error


def _call_executor(executor: Callable[[Sequence[Job]], Iterator[Event]], jobs: Sequence[Job]) -> Generator[Event]:
    """The executor's events."""
    with explain_executor_failure():
        events = iter(executor(jobs))
    try:
        while True:
            with explain_executor_failure():
                try:
                    event = next(events)
                except StopIteration:
                    return
            yield event
    finally:
        if isinstance(events, Generator):
            with explain_executor_failure():
                events.close()


def _end_unreported(jobs: Sequence[Job]) -> Iterator[Event]:
    """The ends of jobs that an executor has not reported, each as its run's files say, and a note of them."""
    if not jobs:
        return
    named = ", ".join(f"{job.entry.label} s{job.entry.run.seed}" for job in jobs[:MAX_NAMED])
    more = f" and {len(jobs) - MAX_NAMED} more" if len(jobs) > MAX_NAMED else ""
    yield Note(f"the executor ended without saying how {named}{more} ended; {NOTHING_LOST}")
    for job in jobs:
        folder = RunFolder(job.folder)
        is_done = ResultsFolder(folder.benchmark).get_state(job.entry) in FINISHED_STATES and folder.has_ended
        yield JobEnded(job, ExitCode.DONE if is_done else ExitCode.INTERRUPTED)


def batch_seeds(jobs: Sequence[Job]) -> list[Job]:
    """Jobs that differ in the seed alone joined to one, where their options ask for it."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        run = replace(job.entry.run, seed=0) if job.numerics.batch_seeds else job.entry.run
        groups.setdefault(run.key, []).append(job)
    return [replace(first, batched_with=tuple(rest)) for first, *rest in groups.values()]


def split_by_seed(event: Event, offsets: Mapping[Path, int]) -> Iterator[Event]:
    """The event of a job of several seeds as one event for each of them.

    A worker has one exit code, so how each seed ended is read from what its run has written to its events behind the
    offset (in bytes) that they had before.
    """
    match event:
        case JobStarted(job):
            yield from map(JobStarted, _list_seeds(job))
        case JobEnded(job, exit_code, reason) if job.batched_with and exit_code != ExitCode.DONE:
            for one in _list_seeds(job):
                own = _find_exit_code(one, offsets.get(one.folder, 0), exit_code)
                yield JobEnded(one, own, reason if own == exit_code else "")
        case JobEnded(job, exit_code, reason):
            yield from (JobEnded(one, exit_code, reason) for one in _list_seeds(job))
        case _:
            yield event


def _list_seeds(job: Job) -> tuple[Job, ...]:
    return job, *job.batched_with


def _measure_event_files(batches: Sequence[Job]) -> dict[Path, int]:
    """The size in bytes of the events of each run that is trained with others."""
    folders = (RunFolder(one.folder) for job in batches if job.batched_with for one in _list_seeds(job))
    return {folder.path: folder.events.stat().st_size for folder in folders if folder.events.is_file()}


def _find_exit_code(job: Job, offset: int, shared: int) -> int:
    """How one seed ended; as its worker did (`shared`) if it neither says so itself nor is finished."""
    folder = RunFolder(job.folder)
    said = [line.get("exit_code") for line, _ in read_events(folder.events, offset) if line["event"] == "ended"]
    if said and isinstance(said[-1], int):
        return said[-1]
    finished = ResultsFolder(folder.benchmark).get_state(job.entry) in FINISHED_STATES
    return ExitCode.DONE if finished and folder.has_ended else shared


def _stop_early(events: Generator[Event], results: Path) -> Iterator[Event]:
    """The events, until a signal comes, the disk is full or the results are gone; then runs in progress are ended."""
    try:
        for event in events:
            check_still_there(results)
            yield event
            if isinstance(event, JobEnded) and event.exit_code == ExitCode.NO_SPACE:
                raise ResultsError(f"{event.job.folder}: no space left; make room and run the same command again")
            if signals.pending():
                yield Note(STOPPING)
                break
    finally:
        events.close()
    signals.raise_if_pending()


def _is_given_up(job: Job, retries: Counter[str]) -> bool:
    """Whether the workers of a run were asked to end so often that another would be too."""
    retries[job.entry.run.key] += not RunFolder(job.folder).is_claimed()
    return retries[job.entry.run.key] > MAX_RETRIES


def _wait_for_others(requeued: list[Job], wait: bool) -> Generator[Event, None, list[Job]]:
    """Ticks until no process holds some of these runs; takes them from the list and gives those not finished."""
    free, line_at = list[Job](), time.monotonic() + FIRST_LINE_SECONDS
    while requeued and not free:
        signals.raise_if_pending()
        check_still_there(RunFolder(requeued[0].folder).benchmark)
        for job in [job for job in requeued if not RunFolder(job.folder).is_claimed()]:
            requeued.remove(job)
            folder = RunFolder(job.folder)
            state = ResultsFolder(folder.benchmark).get_state(job.entry)
            if state in (*FINISHED_STATES, "failed") and folder.has_ended:
                code = ExitCode.FAILED if state == "failed" else ExitCode.DONE
                yield JobEnded(job, code, "done by another process")
            else:
                free.append(job)
        if not wait:
            break
        if requeued and not free:
            if time.monotonic() > line_at:
                yield Note(_describe_others(requeued))
                line_at += NEXT_LINE_SECONDS
            yield Tick()
            time.sleep(POLL_SECONDS)
    return free


def _describe_others(jobs: Sequence[Job]) -> str:
    """Which runs other processes are doing."""
    held = [
        f"{job.entry.label} s{job.entry.run.seed}, which {describe_lock_holder(RunFolder(job.folder).lock)} holds"
        for job in jobs[:MAX_NAMED]
    ]
    more = [f"{len(jobs) - MAX_NAMED} more runs"] if len(jobs) > MAX_NAMED else []
    return f"waiting for {'; '.join([*held, *more])}"
