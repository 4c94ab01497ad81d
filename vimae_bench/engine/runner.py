"""The conductor: jobs to an executor, its events past the reporters, until nothing is left to do."""

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..core.spec import MatrixEntry
from ..execution import signals
from ..execution.interfaces import Executor, Reporter
from ..execution.jobs import NO_SPACE, Event, Job, NumericsOptions
from ..storage.run_folder import RunFolder
from ..storage.store import FINISHED_STATES, ResultsFolder, RunState
from .scheduler import run_rounds

DEFAULT_NUMERICS = NumericsOptions()


def list_jobs(
    store: ResultsFolder,
    name: str,
    entries: Sequence[MatrixEntry],
    data: Path,
    numerics: NumericsOptions = DEFAULT_NUMERICS,
    states: Sequence[RunState] | None = None,
) -> list[Job]:
    """What is still to be done, each run once, however many rows it appears in.

    `states` are those of the entries, where the caller has read them already.
    """
    pairs = list(zip(entries, states or [store.get_state(entry) for entry in entries], strict=True))
    unfinished = [entry for entry, state in pairs if state not in FINISHED_STATES]
    trained = [entry for entry, state in pairs if state == "done"]
    todo = {entry.run.key: entry for entry in (*unfinished, *_list_without_references(store, trained))}
    return [Job(name, entry, store.run_folder(entry.run).path, data, numerics=numerics) for entry in todo.values()]


def batch_seeds(jobs: Sequence[Job]) -> list[Job]:
    """Jobs that differ in the seed alone joined to one, where their options ask for it."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        run = replace(job.entry.run, seed=0) if job.numerics.batch_seeds else job.entry.run
        groups.setdefault(run.key, []).append(job)
    return [replace(first, batched_with=tuple(rest)) for first, *rest in groups.values()]


def _list_without_references(store: ResultsFolder, trained: Sequence[MatrixEntry]) -> Iterator[MatrixEntry]:
    """One trained run for each data set on which the reference rows of some metric are still to be measured."""
    one_each = {(entry.run.dataset.key, entry.run.latent): entry for entry in trained}
    for entry in one_each.values():
        if not all(
            store.reference_path(entry.run.dataset, entry.run.latent, metric).exists() for metric in entry.metrics
        ):
            yield entry


def share_jobs(todo: Sequence[Job], share: int, of: int) -> list[Job]:
    """One of `of` equal shares of the jobs, counted from 1, and behind it the others', from their ends."""
    others = [job for place, job in enumerate(todo) if place % of != share - 1]
    return [*todo[share - 1 :: of], *reversed(others)]


def run_jobs(
    todo: Sequence[Job],
    executor: Executor,
    reporters: Sequence[Reporter],
    *,
    wait: bool = True,
    work: Callable[[Job], int] | None = None,
) -> list[Job]:
    """Run the jobs while every reporter looks on; gives those that did not end well.

    Runs that other processes are at are waited for, and taken over from those that die; without `wait` they are left.
    Workers write the records before anyone hears of them, so a reporter that fails loses nothing. Raises Interrupted
    after the first SIGINT or SIGTERM, when the runs under way have ended.
    """
    if work is None:
        from .worker import execute as work  # needs torch, which takes a second to load

    failed: list[Job] = []
    rounds = run_rounds(todo, lambda jobs: executor(batch_seeds(jobs), work), wait=wait)
    events = _record_deaths(rounds, failed)
    for reporter in reporters:
        events = reporter(todo, events)
    with signals.defer():
        try:
            for _ in events:
                continue
        finally:
            rounds.close()  # an error may strike in a reporter: the runs under way are ended before anything else
    return failed


def _record_deaths(events: Iterator[Event], failed: list[Job]) -> Iterator[Event]:
    """The events, with a record written for a worker that could not write its own, unless there is no room for any."""
    for event in events:
        told = event.kind == "ended" and event.exit_code != NO_SPACE
        if told and event.job and (event.exit_code or not RunFolder(event.job.folder).has_ended):
            failed.append(event.job)
            _write_death_record(event.job, event.exit_code or 0, event.reason)
        yield event


def _write_death_record(job: Job, exit_code: int, reason: str) -> None:
    from .record import write_failure

    folder = RunFolder(job.folder)
    if exit_code >= 0 and folder.has_ended:  # it lived long enough to write its own
        return
    write_failure(folder, job.entry.run, reason or f"the worker {_describe_death(exit_code)}; see {folder.log}")


def _describe_death(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended with the exit code {exit_code} and without a record"
    hint = " (was the machine out of memory?)" if exit_code == -signal.SIGKILL else ""
    return f"was killed by signal {-exit_code}{hint}"
