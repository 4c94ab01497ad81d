"""Runs per hour of a whole machine: several one-thread runs of ours, or one run of pythae on all threads.

They take turns in slices: one waits while the other trains.
"""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median

from .contestants import KEEPING_MEMORY, OURS, PYTHAE, explain_absence
from .turns import Turn, compute_speedup, compute_spread, get_wall_times, take_turns
from .worker import Worker, run_slices
from .workloads import BATCH, STEPS, Workload


@dataclass(frozen=True)
class SideBySide:
    """The results of a workload: a turn of ours has `jobs` slices, one of pythae's has one."""

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
    counts = {OURS: (jobs, 1), PYTHAE: (0 if absent else 1, threads)}
    with ExitStack() as stack:
        crews = {
            name: [stack.enter_context(closing(_start(name, workload, own))) for _ in range(count)]
            for name, (count, own) in counts.items()
        }
        turns = take_turns(
            {name: partial(_train_slices, workers) for name, workers in crews.items() if workers}, rounds
        )
    return SideBySide(workload.name, jobs, threads, workload.samples, turns, absent)


def _start(name: str, workload: Workload, threads: int) -> Worker:
    return Worker(name, workload, threads, keeps_memory=name in KEEPING_MEMORY)


def _train_slices(workers: Sequence[Worker]) -> float:
    return sum(done.cpu for done in run_slices(workers))
