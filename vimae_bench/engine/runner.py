"""The conductor: orders to an executor, its events past the reporters, until nothing is left to do."""

import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..core.spec import Cell
from ..execution import signals as interrupts
from ..execution.interfaces import Executor, Reporter
from ..execution.jobs import NO_SPACE, Event, Means, Order
from ..storage.run_folder import RunFolder
from ..storage.store import FINISHED_STATES, ResultsFolder
from .scheduler import rounds

ORDINARY = Means()


def orders(store: ResultsFolder, name: str, cells: Sequence[Cell], data: Path, means: Means = ORDINARY) -> list[Order]:
    """What is still to be done, each run once, however many rows it appears in."""
    states = [(cell, store.get_state(cell)) for cell in cells]
    unfinished = [cell for cell, state in states if state not in FINISHED_STATES]
    trained = [cell for cell, state in states if state == "done"]
    todo = {cell.run.key: cell for cell in (*unfinished, *_without_references(store, trained))}
    return [Order(name, cell, store.run_folder(cell.run).path, data, means=means) for cell in todo.values()]


def grouped(orders: Sequence[Order]) -> list[Order]:
    """Orders that differ in the seed alone made one, where their means ask for it."""
    groups: dict[str, list[Order]] = {}
    for order in orders:
        run = replace(order.cell.run, seed=0) if order.means.batch_seeds else order.cell.run
        groups.setdefault(run.key, []).append(order)
    return [replace(first, seeds=tuple(rest)) for first, *rest in groups.values()]


def _without_references(store: ResultsFolder, trained: Sequence[Cell]) -> Iterator[Cell]:
    """One trained run for each data set on which the reference rows of some metric are still to be measured."""
    one_each = {(cell.run.dataset.key, cell.run.latent): cell for cell in trained}
    for cell in one_each.values():
        if not all(store.reference_path(cell.run.dataset, cell.run.latent, metric).exists() for metric in cell.metrics):
            yield cell


def shared_out(todo: Sequence[Order], share: int, of: int) -> list[Order]:
    """One of `of` equal shares of the orders, counted from 1, and behind it the others', from their ends."""
    others = [order for place, order in enumerate(todo) if place % of != share - 1]
    return [*todo[share - 1 :: of], *reversed(others)]


def carry_out(
    todo: Sequence[Order], executor: Executor, reporters: Sequence[Reporter], *, wait: bool = True
) -> list[Order]:
    """Run the orders while every reporter looks on; gives those that did not end well.

    Runs that other processes are at are waited for, and taken over from those that die; without `wait` they are left.
    Workers write the records before anyone hears of them, so a reporter that fails loses nothing. Raises Interrupted
    after the first SIGINT or SIGTERM, when the runs under way have ended.
    """
    from .worker import execute

    failed: list[Order] = []
    work = rounds(todo, lambda orders: executor(grouped(orders), execute), wait=wait)
    events = _settled(work, failed)
    for reporter in reporters:
        events = reporter(todo, events)
    with interrupts.patient():
        try:
            for _ in events:
                continue
        finally:
            work.close()  # an error may strike in a reporter: the runs under way are ended before anything else
    return failed


def _settled(events: Iterator[Event], failed: list[Order]) -> Iterator[Event]:
    """The events, with a record written for a worker that could not write its own, unless there is no room for any."""
    for event in events:
        told = event.kind == "ended" and event.exit_code != NO_SPACE
        if told and event.order and (event.exit_code or not RunFolder(event.order.folder).ended):
            failed.append(event.order)
            _record_death(event.order, event.exit_code or 0, event.reason)
        yield event


def _record_death(order: Order, exit_code: int, reason: str) -> None:
    from .record import write_failure

    folder = RunFolder(order.folder)
    if exit_code >= 0 and folder.ended:  # it lived long enough to write its own
        return
    write_failure(folder, order.cell.run, reason or f"the worker {_death(exit_code)}; see {folder.log}")


def _death(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended with the exit code {exit_code} and without a record"
    hint = " (was the machine out of memory?)" if exit_code == -signal.SIGKILL else ""
    return f"was killed by signal {-exit_code}{hint}"
