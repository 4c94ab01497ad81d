"""The conductor: orders to an executor, its events past the reporters, until nothing is left to do."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from .folder import RunFolder
from .records import Cell, Event, Means, Order
from .results.store import Store
from .streams import Executor, Reporter

FINISHED = ("done", "diverged")
ORDINARY = Means()


def orders(store: Store, name: str, cells: Sequence[Cell], data: Path, means: Means = ORDINARY) -> list[Order]:
    """What is still to be done, each run once, however many rows it appears in."""
    states = [(cell, store.state(cell)) for cell in cells]
    unfinished = [cell for cell, state in states if state not in FINISHED]
    trained = [cell for cell, state in states if state == "done"]
    todo = {cell.run.key: cell for cell in (*unfinished, *_without_references(store, trained))}
    return [Order(name, cell, store.folder(cell.run).path, data, means=means) for cell in todo.values()]


def grouped(orders: Sequence[Order]) -> list[Order]:
    """Orders that differ in the seed alone made one, where their means ask for it."""
    groups: dict[str, list[Order]] = {}
    for order in orders:
        run = replace(order.cell.run, seed=0) if order.means.batch_seeds else order.cell.run
        groups.setdefault(run.key, []).append(order)
    return [replace(first, seeds=tuple(rest)) for first, *rest in groups.values()]


def _without_references(store: Store, trained: Sequence[Cell]) -> Iterator[Cell]:
    """One trained run for each data set on which the reference rows of some metric are still to be measured."""
    one_each = {(cell.run.dataset.key, cell.run.latent): cell for cell in trained}
    for cell in one_each.values():
        if not all(store.reference(cell.run.dataset, cell.run.latent, metric).exists() for metric in cell.metrics):
            yield cell


def carry_out(todo: Sequence[Order], executor: Executor, reporters: Sequence[Reporter]) -> list[Order]:
    """Run the orders while every reporter looks on; gives those that did not end well.

    Workers write the records before anyone hears of them, so a reporter that fails loses nothing.
    """
    from .engine.execute import execute

    failed: list[Order] = []
    work = executor(grouped(todo), execute)
    events = _settled(_each(work), failed)
    for reporter in reporters:
        events = reporter(todo, events)
    try:
        for _ in events:
            continue
    finally:
        # An interrupt may strike in a reporter: the runs under way are ended before anything else.
        if isinstance(work, Generator):
            work.close()
    return failed


def _each(events: Iterator[Event]) -> Iterator[Event]:
    """The events of an order of several seeds, told of each of them."""
    for event in events:
        yield event
        for other in event.order.seeds if event.order else ():
            yield replace(event, order=other)


def _settled(events: Iterator[Event], failed: list[Order]) -> Iterator[Event]:
    """The events, with a record written for a worker that could not write its own."""
    for event in events:
        if event.kind == "ended" and event.order and event.exit_code:
            failed.append(event.order)
            _record_death(event.order, event.exit_code, event.reason)
        yield event


def _record_death(order: Order, exit_code: int, reason: str) -> None:
    from .engine.record import write_failure

    folder = RunFolder(order.folder)
    if exit_code >= 0:  # it lived long enough to write its own
        return
    hint = "; was the machine out of memory?" if exit_code == -9 else f"; see {folder.log}"
    write_failure(folder, order.cell.run, reason or f"the worker was killed by signal {-exit_code}{hint}")
