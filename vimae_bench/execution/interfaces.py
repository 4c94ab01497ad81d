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
class DescribesOutput(Protocol):
    """A reporter that says where to find what it wrote."""

    def describe_output(self, benchmark: Path, /) -> Mapping[str, str]:
        """Lines for the end of `vimae-bench run`, by a word that heads each.

        `benchmark` is its results folder. Tables and the report have just been written there: a reporter that copies
        them does it now.
        """
        ...
