"""Contestants take turns, so that other load on the machine affects all of them alike."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

WARM_UP = 2
"""Discarded turns at the start: the first compiles, the second fills caches."""


@dataclass(frozen=True)
class Turn:
    """One slice of one contestant: wall time and its processor time in seconds; warm-up rounds are negative."""

    name: str
    round: int
    wall: float
    cpu: float


def take_turns(slices: Mapping[str, Callable[[], float]], rounds: int) -> list[Turn]:
    """Let each contestant train one slice per round, in random order; each gives its processor seconds."""
    order, generator = list(slices), random.Random(0)  # noqa: S311 (no secret)
    turns: list[Turn] = []
    for number in range(-WARM_UP, rounds):
        generator.shuffle(order)
        turns += [_turn(name, number, slices[name]) for name in order]
    return turns


def _turn(name: str, number: int, work: Callable[[], float]) -> Turn:
    began = time.perf_counter()
    cpu = work()
    return Turn(name, number, time.perf_counter() - began, cpu)


def get_counted_turns(turns: Sequence[Turn], name: str) -> list[Turn]:
    """A contestant's turns after the warm-up, by round."""
    return sorted((turn for turn in turns if turn.name == name and turn.round >= 0), key=lambda turn: turn.round)


def get_wall_times(turns: Sequence[Turn], name: str) -> list[float]:
    """The wall times of a contestant's counted turns, by round."""
    return [turn.wall for turn in get_counted_turns(turns, name)]


def compute_speedup(turns: Sequence[Turn], name: str, over: str) -> float:
    """How many times as fast as `over` a contestant is: the median of the ratios within each round."""
    pairs = zip(get_counted_turns(turns, name), get_counted_turns(turns, over), strict=True)
    return median(theirs.wall / own.wall for own, theirs in pairs)


def compute_cpu_ratio(turns: Sequence[Turn], name: str, over: str) -> float:
    """The processor time of `over` divided by that of a contestant: the median of the ratios within each round."""
    pairs = zip(get_counted_turns(turns, name), get_counted_turns(turns, over), strict=True)
    return median(theirs.cpu / own.cpu for own, theirs in pairs)


def compute_spread(values: Sequence[float]) -> float:
    """The interquartile range over the median; 0 for a single value."""
    if len(values) < 2:
        return 0.0
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return (high - low) / middle


def estimate_compile_time(turns: Sequence[Turn], name: str) -> float:
    """Seconds by which the first slice took longer than a later one, most of it for compiling."""
    first = next(turn.wall for turn in turns if turn.name == name)
    return max(0.0, first - median(get_wall_times(turns, name)))
