"""Rounds of an executor over jobs, of which other processes on the same folder may be at some.

A run belongs to whoever holds the lock in its folder, which the kernel frees when its holder dies.
"""

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

from filelock import FileLock, Timeout

from ..core.errors import ResultsError
from ..execution import signals
from ..execution.jobs import DONE, FAILED, LEFT, NO_SPACE, Event, Job
from ..storage.run_folder import RunFolder
from ..storage.store import FINISHED_STATES, ResultsFolder

POLL = 1.0
"""Seconds between two looks at the runs that others are at."""
TRIES = 3
"""How often a run is taken up again whose worker was asked to end by someone else."""
STOPPING = "stopping: the runs under way write their checkpoints; a second signal ends them at once"


def run_rounds(
    todo: Sequence[Job], executor: Callable[[Sequence[Job]], Iterator[Event]], *, wait: bool
) -> Generator[Event]:
    """The events of the executor at work on the jobs, then on what others left of those they were at.

    Raises Interrupted after a signal, ResultsError when nothing more can be written.
    """
    left, tries = list[Job](), Counter[str]()
    while todo:
        for event in _stop_on_signal(executor(todo)):
            for one in split_by_seed(event):
                if one.job and one.exit_code == LEFT and not _is_given_up(one.job, tries):
                    left.append(one.job)
                    yield replace(one, kind="left")
                else:
                    yield one
        todo = yield from _wait_for_others(left, wait)
    if left:
        runs = f"{len(left)} runs are" if len(left) > 1 else "1 run is"
        yield Event("note", reason=f"{runs} under way in another process")


def is_claimed(job: Job) -> bool:
    """Whether some process is at a run."""
    lock = RunFolder(job.folder).lock
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True


def _stop_on_signal(work: Iterator[Event]) -> Iterator[Event]:
    """The events, until a signal comes or the disk is full; then the runs under way are ended."""
    try:
        for event in work:
            yield event
            if event.exit_code == NO_SPACE and event.job:
                raise ResultsError(f"{event.job.folder}: no space left; make room, and the same command goes on")
            if signals.pending():
                yield Event("note", reason=STOPPING)
                break
    finally:
        if isinstance(work, Generator):
            work.close()
    signals.raise_if_pending()


def split_by_seed(event: Event) -> Iterator[Event]:
    """The event of a job of several seeds, told of each of them."""
    yield event
    for other in event.job.batched_with if event.job else ():
        yield replace(event, job=other)


def _is_given_up(job: Job, tries: Counter[str]) -> bool:
    """Whether its workers were asked to end so often that it is no use."""
    tries[job.entry.run.key] += not is_claimed(job)
    return tries[job.entry.run.key] > TRIES


def _wait_for_others(left: list[Job], wait: bool) -> Generator[Event, None, list[Job]]:
    """Ticks until some of these runs are no one's any more; takes them from the list and gives those not finished."""
    todo = list[Job]()
    while left and not todo:
        signals.raise_if_pending()
        for job in [job for job in left if not is_claimed(job)]:
            left.remove(job)
            state = ResultsFolder(job.folder.parents[1]).get_state(job.entry)
            if state in (*FINISHED_STATES, "failed") and RunFolder(job.folder).has_ended:
                yield Event("ended", job, FAILED if state == "failed" else DONE, "done by another process")
            else:
                todo.append(job)
        if not wait:
            break
        if left and not todo:
            yield Event("tick")
            time.sleep(POLL)
    return todo
