"""One table: all contestants on one workload, with a number of threads."""

import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch

from . import peak
from .contestants import CONTESTANTS, PEAK, PYTHAE, Contestant, explain_absence, make
from .memory import Need, needs
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
from .workloads import BATCH, Workload


@dataclass(frozen=True)
class Measured:
    """The results of a workload: every turn, and what rates and shares are computed from."""

    workload: str
    device: str
    threads: int
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
    mfu: float
    """Operations per second as a share of those of the matrix product."""


def measure(workload: Workload, threads: int, rounds: int, with_memory: bool) -> Measured:
    """Let all installed contestants take turns; then, on request, measure the memory of each."""
    absent = {name: why for name in CONTESTANTS if (why := explain_absence(name))}
    names = [name for name in CONTESTANTS if name not in absent]
    torch.set_num_threads(threads)
    torch.compiler.reset()  # nothing compiled for another workload is checked at every call of this one
    with _made(names, workload) as made:
        turns = take_turns({name: _slice(contestant, workload) for name, contestant in made.items()}, rounds)
    found = needs([name for name in names if name != PEAK], workload, threads) if with_memory else {}
    share = workload.samples, workload.flops(), peak.flops(workload.device)
    return Measured(workload.name, workload.device, threads, *share, turns, found, absent)


@contextmanager
def _made(names: Sequence[str], workload: Workload) -> Generator[dict[str, Contestant], None, None]:
    """The contestants, each with its own folder; closed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        made = {name: make(name, workload, Path(folder) / name) for name in names}
        try:
            yield made
        finally:
            for contestant in made.values():
                contestant.close()


def _slice(contestant: Contestant, workload: Workload) -> Callable[[], None]:
    def work() -> None:
        contestant.slice()
        workload.synchronise()

    return work
