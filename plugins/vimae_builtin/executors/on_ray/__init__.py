"""Runs on a Ray cluster, or on a Ray started here: the same work as on one machine, wherever there is room for it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge

from vimae_bench.execution import Event, Executor, Job
from vimae_bench.plugin import BenchError, RunOption, hookimpl


@dataclass(frozen=True)
class OnRay:
    """A Ray task for each run. Nodes need vimae-bench and the same plugins, and no file system in common.

    Where the nodes see the results folder, runs write into it; where they do not, what they write is brought to it
    while they go on. A run whose node is lost goes on elsewhere, from its newest checkpoint.
    """

    address: str = ""
    """The cluster's, as `ray start` tells it, or `auto` for the one of this machine; empty: $RAY_ADDRESS, or else one
    that is started here and ends with the benchmark."""
    jobs: Annotated[int, Ge(0)] = 0
    """Runs at a time; 0: as many as the cluster has room for."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto`: GPUs if some node has them."""
    runs_per_gpu: Annotated[int, Ge(1)] = 1
    """How many runs share a GPU. Ray keeps the books of it, and sets no bound to the memory of each."""
    timeout: Annotated[float, Ge(0)] = 0.0
    """Seconds after which a run is ended; 0: never."""

    run_options: ClassVar[tuple[RunOption, ...]] = (
        RunOption(
            "--jobs",
            "Runs at the same time; auto: as many as the cluster has room for.  [default: auto]",
            setting="jobs",
            metavar="N|auto",
            values={"auto": 0},
        ),
        RunOption("--device", "cpu or cuda.  [default: the GPUs if there are any]", setting="device"),
        RunOption("--timeout", "End a run that takes longer; 0: never.", setting="timeout", metavar="SECONDS"),
    )

    def prepare(self) -> None:
        """Connect to the cluster, or start one. Raises BenchError without Ray, and where no cluster answers."""
        from .cluster import connect

        connect(self.address)

    def __call__(self, jobs: Sequence[Job], work: Callable[[Job], int]) -> Iterator[Event]:
        """Carry out the jobs. Ending the iteration early lets the runs under way write their checkpoints.

        Raises BenchError for what no node of the cluster has room for, and for nodes with other plugins.
        """
        if not jobs:
            return
        from .cluster import Need, compare_plugins, connect, disconnect, has_gpus, sees
        from .driver import Driver

        connect(self.address)
        try:
            gpu = 1 / self.runs_per_gpu if self.device == "cuda" or (self.device == "auto" and has_gpus()) else 0.0
            need = Need(max(job.entry.run.training.threads for job in jobs), gpu)
            if not need.room():
                raise BenchError(need.told())
            compare_plugins()
            shared = sees(jobs[0].folder.parents[1])
            driver = Driver(work, need, self.jobs, self.timeout, shared)
            yield Event("note", reason=driver.told())
            try:
                yield from driver.carry_out(jobs)
            finally:
                driver.dismiss()
        finally:
            disconnect()


@hookimpl
def vimae_executors() -> Mapping[str, Callable[..., Executor]]:
    """The executor `ray`."""
    return {"ray": OnRay}
