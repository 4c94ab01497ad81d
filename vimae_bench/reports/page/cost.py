"""What runs cost: seconds, parameters and memory, as their records tell it."""

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

from ...analysis.leaderboard_data import LeaderboardRow
from ...core.canonical import Json, is_number
from ...storage.store import RunResult


class CostColumn(NamedTuple):
    """A column of costs."""

    name: str
    unit: str
    read: Callable[[RunResult], float | None]

    def mean(self, row: LeaderboardRow) -> float | None:
        """Over the seeds of a row it is known of."""
        known = [value for result in row.run_results.values() if (value := self.read(result)) is not None]
        return fmean(known) if known else None


def _read_seconds(result: RunResult) -> float | None:
    seconds = result.record.get("seconds")
    return _read_number(seconds, "training") if isinstance(seconds, dict) else None


def _read_parameters(result: RunResult) -> float | None:
    return _read_number(result.record, "parameters")


def _read_memory(result: RunResult) -> float | None:
    found = _read_number(result.record, "peak_memory")
    return None if found is None else found / 2**20


def _read_number(told: Json, name: str) -> float | None:
    return float(told[name]) if is_number(told.get(name)) else None


TRAINING = CostColumn("training", "s", _read_seconds)
MEMORY = CostColumn("peak memory", "MiB", _read_memory)
COSTS = (TRAINING, CostColumn("parameters", "", _read_parameters), MEMORY)


def select_costs(run_results: Sequence[RunResult]) -> list[CostColumn]:
    """Those that any of these runs tells."""
    return [cost for cost in COSTS if any(cost.read(result) is not None for result in run_results)]


def format_cost(value: float) -> str:
    """Such as `1,234` or `0.25`."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def list_cost_notes(costs: Sequence[CostColumn], run_results: Sequence[RunResult]) -> Iterator[str]:
    """What the costs are, and what keeps seconds from being compared."""
    if MEMORY in costs:
        yield "peak memory: the most that training held, mean of the runs: tensors on a GPU, the process on a CPU."
    if TRAINING not in costs:
        return
    made: list[Json] = [
        result.record.get("made_by") or {} for result in run_results if _read_seconds(result) is not None
    ]
    several = len({str(told.get("device", "")) for told in made}) > 1
    shared = any(told.get("sharing", 1) != 1 for told in made)
    where = " and ".join([*["on several kinds of device"] * several, *["on shared devices"] * shared])
    yield f"training: mean seconds of a run{f', {where}: they do not compare' if where else ''}."
