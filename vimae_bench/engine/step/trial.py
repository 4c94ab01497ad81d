"""Whether a compiled step pays on this machine: both kinds are timed until the answer is stable, and it is kept.

A step is timed in rounds. What else the machine does only adds to the fastest step of a round, so that the fastest
rounds tell the time of a step, and how far they lie apart tells how busy the machine was.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ...core.errors import ResultsError
from ...storage.atomic import read_json
from .rollback import restore_state_after
from .step import StepBackend

EAGER_COST = "steps stay eager, which takes 1.4 to 1.7 times as long on small networks"
MAX_RELATIVE_TIME = 0.95
"""The share of the eager step's time that a compiled one may take to be used."""
MAX_LOSS_DIFFERENCE = 1e-3
"""The relative difference of two losses after three steps above which two backends do not compute the same step."""
COMPARED_STEPS = 3
STEPS_OF_ROUND, MIN_ROUNDS = 5, 4
AGREEING_ROUNDS, MAX_SPREAD = 3, 0.03
"""A time is stable when the fastest rounds, so many, lie within this share of each other."""
MAX_SECONDS = 8.0
"""Of timing a step; afterwards the time counts as it is, as one of a busy machine."""
STABLE_DAYS, BUSY_DAYS = 30.0, 1 / 24
"""For how long a trial holds: drivers and machines change; one made while the machine was busy is soon made again."""
SECONDS_OF_DAY = 86_400.0


@dataclass(frozen=True)
class StepTiming:
    """The seconds of a step, how far the fastest rounds lie apart as a share of it, and the losses of some steps."""

    seconds: float
    spread: float
    losses: Tensor


@dataclass(frozen=True)
class BackendTrial:
    """What compiling a step brought on this machine.

    The seconds of a step of either backend, how far their losses differ, as a share of the loss; how far the fastest
    rounds of steps lay apart, as a share of their time; when that was, in seconds since 1970.
    """

    eager: float
    compiled: float
    difference: float
    spread: float
    time: float

    @property
    def is_current(self) -> bool:
        """Whether it need not be made again."""
        age = (time.time() - self.time) / SECONDS_OF_DAY
        return 0 <= age < (STABLE_DAYS if self.spread <= MAX_SPREAD else BUSY_DAYS)

    @property
    def objection(self) -> str:
        """Why not to use the compiled step; empty if there is no reason."""
        if not self.difference < MAX_LOSS_DIFFERENCE:
            return f"not compiled, since its loss then differs by {self.difference:.1g} of its value; its {EAGER_COST}"
        if self.compiled / self.eager <= MAX_RELATIVE_TIME:
            return ""
        return f"its steps stay eager: {self.describe()}"

    def describe(self) -> str:
        """Its figures in words."""
        busy = f", measured on a busy machine (± {self.spread:.0%})" if self.spread > MAX_SPREAD else ""
        times = f"{1000 * self.compiled:.3g} ms against {1000 * self.eager:.3g} ms"
        return f"compiled, one takes {self.compiled / self.eager:.2f} of the time ({times}){busy}"


def make_trial(eager: StepTiming, compiled: StepTiming) -> BackendTrial:
    """The trial of two backends that took the same steps."""
    scale = eager.losses.abs().max().clamp(min=1e-12)
    difference = float(((eager.losses - compiled.losses).abs().max() / scale).nan_to_num(nan=1e9))
    spread = max(eager.spread, compiled.spread)
    return BackendTrial(eager.seconds, compiled.seconds, difference, spread, time.time())


def read_trial(path: Path) -> BackendTrial | None:
    """A kept trial; None where there is none, or it is damaged, old or of another version."""
    try:
        trial = BackendTrial(**read_json(path)) if path.exists() else None
        return trial if trial and trial.is_current else None
    except (ResultsError, TypeError):
        return None


def time_steps(backend: StepBackend, leaves: Sequence[Tensor], index: Tensor, progress: Tensor) -> StepTiming:
    """The time of a step that changes these leaves; they and random generators end as they began."""
    with restore_state_after(leaves) as rewind:
        torch.manual_seed(0)
        losses = torch.stack([backend(index, progress)[0].double() for _ in range(COMPARED_STEPS)])
        rewind()
        rounds: list[float] = []
        end = time.perf_counter() + MAX_SECONDS
        while time.perf_counter() < end:
            rounds.append(min(_time_step(backend, index, progress) for _ in range(STEPS_OF_ROUND)))
            if len(rounds) >= MIN_ROUNDS and measure_spread(rounds) <= MAX_SPREAD:
                break
    return StepTiming(min(rounds), measure_spread(rounds), losses)


def measure_spread(rounds: Sequence[float]) -> float:
    """How far the fastest rounds lie apart, as a share of the fastest; 1 where there are too few."""
    fastest = sorted(rounds)[:AGREEING_ROUNDS]
    return fastest[-1] / fastest[0] - 1 if len(fastest) == AGREEING_ROUNDS else 1.0


def _time_step(backend: StepBackend, index: Tensor, progress: Tensor) -> float:
    began = time.perf_counter()
    backend(index, progress)[0].item()  # waits for the device
    return time.perf_counter() - began
