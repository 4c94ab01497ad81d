"""Rounds of an executor over orders, of which other processes on the same folder may be at some.

A run belongs to whoever holds the lock in its folder, which the kernel frees when its holder dies.
"""

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

from filelock import FileLock, Timeout

from ..core.errors import ResultsError
from ..execution import signals as interrupts
from ..execution.jobs import DONE, FAILED, LEFT, NO_SPACE, Event, Order
from ..storage.run_folder import RunFolder
from ..storage.store import FINISHED_STATES, ResultsFolder

POLL = 1.0
"""Seconds between two looks at the runs that others are at."""
TRIES = 3
"""How often a run is taken up again whose worker was asked to end by someone else."""
STOPPING = "stopping: the runs under way write their checkpoints; a second signal ends them at once"


def rounds(
    todo: Sequence[Order], executor: Callable[[Sequence[Order]], Iterator[Event]], *, wait: bool
) -> Generator[Event]:
    """The events of the executor at work on the orders, then on what others left of those they were at.

    Raises Interrupted after a signal, ResultsError when nothing more can be written.
    """
    left, tries = list[Order](), Counter[str]()
    while todo:
        for event in _heeding(executor(todo)):
            for one in each_seed(event):
                if one.order and one.exit_code == LEFT and not _given_up(one.order, tries):
                    left.append(one.order)
                    yield replace(one, kind="left")
                else:
                    yield one
        todo = yield from _freed(left, wait)
    if left:
        runs = f"{len(left)} runs are" if len(left) > 1 else "1 run is"
        yield Event("note", reason=f"{runs} under way in another process")


def held(order: Order) -> bool:
    """Whether some process is at a run."""
    lock = RunFolder(order.folder).lock
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True


def _heeding(work: Iterator[Event]) -> Iterator[Event]:
    """The events, until a signal comes or the disk is full; then the runs under way are ended."""
    try:
        for event in work:
            yield event
            if event.exit_code == NO_SPACE and event.order:
                raise ResultsError(f"{event.order.folder}: no space left; make room, and the same command goes on")
            if interrupts.asked():
                yield Event("note", reason=STOPPING)
                break
    finally:
        if isinstance(work, Generator):
            work.close()
    interrupts.check()


def each_seed(event: Event) -> Iterator[Event]:
    """The event of an order of several seeds, told of each of them."""
    yield event
    for other in event.order.seeds if event.order else ():
        yield replace(event, order=other)


def _given_up(order: Order, tries: Counter[str]) -> bool:
    """Whether its workers were asked to end so often that it is no use."""
    tries[order.cell.run.key] += not held(order)
    return tries[order.cell.run.key] > TRIES


def _freed(left: list[Order], wait: bool) -> Generator[Event, None, list[Order]]:
    """Ticks until some of these runs are no one's any more; takes them from the list and gives those not finished."""
    todo = list[Order]()
    while left and not todo:
        interrupts.check()
        for order in [order for order in left if not held(order)]:
            left.remove(order)
            state = ResultsFolder(order.folder.parents[1]).get_state(order.cell)
            if state in (*FINISHED_STATES, "failed") and RunFolder(order.folder).ended:
                yield Event("ended", order, FAILED if state == "failed" else DONE, "done by another process")
            else:
                todo.append(order)
        if not wait:
            break
        if left and not todo:
            yield Event("tick")
            time.sleep(POLL)
    return todo
