"""One table: all contestants on one workload, with so many threads."""

import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch

from . import peak
from .contestants import CONTESTANTS, PEAK, PYTHAE, Contestant, make, missing
from .memory import Need, needs
from .turns import Turn, counted, first_cost, speedup, spread, take_turns, thrift, walls
from .workloads import BATCH, Workload


@dataclass(frozen=True)
class Measured:
    """What came of a workload: every turn, and what is needed to make rates and shares of them."""

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
        """Who took part, in the order of the table."""
        present = {turn.name for turn in self.turns}
        return [name for name in CONTESTANTS if name in present and name != PEAK]

    @property
    def base(self) -> str:
        """Whom the others are compared with: pythae, or the plain loop where it is missing."""
        return PYTHAE if PYTHAE in self.names else "eager loop"

    def rates(self, name: str) -> list[float]:
        """Samples per second, by round."""
        return [self.samples / wall for wall in walls(self.turns, name)]

    def row(self, name: str) -> "Row":
        """The figures of a contestant; ratios are taken within each round, and then their median."""
        rates, need = self.rates(name), self.needs.get(name)
        cpu = median(turn.cpu for turn in counted(self.turns, name))
        share = (self.flops * self.samples) / self.peak_flops
        return Row(
            samples_per_second=median(rates),
            spread=spread(rates),
            times={other: speedup(self.turns, name, other) for other in self.names},
            cpu_times=thrift(self.turns, name, self.base),
            cpu_ms_per_step=1000 * cpu * BATCH / self.samples,
            first_slice_seconds=first_cost(self.turns, name),
            peak_bytes=need.over_torch() if need else None,
            mfu=share * speedup(self.turns, name, PEAK),
        )

    def as_json(self) -> dict[str, object]:
        """Everything, with the figures of the table."""
        return {**asdict(self), "rows": {name: asdict(self.row(name)) for name in self.names}}


@dataclass(frozen=True)
class Row:
    """The figures of one contestant on one workload."""

    samples_per_second: float
    spread: float
    """The interquartile range over the median."""
    times: dict[str, float]
    """How many times as fast as each of the others."""
    cpu_times: float
    """How many times its processor time the one takes whom all are compared with."""
    cpu_ms_per_step: float
    first_slice_seconds: float
    """How much longer than a later slice the first one took: compiling, where there is anything to compile."""
    peak_bytes: int | None
    mfu: float
    """The share of the matrix product's operations per second."""


def measure(workload: Workload, threads: int, rounds: int, with_memory: bool) -> Measured:
    """Let all that are installed take turns; then, if asked, see what memory each takes."""
    absent = {name: why for name in CONTESTANTS if (why := missing(name))}
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
    """The contestants, each with a folder of its own, closed at the end."""
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
