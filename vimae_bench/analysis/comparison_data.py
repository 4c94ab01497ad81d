"""A comparison of A and B as plain data."""

from dataclasses import dataclass
from math import exp
from typing import Literal

import numpy as np

from ..core.results import Measure
from .decision import PairDecision
from .statistics import Array, Interval, win_rate

ComparisonOutcome = Literal[
    "better", "worse", "equivalent", "undecided", "equal", "collapsed", "incomplete", "other data", "not tested", ""
]


@dataclass(frozen=True)
class Difference:
    """A and B under one measure, over their common seeds.

    `decision` is that of the leaderboard, or for two sets of results that of their family, which has `family` tests;
    `margin` is the one that it goes by. It is None if nothing was tested: `untested` says why in a word, and `reason`
    in more. The row `is_qualified` if A or B nearly collapsed, which the measure rewards.

    `interval` is the 95 % interval of this one comparison, of A - B, or of A / B if it `is_ratio`; it covers `draws`
    shared draws as well as seeds. A margin that was given for this comparison changes none of these: it is
    `given_margin`, with a decision of its own.
    """

    measure: Measure
    seeds: tuple[int, ...]
    a: tuple[float, ...]
    b: tuple[float, ...]
    interval: Interval | None = None
    decision: PairDecision | None = None
    family: int = 0
    draws: int = 0
    margin: float | None = None
    untested: ComparisonOutcome = ""
    reason: str = ""
    is_qualified: bool = False
    given_margin: float | None = None
    given_decision: PairDecision | None = None

    @property
    def outcome(self) -> ComparisonOutcome:
        """What is decided on A, or why nothing is; empty for a measure without a direction."""
        if self.sign and self.is_comparable and not self.effects.any():
            return "equal"
        return _judge_first(self.decision) if self.decision else self.untested

    @property
    def given_outcome(self) -> ComparisonOutcome:
        """What is decided on A by the margin that was given for this comparison; empty without one."""
        return _judge_first(self.given_decision) if self.given_decision else ""

    @property
    def is_ratio(self) -> bool:
        """Whether A and B are compared by their ratio."""
        return self.measure.scale == "log" and min(*self.a, *self.b) > 0

    @property
    def effects(self) -> Array:
        """A - B for each seed, or log(A / B) if they are compared by their ratio."""
        return np.log(self.a) - np.log(self.b) if self.is_ratio else np.subtract(self.a, self.b)

    @property
    def difference(self) -> float:
        """The mean of A - B, or the geometric mean of A / B."""
        mean = float(self.effects.mean())
        return exp(mean) if self.is_ratio else mean

    @property
    def p(self) -> float | None:
        """The adjusted p-value; None if nothing was tested."""
        return self.decision.p if self.decision else None

    @property
    def wins(self) -> float | None:
        """P(A beats B) over seeds, ties counting half; None if neither can be better."""
        return win_rate(self.effects * self.sign) if self.sign and self.is_comparable else None

    @property
    def is_comparable(self) -> bool:
        """Whether nothing but a lack of seeds or of positive values may keep A and B from being tested."""
        return self.untested in ("", "not tested")

    @property
    def sign(self) -> int:
        """1 if higher is better, -1 if lower is better, 0 for a measure without a direction."""
        return {"higher": 1, "lower": -1, None: 0}[self.measure.better]


@dataclass(frozen=True)
class Comparison:
    """One table of A and B, with a row for each measure that both have."""

    title: str
    a: str
    b: str
    seeds: tuple[int, ...]
    rows: tuple[Difference, ...]
    notes: tuple[str, ...]


def _judge_first(pair: PairDecision) -> ComparisonOutcome:
    """The outcome of a pair as a statement on its first method."""
    if pair.outcome == "different":
        return "better" if pair.better == pair.a else "worse"
    return pair.outcome
