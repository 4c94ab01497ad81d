"""One table: all contestants on one workload, with a number of threads."""

from dataclasses import asdict, dataclass
from functools import partial
from statistics import median

from . import peak
from .contestants import CONTESTANTS, KEEPING_MEMORY, PEAK, PYTHAE, explain_absence
from .turns import (
    Turn,
    compute_cpu_ratio,
    compute_speedup,
    compute_spread,
    estimate_compile_time,
    get_counted_turns,
    get_wall_times,
    take_turns,
)
from .worker import Memory, Slice, Worker, run_slices, start_workers
from .workloads import BATCH, Workload


@dataclass(frozen=True)
class Need:
    """What a contestant's process needs: its peak bytes, those of one with only torch loaded, page faults of a step."""

    alone: Memory
    torch: Memory
    page_faults: float

    def over_torch(self) -> int:
        """Bytes on the GPU if there is one, otherwise those beyond a process without a contestant."""
        return self.alone.device or self.alone.resident - self.torch.resident


@dataclass(frozen=True)
class Measured:
    """The results of a workload: every turn, and what rates and shares are computed from."""

    workload: str
    device: str
    threads: int
    keeps_memory: bool
    samples: int
    flops: float
    peak_flops: float
    turns: list[Turn]
    needs: dict[str, Need]
    missing: dict[str, str]

    @property
    def names(self) -> list[str]:
        """The contestants, in the order of the table."""
        present = {turn.name for turn in self.turns}
        return [name for name in CONTESTANTS if name in present and name != PEAK]

    @property
    def base(self) -> str:
        """The reference of the ratios: pythae, or the eager loop if it is missing."""
        return PYTHAE if PYTHAE in self.names else "eager loop"

    def rates(self, name: str) -> list[float]:
        """Samples per second, by round."""
        return [self.samples / wall for wall in get_wall_times(self.turns, name)]

    def row(self, name: str) -> "Row":
        """The results of a contestant; ratios are medians of those within each round."""
        rates, need = self.rates(name), self.needs.get(name)
        cpu = median(turn.cpu for turn in get_counted_turns(self.turns, name))
        share = (self.flops * self.samples) / self.peak_flops
        return Row(
            samples_per_second=median(rates),
            spread=compute_spread(rates),
            times={other: compute_speedup(self.turns, name, other) for other in self.names},
            cpu_times=compute_cpu_ratio(self.turns, name, self.base),
            cpu_ms_per_step=1000 * cpu * BATCH / self.samples,
            first_slice_seconds=estimate_compile_time(self.turns, name),
            peak_bytes=need.over_torch() if need else None,
            page_faults=need.page_faults if need else None,
            mfu=share * compute_speedup(self.turns, name, PEAK),
        )

    def as_json(self) -> dict[str, object]:
        """Everything, with the values of the table."""
        return {**asdict(self), "rows": {name: asdict(self.row(name)) for name in self.names}}


@dataclass(frozen=True)
class Row:
    """The results of one contestant on one workload."""

    samples_per_second: float
    spread: float
    """The interquartile range over the median."""
    times: dict[str, float]
    """Speed relative to each other contestant."""
    cpu_times: float
    """Processor time of the reference divided by that of the contestant."""
    cpu_ms_per_step: float
    first_slice_seconds: float
    """Seconds by which the first slice took longer than a later one, most of it for compiling."""
    peak_bytes: int | None
    page_faults: float | None
    """Of a step."""
    mfu: float
    """Operations per second as a share of those of the matrix product."""


def measure(workload: Workload, threads: int, rounds: int, *, keeps_memory: bool) -> Measured:
    """Let all installed contestants take turns, each in a process of its own.

    With `keeps_memory` the allocator of all is set as ours is.
    """
    absent = {name: why for name in CONTESTANTS if (why := explain_absence(name))}
    names = [name for name in CONTESTANTS if name not in absent]
    last: dict[str, Slice] = {}

    def train_slice(name: str, worker: Worker) -> float:
        (last[name],) = run_slices([worker])
        return last[name].cpu

    keeping = {name: keeps_memory or name in KEEPING_MEMORY for name in ("", *names)}
    with start_workers(keeping, workload, threads) as workers:
        (empty,) = run_slices([workers.pop("")])
        turns = take_turns({name: partial(train_slice, name, worker) for name, worker in workers.items()}, rounds)
    found = {name: Need(one.memory, empty.memory, one.page_faults / workload.steps) for name, one in last.items()}
    share = workload.samples, workload.flops(), peak.flops(workload.device)
    return Measured(workload.name, workload.device, threads, keeps_memory, *share, turns, found, absent)
