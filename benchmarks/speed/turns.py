"""Contestants take turns in one process, so that whatever else the machine does hits all of them alike."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

WARM_UP = 2
"""Turns that come before the counted ones: the first compiles, the second fills caches."""


@dataclass(frozen=True)
class Turn:
    """One slice of one contestant: its seconds by the clock and of the processor; warm-up rounds are below 0."""

    name: str
    round: int
    wall: float
    cpu: float


def take_turns(slices: Mapping[str, Callable[[], object]], rounds: int) -> list[Turn]:
    """Let everyone train a slice in every round, in an order drawn anew for each; `slices` wait for their device."""
    order, generator = list(slices), random.Random(0)  # noqa: S311 (no secret)
    turns: list[Turn] = []
    for number in range(-WARM_UP, rounds):
        generator.shuffle(order)
        turns += [_turn(name, number, slices[name]) for name in order]
    return turns


def _turn(name: str, number: int, work: Callable[[], object]) -> Turn:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Turn(name, number, time.perf_counter() - wall, time.process_time() - cpu)


def counted(turns: Sequence[Turn], name: str) -> list[Turn]:
    """A contestant's turns after the warm-up, by round."""
    return sorted((turn for turn in turns if turn.name == name and turn.round >= 0), key=lambda turn: turn.round)


def walls(turns: Sequence[Turn], name: str) -> list[float]:
    """The seconds of a contestant's counted slices, by round."""
    return [turn.wall for turn in counted(turns, name)]


def speedup(turns: Sequence[Turn], name: str, over: str) -> float:
    """How many times as fast as `over` a contestant is: the median of the ratios within each round."""
    pairs = zip(counted(turns, name), counted(turns, over), strict=True)
    return median(theirs.wall / own.wall for own, theirs in pairs)


def thrift(turns: Sequence[Turn], name: str, over: str) -> float:
    """How many times a contestant's processor time `over` takes for the same: the median of the rounds' ratios."""
    pairs = zip(counted(turns, name), counted(turns, over), strict=True)
    return median(theirs.cpu / own.cpu for own, theirs in pairs)


def spread(values: Sequence[float]) -> float:
    """The interquartile range over the median; 0 for a single value."""
    if len(values) < 2:
        return 0.0
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return (high - low) / middle


def first_cost(turns: Sequence[Turn], name: str) -> float:
    """Seconds that the first slice took longer than a later one: compiling, where there is anything to compile."""
    first = next(turn.wall for turn in turns if turn.name == name)
    return max(0.0, first - median(walls(turns, name)))
