"""Runs carried out here, one after another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vimae_bench.execution import Event, Executor, Job, JobEnded, JobStarted
from vimae_bench.plugin import hookimpl


@dataclass(frozen=True)
class Inline:
    """One run after another in this process: for debugging a plugin, and for tests. A crash ends the benchmark."""

    device: str = "cpu"

    def __call__(self, jobs: Sequence[Job], work: Callable[[Job], int]) -> Iterator[Event]:
        """Carry out the jobs; gives the start and the end of each."""
        for job in jobs:
            here = replace(job, device=self.device)
            yield JobStarted(here)
            yield JobEnded(here, work(here))


@hookimpl
def vimae_executors() -> Mapping[str, Callable[..., Executor]]:
    """The executor `inline`."""
    return {"inline": Inline}
