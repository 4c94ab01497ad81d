"""The cost of runs: seconds, parameters and memory, from their records."""

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
        """The mean over the seeds of a row for which it is known."""
        values = [value for result in row.run_results.values() if (value := self.read(result)) is not None]
        return fmean(values) if values else None


def _read_seconds(result: RunResult) -> float | None:
    seconds = result.record.get("seconds")
    return _read_number(seconds, "training") if isinstance(seconds, dict) else None


def _read_parameters(result: RunResult) -> float | None:
    return _read_number(result.record, "parameters")


def _read_memory(result: RunResult) -> float | None:
    number_of_bytes = _read_number(result.record, "peak_memory")
    return None if number_of_bytes is None else number_of_bytes / 2**20


def _read_number(facts: Json, name: str) -> float | None:
    return float(facts[name]) if is_number(facts.get(name)) else None


TRAINING = CostColumn("training", "s", _read_seconds)
MEMORY = CostColumn("peak memory", "MiB", _read_memory)
COSTS = (TRAINING, CostColumn("parameters", "", _read_parameters), MEMORY)


def select_costs(run_results: Sequence[RunResult]) -> list[CostColumn]:
    """The costs that any of these runs has."""
    return [cost for cost in COSTS if any(cost.read(result) is not None for result in run_results)]


def format_cost(value: float) -> str:
    """Such as `1,234` or `0.25`."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def list_cost_notes(costs: Sequence[CostColumn], run_results: Sequence[RunResult]) -> Iterator[str]:
    """What the costs are, and why seconds cannot be compared."""
    if MEMORY in costs:
        yield "peak memory: the most held during training (by tensors on a GPU, or by the process), mean over runs."
    if TRAINING not in costs:
        return
    made_by: list[Json] = [
        result.record.get("made_by") or {} for result in run_results if _read_seconds(result) is not None
    ]
    several = len({str(facts.get("device", "")) for facts in made_by}) > 1
    shared = any(facts.get("sharing", 1) != 1 for facts in made_by)
    where = " and ".join([*["on several kinds of device"] * several, *["on shared devices"] * shared])
    yield f"training: mean seconds per run{f', {where}: they cannot be compared' if where else ''}."
