"""The results of tuning: the trials of each method and the best of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

import numpy as np

from ..core.results import Measure
from ..storage.store import RunResult
from .decision import MIN_TESTED_SEEDS, MeasureValues, PairDecision, decide_measure
from .footnotes import format_count
from .statements import format_margin, format_p


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
    """The trials of a method, in their order, and the measure by which one is chosen."""

    label: str
    trials: tuple[TrialResult, ...]
    measure: Measure

    @cached_property
    def ranked(self) -> list[TrialResult]:
        """The trials from the best to the worst, the first of equal ones first, without lost ones."""
        found = [trial for trial in self.trials if trial.value is not None]
        return sorted(found, key=lambda trial: trial.value or 0.0, reverse=self.measure.better == "higher")

    @property
    def values(self) -> list[float]:
        """The values of the trials from the best to the worst, without lost ones."""
        return [trial.value for trial in self.ranked if trial.value is not None]

    @property
    def best(self) -> TrialResult | None:
        """The first trial with the best value; None if all are lost."""
        return self.ranked[0] if self.ranked else None

    def describe_choice(self) -> str:
        """How the best trial stands to the next, such as `undecided with the next, trial 7 (p = 0.4)`.

        Trials are decided on as methods of a leaderboard are: all pairs are one family of tests.
        """
        if not self.best:
            return "no trial has a value"
        seeds = tuple(self.best.by_seed)
        chosen = (
            f"best of {format_count(len(self.trials), 'trial')} by its mean over {format_count(len(seeds), 'seed')}"
        )
        if len(self.ranked) == 1:
            return f"{chosen}; the only one with a value"
        if len(seeds) < MIN_TESTED_SEEDS:
            return f"{chosen}; {'single values' if len(seeds) == 1 else 'two seeds'} are not tested"
        labels = tuple(str(trial.number) for trial in self.ranked)
        values = np.array([[trial.by_seed[seed] for seed in seeds] for trial in self.ranked])
        decision = decide_measure(MeasureValues(self.measure, labels, seeds, values))
        return f"{chosen}; {self._describe_next(decision.get_pair(*labels[:2]), labels[1])}"

    def _describe_next(self, pair: PairDecision | None, number: str) -> str:
        if pair is None:
            return "not tested, since ratios need positive values"
        if pair.outcome == "different":
            return f"better than the next, trial {number} ({format_p(pair.p)})"
        if pair.outcome == "equivalent":
            return f"equivalent to the next, trial {number}, within {format_margin(self.measure, self.measure.margin)}"
        return f"undecided with the next, trial {number} ({format_p(pair.p)})"

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

    A collapsed run counts as lost: whatever the measure, it is not comparable.
    """
    by_seed, lost = dict[int, float](), list[str]()
    for result in run_results:
        estimate = result.estimates.get(measure.name)
        if result.status != "done" or estimate is None:
            lost.append(_describe_loss(result, measure))
        elif result.collapsed:
            lost.append(f"seed {result.entry.seed} collapsed")
        else:
            by_seed[result.entry.seed] = estimate.value
    return TrialResult(number, settings, by_seed, None if lost else fmean(by_seed.values()), "; ".join(lost))


def _describe_loss(result: RunResult, measure: Measure) -> str:
    what = result.status if result.status != "done" else f"without {measure.name}"
    return f"seed {result.entry.seed} {what}" + (f" ({result.reason})" if result.reason else "")
