"""What memory each contestant takes, alone in a process."""

from collections.abc import Sequence
from dataclasses import dataclass

from .worker import Memory, crew, together
from .workloads import Workload


@dataclass(frozen=True)
class Need:
    """Peak bytes of a contestant's process over a slice, and of one that has only torch and the nets loaded."""

    alone: Memory
    torch: Memory

    def over_torch(self) -> int:
        """Bytes on the GPU where there is one, else what the process takes more than torch and the nets' classes."""
        return self.alone.device or self.alone.resident - self.torch.resident


def needs(names: Sequence[str], workload: Workload, threads: int) -> dict[str, Need]:
    """Measure contestants, all at once: what one takes does not depend on who else is there."""
    with crew(["", *names], workload, threads) as workers:
        empty, *alone = together(workers)
    return {name: Need(peak, empty) for name, peak in zip(names, alone, strict=True)}
