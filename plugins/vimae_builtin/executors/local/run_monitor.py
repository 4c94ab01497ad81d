"""What a run in progress has written to its events."""

from dataclasses import dataclass
from pathlib import Path

from vimae_bench.execution import Job, RunFolder, read_events

MEMORY_ERRORS = ("MemoryError", "out of memory", "allocate memory", "ALLOC_FAILED")
"""How torch, CUDA, cuBLAS and NumPy say that there is no memory left."""


@dataclass(frozen=True)
class RunMonitor:
    """The events of a run behind an offset in bytes: those that earlier processes wrote do not count."""

    events: Path
    offset: int

    @classmethod
    def watch(cls, job: Job) -> "RunMonitor":
        """The events of a job's run from now on."""
        events = RunFolder(job.folder).events
        return cls(events, events.stat().st_size if events.exists() else 0)

    def has_run_out_of_memory(self) -> bool:
        """Whether the run says that it found no memory."""
        reasons = (line.get("reason", "") for line, _ in read_events(self.events, self.offset))
        return any(sign in reason for reason in reasons for sign in MEMORY_ERRORS)
