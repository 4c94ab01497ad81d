"""Runs per hour of a full machine: our runs side by side, one thread each, against pythae's, one at a time on all.

They take turns in slices: the runs of the one stand still while the other's go on.
"""

from dataclasses import asdict, dataclass
from functools import partial
from statistics import median

from .contestants import OURS, PYTHAE, missing
from .turns import Turn, speedup, spread, take_turns, walls
from .worker import crew, together
from .workloads import BATCH, STEPS, Workload


@dataclass(frozen=True)
class SideBySide:
    """What came of a workload: the turns, of `jobs` slices of ours in each of ours, and one slice in each of pythae's.

    The turns' cpu is this process's own, which only waits.
    """

    workload: str
    jobs: int
    threads: int
    samples: int
    turns: list[Turn]
    missing: str

    def runs_per_hour(self, name: str) -> float:
        """Runs of the paper's 40,000 steps, from the median rate of training; starting a run is not in it."""
        in_a_turn = self.samples * (self.jobs if name == OURS else 1)
        return 3600 * in_a_turn / median(walls(self.turns, name)) / (STEPS * BATCH)

    def spread(self, name: str) -> float:
        """The interquartile range of the turns over their median."""
        return spread(walls(self.turns, name))

    def ratio(self) -> float | None:
        """Our runs per hour over pythae's: the median of the ratios within each round; None without pythae."""
        return None if self.missing else self.jobs * speedup(self.turns, OURS, PYTHAE)

    def as_json(self) -> dict[str, object]:
        """Everything, with the figures of the table."""
        rates = {name: self.runs_per_hour(name) for name in sorted({turn.name for turn in self.turns})}
        return {**asdict(self), "runs_per_hour": rates, "ratio": self.ratio()}


def side_by_side(workload: Workload, jobs: int, threads: int, rounds: int) -> SideBySide:
    """Measure `jobs` one-thread runs of ours against one run of pythae on `threads` threads."""
    absent = missing(PYTHAE)
    with crew([OURS] * jobs, workload, 1) as ours, crew([] if absent else [PYTHAE], workload, threads) as theirs:
        crews = {OURS: ours, PYTHAE: theirs}
        turns = take_turns({name: partial(together, workers) for name, workers in crews.items() if workers}, rounds)
    return SideBySide(workload.name, jobs, threads, workload.samples, turns, absent)
