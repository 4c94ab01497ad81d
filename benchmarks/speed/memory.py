"""The memory of each contestant, alone in a process."""

from collections.abc import Sequence
from dataclasses import dataclass

from .worker import Memory, run_slices, start_workers
from .workloads import Workload


@dataclass(frozen=True)
class Need:
    """Peak bytes of a contestant's process over a slice, and of a process with only torch and the networks loaded."""

    alone: Memory
    torch: Memory

    def over_torch(self) -> int:
        """Bytes on the GPU if there is one, otherwise those beyond a process without a contestant."""
        return self.alone.device or self.alone.resident - self.torch.resident


def needs(names: Sequence[str], workload: Workload, threads: int) -> dict[str, Need]:
    """Measure all contestants at the same time, since they do not affect each other's memory."""
    with start_workers(["", *names], workload, threads) as workers:
        empty, *alone = run_slices(workers)
    return {name: Need(peak, empty) for name, peak in zip(names, alone, strict=True)}
