"""Runs side by side on this machine, each in a process of its own, so that one that dies takes no other with it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from vimae_bench.execution import Event, Executor, Job
from vimae_bench.plugin import RunOption, hookimpl

from .concurrency import Slots, on_cpu, on_gpus, side_by_side
from .machine import available, cores, gpus
from .process_pool import ProcessPool
from .worker import server


@dataclass(frozen=True)
class Local:
    """One process for each run, and as many side by side as the cores or the GPUs carry out fastest."""

    jobs: Annotated[int, Ge(0)] = 0
    """Runs side by side, over all devices; 0: found out, and told."""
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

    def prepare(self) -> None:
        """Start the server of workers, which loads its libraries meanwhile."""
        server()

    def __call__(self, jobs: Sequence[Job], work: Callable[[Job], int]) -> Iterator[Event]:
        """Carry out the jobs. Ending the iteration early ends the runs under way; they can be resumed.

        Raises BenchError for GPUs that are not there.
        """
        if not jobs:
            return
        devices, line = self.slots(jobs)
        if line:
            yield Event("note", reason=line)
        crew = ProcessPool(work, devices, self.timeout, server())
        try:
            yield from crew.carry_out(jobs)
        finally:
            crew.shut_down()

    def slots(self, jobs: Sequence[Job]) -> tuple[list[Slots], str]:
        """How many runs may share each device at first, and a line about it where that is settled."""
        found = gpus(self.device)
        devices = found or ["cpu"]
        if self.jobs:
            count = min(self.jobs, len(jobs))
            shared = [Slots(device, len(range(i, count, len(devices)))) for i, device in enumerate(devices)]
            return [slots for slots in shared if slots.limit], ""
        threads = max(job.entry.run.training.threads for job in jobs)
        if found:
            return on_gpus(found, cores(), threads, len(jobs)), ""
        count, why = on_cpu(cores(), threads, available(), len(jobs))
        return [Slots("cpu", count)], f"{side_by_side(count)}: {why}" if len(jobs) > 1 else ""


@hookimpl
def vimae_executors() -> Mapping[str, Callable[..., Executor]]:
    """The executor `local`."""
    return {"local": Local}
