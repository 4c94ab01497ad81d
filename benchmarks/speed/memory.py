"""What memory each contestant takes, alone in a process."""

from collections.abc import Sequence
from dataclasses import dataclass

from .worker import Memory, Worker
from .workloads import Workload


@dataclass(frozen=True)
class Need:
    """Peak bytes of a contestant's process over two slices, and of a process that has only imported torch."""

    alone: Memory
    torch: Memory

    def over_torch(self) -> int:
        """Bytes on the GPU where there is one, else what the process takes more than torch itself."""
        return self.alone.device or self.alone.resident - self.torch.resident


def needs(names: Sequence[str], workload: Workload, threads: int) -> dict[str, Need]:
    """Measure contestants one after another."""
    empty = _peak("", workload, threads)
    return {name: Need(_peak(name, workload, threads), empty) for name in names}


def _peak(name: str, workload: Workload, threads: int) -> Memory:
    worker = Worker(name, workload, threads)
    worker.slice()
    peak = worker.slice()
    worker.close()
    return peak
