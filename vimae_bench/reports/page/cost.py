"""What runs cost: seconds, parameters and memory, as their records tell it."""

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

from ...analysis.leaderboard_data import LeaderboardRow
from ...core.canonical import Json, is_number
from ...storage.store import RunResult


class Cost(NamedTuple):
    """A column of costs."""

    name: str
    unit: str
    of: Callable[[RunResult], float | None]

    def mean(self, row: LeaderboardRow) -> float | None:
        """Over the seeds of a row it is known of."""
        known = [value for result in row.run_results.values() if (value := self.of(result)) is not None]
        return fmean(known) if known else None


def _seconds(result: RunResult) -> float | None:
    seconds = result.record.get("seconds")
    return _number(seconds, "training") if isinstance(seconds, dict) else None


def _parameters(result: RunResult) -> float | None:
    return _number(result.record, "parameters")


def _memory(result: RunResult) -> float | None:
    found = _number(result.record, "peak_memory")
    return None if found is None else found / 2**20


def _number(told: Json, name: str) -> float | None:
    return float(told[name]) if is_number(told.get(name)) else None


TRAINING = Cost("training", "s", _seconds)
MEMORY = Cost("peak memory", "MiB", _memory)
COSTS = (TRAINING, Cost("parameters", "", _parameters), MEMORY)


def costs_of(run_results: Sequence[RunResult]) -> list[Cost]:
    """Those that any of these runs tells."""
    return [cost for cost in COSTS if any(cost.of(result) is not None for result in run_results)]


def spelt(value: float) -> str:
    """Such as `1,234` or `0.25`."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def notes(costs: Sequence[Cost], run_results: Sequence[RunResult]) -> Iterator[str]:
    """What the costs are, and what keeps seconds from being compared."""
    if MEMORY in costs:
        yield "peak memory: the most that training held, mean of the runs: tensors on a GPU, the process on a CPU."
    if TRAINING not in costs:
        return
    made: list[Json] = [result.record.get("made_by") or {} for result in run_results if _seconds(result) is not None]
    several = len({str(told.get("device", "")) for told in made}) > 1
    shared = any(told.get("sharing", 1) != 1 for told in made)
    where = " and ".join([*["on several kinds of device"] * several, *["on shared devices"] * shared])
    yield f"training: mean seconds of a run{f', {where}: they do not compare' if where else ''}."
