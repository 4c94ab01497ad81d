"""The interfaces of executors and reporters. Nothing here needs torch, which takes a second to load."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from .events import Event
from .jobs import Job


class Executor(Protocol):
    """A way to carry out jobs.

    It passes each job to `work`, in whatever process, and reports its start and its end with the exit code that `work`
    gives; ends are reported in the order in which they happen. Closing the iterator early ends the jobs in progress.
    """

    def __call__(self, jobs: Sequence[Job], work: Callable[[Job], int], /) -> Iterator[Event]: ...


@runtime_checkable
class PreparedExecutor(Protocol):
    """An executor with something to start that takes time and needs no jobs, such as a server of worker processes."""

    def prepare(self, modules: Sequence[str], /) -> None:
        """Called while data and models are still being checked; `modules` are what worker processes will import."""
        ...


class Reporter(Protocol):
    """A stage in the stream of events: it looks at them, does its work, and passes every one of them on."""

    def __call__(self, jobs: Sequence[Job], events: Iterator[Event], /) -> Iterator[Event]: ...


@runtime_checkable
class PublishesResults(Protocol):
    """A reporter that copies the results of a whole benchmark to somewhere else, once all runs are done."""

    def publish_results(self, benchmark: Path, /) -> Mapping[str, str]:
        """Copy what is now in the results folder `benchmark`: tables and the report have just been written there.

        Gives lines for the end of `vimae-bench run` that say where to look, by a word that heads each.
        """
        ...
