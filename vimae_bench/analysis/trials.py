"""What came of a sweep over the settings of methods: the attempts at each, and the best of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

import numpy as np

from ..core.results import Direction, Measure
from ..storage.store import RunResult


@dataclass(frozen=True)
class TrialResult:
    """One trial: the settings by path, the measure of each seed's run and its mean, which is None where a run lacks it.

    `reason` says why it is lacking.
    """

    number: int
    settings: Mapping[str, Any]
    by_seed: Mapping[int, float]
    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class TuningResult:
    """The attempts at a method, in their order."""

    label: str
    trials: tuple[TrialResult, ...]
    better: Direction

    @property
    def values(self) -> list[float]:
        """What the attempts reached, from the best to the worst; those that are lost have nothing."""
        found = [attempt.value for attempt in self.trials if attempt.value is not None]
        return sorted(found, reverse=self.better == "higher")

    @cached_property
    def best(self) -> TrialResult | None:
        """The first of those that reached most; None where all are lost."""
        return next((a for a in self.trials if a.value is not None and a.value == self.values[0]), None)

    def expected_best(self, trials: int) -> float | None:
        """What the best of so many attempts is expected to reach, by the attempts there are (Dodge et al., 1909.03004).

        It is the plug-in estimate from the empirical distribution, and supposes that attempts are drawn independently.
        """
        if not self.values:
            return None
        beaten = np.arange(len(self.values), -1, -1) / len(self.values)
        return float(np.dot(self.values, beaten[:-1] ** trials - beaten[1:] ** trials))


def summarize_trial(
    number: int, settings: Mapping[str, Any], run_results: Sequence[RunResult], measure: Measure
) -> TrialResult:
    """The trial of which these are the runs, one for each seed.

    A collapsed run counts as lost where the measure does not rank such runs, as in a leaderboard.
    """
    by_seed, lost = dict[int, float](), list[str]()
    for result in run_results:
        estimate = result.estimates.get(measure.name)
        if result.status != "done" or estimate is None:
            lost.append(_describe_loss(result, measure))
        elif result.collapsed and not measure.ranks_collapsed:
            lost.append(f"seed {result.entry.seed} collapsed")
        else:
            by_seed[result.entry.seed] = estimate.value
    return TrialResult(number, settings, by_seed, None if lost else fmean(by_seed.values()), "; ".join(lost))


def _describe_loss(result: RunResult, measure: Measure) -> str:
    what = result.status if result.status != "done" else f"without {measure.name}"
    return f"seed {result.entry.seed} {what}" + (f" ({result.reason})" if result.reason else "")
