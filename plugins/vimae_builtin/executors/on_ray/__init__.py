"""Runs on a Ray cluster, or on a Ray started here: the same work as on one machine, wherever there is room for it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge

from vimae_bench.execution import Event, Executor, Job, Note, RunFolder
from vimae_bench.plugin import BenchError, RunOption, hookimpl


@dataclass(frozen=True)
class OnRay:
    """A Ray task for each run. Nodes need vimae-bench and the same plugins, and no file system in common.

    Where the nodes see the results folder, runs write into it; where they do not, what they write is brought to it
    while they go on. A run whose node is lost goes on elsewhere, from its newest checkpoint.
    """

    address: str = ""
    """The cluster's, as `ray start` prints it, or `auto` for the one of this machine; empty: $RAY_ADDRESS, or else one
    that is started here and ends with the benchmark."""
    jobs: Annotated[int, Ge(0)] = 0
    """Runs at a time; 0: as many as the cluster has room for."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto`: GPUs if some node has them."""
    runs_per_gpu: Annotated[int, Ge(1)] = 1
    """How many runs share a GPU. Ray counts them, and does not limit the memory of each."""
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

    def prepare(self, modules: Sequence[str]) -> None:  # noqa: ARG002  # each of Ray's processes imports its own
        """Connect to the cluster, or start one. Raises BenchError without Ray, and where no cluster answers."""
        from .cluster import connect

        connect(self.address)

    def __call__(self, jobs: Sequence[Job], work: Callable[[Job], int]) -> Iterator[Event]:
        """Carry out the jobs. Ending the iteration early lets the runs in progress write their checkpoints.

        Raises BenchError for what no node of the cluster has room for, and for nodes with other plugins.
        """
        if not jobs:
            return
        from .cluster import RunResources, check_node_versions, connect, disconnect, has_gpus, is_visible_on_all_nodes
        from .driver import Driver

        connect(self.address)
        try:
            gpu = 1 / self.runs_per_gpu if self.device == "cuda" or (self.device == "auto" and has_gpus()) else 0.0
            resources = RunResources(max(job.entry.run.training.threads for job in jobs), gpu)
            if not resources.count_slots():
                raise BenchError(resources.describe_shortage())
            check_node_versions()
            shared = is_visible_on_all_nodes(RunFolder(jobs[0].folder).benchmark)
            driver = Driver(work, resources, self.jobs, self.timeout, shared)
            yield Note(driver.describe())
            try:
                yield from driver.run_jobs(jobs)
            finally:
                driver.shut_down()
        finally:
            disconnect()


@hookimpl
def vimae_executors() -> Mapping[str, Callable[..., Executor]]:
    """The executor `ray`."""
    return {"ray": OnRay}
