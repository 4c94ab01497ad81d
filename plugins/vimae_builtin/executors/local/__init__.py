"""Concurrent runs on this machine, each in its own process, so that one that crashes does not affect the others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from vimae_bench.execution import Event, Executor, Job, Note, is_glibc
from vimae_bench.plugin import RunOption, hookimpl

from .concurrency import CPU_MEMORY_PER_RUN, GPU_MEMORY_PER_RUN, DeviceSlots, choose_limit, format_concurrency
from .machine import count_cores, find_gpus, measure_free_memory
from .process_pool import ProcessPool
from .worker import query_free_memory, start_server

OTHER_ALLOCATOR = "the allocator here is not glibc's; convolutions may train a third slower for it"


@dataclass(frozen=True)
class Local:
    """One process for each run, and as many at a time as cores and memory allow."""

    jobs: Annotated[int, Ge(0)] = 0
    """Runs at a time, over all devices; 0: one for every core, or for as many cores as a run has threads, as far as
    the memory of the machine or of its GPUs goes."""
    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`, or `auto`: the GPUs if there are any."""
    timeout: Annotated[float, Ge(0)] = 0.0
    """Seconds after which a run is ended; 0: never."""

    default: ClassVar[bool] = True
    run_options: ClassVar[tuple[RunOption, ...]] = (
        RunOption(
            "--jobs",
            "Runs at the same time; auto: as many as the machine has room for.  [default: auto]",
            setting="jobs",
            metavar="N|auto",
            values={"auto": 0},
        ),
        RunOption("--device", "cpu, cuda, cuda:1 ...  [default: the GPUs if there are any]", setting="device"),
        RunOption("--timeout", "End a run that takes longer; 0: never.", setting="timeout", metavar="SECONDS"),
    )

    def prepare(self, modules: Sequence[str]) -> None:
        """Start the server of workers, which imports the modules meanwhile."""
        start_server(modules)

    def __call__(self, jobs: Sequence[Job], work: Callable[[Job], int]) -> Iterator[Event]:
        """Carry out the jobs. Ending the iteration early ends the runs in progress; they can be resumed.

        Raises BenchError for GPUs that are not there.
        """
        if not jobs:
            return
        devices, notes = self._allot_slots(jobs)
        yield from map(Note, notes)
        if len(jobs) > 1 and not is_glibc():
            yield Note(OTHER_ALLOCATOR)
        pool = ProcessPool(work, devices, self.timeout, start_server())
        try:
            yield from pool.run_jobs(jobs)
        finally:
            pool.shut_down()

    def _allot_slots(self, jobs: Sequence[Job]) -> tuple[list[DeviceSlots], list[str]]:
        """How many runs may share each device, and a line about each number that was chosen here."""
        gpus = find_gpus(self.device)
        devices = gpus or ["cpu"]
        if self.jobs:
            shares = _divide(min(self.jobs, len(jobs)), len(devices))
            return [DeviceSlots(*pair) for pair in zip(devices, shares, strict=True) if pair[1]], []
        cores, threads = count_cores(), max(job.entry.run.training.threads for job in jobs)
        memory = query_free_memory(start_server(), gpus) if gpus else [measure_free_memory()]
        each = GPU_MEMORY_PER_RUN if gpus else CPU_MEMORY_PER_RUN
        slots, notes = list[DeviceSlots](), list[str]()
        for device, free, own, runs in zip(
            devices, memory, _divide(cores, len(devices)), _divide(len(jobs), len(devices)), strict=True
        ):
            if runs:
                limit, why = choose_limit(own, threads, free, each, runs)
                slots.append(DeviceSlots(device, limit))
                notes.append(f"{format_concurrency(limit)}{f' on {device}' if gpus else ''}: {why}")
        return slots, notes if len(jobs) > 1 else []


def _divide(count: int, parts: int) -> list[int]:
    """A number in so many nearly equal parts, the larger first."""
    return [len(range(part, count, parts)) for part in range(parts)]


@hookimpl
def vimae_executors() -> Mapping[str, Callable[..., Executor]]:
    """The executor `local`."""
    return {"local": Local}
