"""What a run under way tells of itself in its events."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from vimae_bench.execution import Job
from vimae_bench.storage.run_folder import RunFolder, read_events

MEMORY_ERRORS = ("MemoryError", "out of memory", "allocate memory", "ALLOC_FAILED")
"""How torch, CUDA, cuBLAS and NumPy say that there is no memory left."""


class Epoch(NamedTuple):
    """An epoch's end in seconds since 1970, and the seconds it took."""

    end: float
    seconds: float


@dataclass(eq=False)
class Told:
    """The events that a run has written since it was started here."""

    events: Path
    workload: str
    """Runs of one workload differ in their seeds alone."""
    offset: int
    epochs: list[Epoch] = field(default_factory=list[Epoch])
    training: bool = False
    """Whether the last thing told was an epoch."""
    out_of_memory: bool = False

    @classmethod
    def of(cls, job: Job) -> "Told":
        """Nothing yet: what an earlier process of the run wrote does not count."""
        events = RunFolder(job.folder).events
        return cls(events, replace(job.entry.run, seed=0).key, events.stat().st_size if events.exists() else 0)

    def read(self) -> None:
        """Take in what was written since the last reading."""
        for line, offset in read_events(self.events, self.offset):
            self.offset = offset
            self.training = line.get("event") == "epoch"
            if self.training:
                self.epochs.append(Epoch(line["time"], line["seconds"]))
            self.out_of_memory |= any(sign in line.get("reason", "") for sign in MEMORY_ERRORS)
