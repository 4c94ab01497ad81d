"""The results of tuning: the trials of each method and the best of them."""

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
    """One trial: the settings by path, the value of each seed's run and their mean.

    `value` is None if some run has no value; `reason` says why.
    """

    number: int
    settings: Mapping[str, Any]
    by_seed: Mapping[int, float]
    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class TuningResult:
    """The trials of a method, in their order."""

    label: str
    trials: tuple[TrialResult, ...]
    better: Direction

    @property
    def values(self) -> list[float]:
        """The values of the trials from the best to the worst, without lost ones."""
        values = [trial.value for trial in self.trials if trial.value is not None]
        return sorted(values, reverse=self.better == "higher")

    @cached_property
    def best(self) -> TrialResult | None:
        """The first trial with the best value; None if all are lost."""
        return next((trial for trial in self.trials if trial.value is not None and trial.value == self.values[0]), None)

    def expected_best(self, trials: int) -> float | None:
        """The expected best value of a number of trials, estimated from these trials (Dodge et al., 1909.03004).

        This is the plug-in estimate from the empirical distribution; it assumes that trials are independent.
        """
        if not self.values:
            return None
        beaten = np.arange(len(self.values), -1, -1) / len(self.values)
        return float(np.dot(self.values, beaten[:-1] ** trials - beaten[1:] ** trials))


def summarize_trial(
    number: int, settings: Mapping[str, Any], run_results: Sequence[RunResult], measure: Measure
) -> TrialResult:
    """The result of a trial from its runs, one for each seed.

    A collapsed run counts as lost if the measure does not rank collapsed runs, as in a leaderboard.
    """
    by_seed, lost = dict[int, float](), list[str]()
    for result in run_results:
        estimate = result.estimates.get(measure.name)
        if result.status != "done" or estimate is None:
            lost.append(_describe_loss(result, measure))
        elif result.collapsed and measure.rewards_collapse:
            lost.append(f"seed {result.entry.seed} collapsed")
        else:
            by_seed[result.entry.seed] = estimate.value
    return TrialResult(number, settings, by_seed, None if lost else fmean(by_seed.values()), "; ".join(lost))


def _describe_loss(result: RunResult, measure: Measure) -> str:
    what = result.status if result.status != "done" else f"without {measure.name}"
    return f"seed {result.entry.seed} {what}" + (f" ({result.reason})" if result.reason else "")
