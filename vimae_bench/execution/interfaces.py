"""The two kinds of plugin that deal in jobs and events. Nothing here needs torch, which takes a second to load."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from .jobs import Event, Job


class Executor(Protocol):
    """A way to carry out jobs. `work` does one and gives its exit code; ends are told in the order they come.

    It may have a method `prepare()`, which is called before data and models are checked: what takes time and needs no
    jobs, such as a server of workers, can be started there.
    """

    def __call__(self, jobs: Sequence[Job], work: Callable[[Job], int], /) -> Iterator[Event]: ...


class Reporter(Protocol):
    """A stage in the stream of events: it looks at them, does its work, and passes every one of them on."""

    def __call__(self, jobs: Sequence[Job], events: Iterator[Event], /) -> Iterator[Event]: ...


@runtime_checkable
class DescribesOutput(Protocol):
    """A reporter that says where to find what it wrote."""

    def describe_output(self, results: Path, /) -> Mapping[str, str]:
        """Lines for the end of `vimae-bench run`, by a word that heads each. `results` holds the benchmark's folder."""
        ...
