"""Runs per hour of a whole machine: several one-thread runs of ours, or one run of pythae on all threads.

They take turns in slices: one waits while the other trains.
"""

from dataclasses import asdict, dataclass
from functools import partial
from statistics import median

from .contestants import OURS, PYTHAE, explain_absence
from .turns import Turn, compute_speedup, compute_spread, get_wall_times, take_turns
from .worker import run_slices, start_workers
from .workloads import BATCH, STEPS, Workload


@dataclass(frozen=True)
class SideBySide:
    """The results of a workload: a turn of ours has `jobs` slices, one of pythae's has one.

    The processor time of turns is that of this process, which only waits.
    """

    workload: str
    jobs: int
    threads: int
    samples: int
    turns: list[Turn]
    missing: str

    def runs_per_hour(self, name: str) -> float:
        """Runs of the paper's 40,000 steps, from the median rate of training, without the start of a run."""
        in_a_turn = self.samples * (self.jobs if name == OURS else 1)
        return 3600 * in_a_turn / median(get_wall_times(self.turns, name)) / (STEPS * BATCH)

    def spread(self, name: str) -> float:
        """The interquartile range of the turns over their median."""
        return compute_spread(get_wall_times(self.turns, name))

    def ratio(self) -> float | None:
        """Our runs per hour over pythae's: the median of the ratios within each round; None without pythae."""
        return None if self.missing else self.jobs * compute_speedup(self.turns, OURS, PYTHAE)

    def as_json(self) -> dict[str, object]:
        """Everything, with the values of the table."""
        rates = {name: self.runs_per_hour(name) for name in sorted({turn.name for turn in self.turns})}
        return {**asdict(self), "runs_per_hour": rates, "ratio": self.ratio()}


def side_by_side(workload: Workload, jobs: int, threads: int, rounds: int) -> SideBySide:
    """Compare `jobs` one-thread runs of ours with one run of pythae on `threads` threads."""
    absent = explain_absence(PYTHAE)
    with (
        start_workers([OURS] * jobs, workload, 1) as ours,
        start_workers([] if absent else [PYTHAE], workload, threads) as theirs,
    ):
        crews = {OURS: ours, PYTHAE: theirs}
        turns = take_turns({name: partial(run_slices, workers) for name, workers in crews.items() if workers}, rounds)
    return SideBySide(workload.name, jobs, threads, workload.samples, turns, absent)
