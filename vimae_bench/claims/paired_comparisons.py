"""One method against another, or against a number, for one claim: the differences over seeds, and what they show.

A claim says in which region a difference lies: below or above a boundary, or between two. What it says is

- supported where the mean lies in the region and a paired test over seeds rejects the boundary, Holm-adjusted over the
  claim (between two: two one-sided tests); not by less than three seeds in four, not within the A/A spread, and not
  where the interval, which also covers draws that all runs share, reaches over the boundary;
- contradicted where the mean lies outside and the same holds of the nearest boundary;
- not decided otherwise, and always below five seeds or where a run diverged or failed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite
from typing import Literal

import numpy as np

from ..analysis.comparison import MEANINGFUL
from ..analysis.footnotes import QUOTABLE
from ..analysis.per_draw import per_draw_table
from ..analysis.statistics import (
    ALPHA,
    MOST,
    Array,
    Interval,
    equivalence,
    holm,
    interval,
    paired_test,
    seeds_to_equate,
    seeds_to_show,
)
from ..core.results import Estimate
from ..storage.store import RunResult
from .matching import Evidence, Side
from .paper import Paper

Verdict = Literal["supported", "contradicted", "not decided", "not testable"]
Read = Callable[[RunResult], Estimate | None]
Region = tuple[float, float]


@dataclass(frozen=True)
class Asked:
    """What a pair is asked: `a` under `read_a` against `b` under `read_b`, or against `value`, in which region."""

    a: str
    b: str
    read_a: Read
    read_b: Read
    region: Region
    value: float = 0.0
    logarithmic: bool = False


@dataclass(frozen=True)
class Pair:
    """A difference a - b over n common seeds (a ratio a / b where it is `logarithmic`), and what it shows.

    `p` is the Holm-adjusted p-value of the test behind the verdict, `spread` the largest end of the A/A intervals,
    `lasting` that more seeds cannot mend what stands in the way, `enough` the number of seeds that would decide with
    80 % power if the mean and its spread over seeds stay as they are (`MOST` + 1: more than that). `differences` are on
    the scale that was tested.
    """

    a: str
    b: str
    region: Region
    logarithmic: bool = False
    differences: Array = field(default_factory=lambda: np.zeros(0))
    interval: Interval | None = None
    seeds: tuple[int, ...] = ()
    runs: tuple[RunResult, ...] = ()
    spread: float | None = None
    test: str = ""
    p: float | None = None
    verdict: Verdict = "not testable"
    why: str = ""
    enough: int | None = None
    lasting: bool = False

    @property
    def mean(self) -> float | None:
        """The mean difference; the geometric mean of the ratios."""
        return self._shown(float(self.differences.mean())) if len(self.differences) else None

    @property
    def between(self) -> Interval | None:
        """The 95 % interval, on the scale of `mean`."""
        return (self._shown(self.interval[0]), self._shown(self.interval[1])) if self.interval else None

    @property
    def bounded(self) -> bool:
        """Whether the region has two ends, so that it takes two tests to show a difference in it."""
        return isfinite(self.region[0]) and isfinite(self.region[1])

    def _shown(self, value: float) -> float:
        return float(np.exp(value)) if self.logarithmic else value


def pair(asked: Asked, paper: Paper, evidence: Evidence, spread: float | None) -> Pair:
    """The differences of one pair, with the reason where they are not for testing."""
    made = Pair(asked.a, asked.b, asked.region, asked.logarithmic, spread=spread)
    for method in filter(None, (asked.a, asked.b)):
        if method not in evidence.sides:
            return replace(made, why=f"{paper.name(method)} is not measured")
    a, b = evidence.sides[asked.a], evidence.sides[asked.b] if asked.b else evidence.sides[asked.a]
    for method, side, read in ((asked.a, a, asked.read_a), (asked.b, b, asked.read_b)):
        if method and not any(read(result) for result in side.values()):
            return replace(made, why=f"{paper.name(method)} is not measured")
    seeds = tuple(s for s in a if s in b and asked.read_a(a[s]) and (not asked.b or asked.read_b(b[s])))
    if not seeds:
        return replace(made, why="no common seed is measured")
    runs = tuple(side[seed] for side in ([a, b] if a is not b else [a]) for seed in seeds)
    differences, parts = differences_of(asked, [a[s] for s in seeds], [b[s] for s in seeds])
    if not np.isfinite(differences).all():
        return replace(made, why="a ratio of values that are not positive", seeds=seeds, runs=runs)
    between = interval(differences, parts)
    made = replace(made, differences=differences, interval=between, seeds=seeds, runs=runs, verdict="not decided")
    if why := _reservation(made, paper, (a, b)):
        return replace(made, why=why, lasting=True)
    few = f"of {len(seeds)} seed{'s' * (len(seeds) != 1)}, where five are the least"
    return replace(made, why=few) if len(seeds) < QUOTABLE else made


def differences_of(asked: Asked, a: Sequence[RunResult], b: Sequence[RunResult]) -> tuple[Array, Array | None]:
    """a - b by seed (their log ratio, a - value), and by seed and draw where all runs share the draws."""
    left = [found for result in a if (found := asked.read_a(result))]
    if not asked.b:
        parts = per_draw_table(left)
        return _values(left) - asked.value, None if parts is None else parts - asked.value
    right = [found for result in b if (found := asked.read_b(result))]
    if asked.logarithmic:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(_values(left) / _values(right)), None
    return _values(left) - _values(right), per_draw_table(left, right)


def judged(drafts: Sequence[Pair]) -> list[Pair]:
    """The pairs of one claim with their verdicts, Holm-adjusted over all of them."""
    tested = [draft for draft in drafts if draft.verdict == "not decided" and len(draft.seeds) > 1]
    comparisons = len(tested)
    outer = [paired_test(_beyond(draft), comparisons) for draft in tested]
    adjusted = holm([p for _, p in outer]) if tested else np.zeros(0)
    bounded = [draft for draft in tested if draft.bounded]
    inner = holm([equivalence(draft.differences - _middle(draft), _half(draft)) for draft in bounded])
    within = {id(draft): float(p) for draft, p in zip(bounded, inner, strict=True)}
    made = {
        id(draft): _decided(draft, name, float(p), within.get(id(draft)), ALPHA / comparisons)
        for draft, (name, _), p in zip(tested, outer, adjusted, strict=True)
    }
    return [made.get(id(draft), draft) for draft in drafts]


def _decided(draft: Pair, test: str, p: float, within: float | None, alpha: float) -> Pair:
    """A verdict from the adjusted p-values: of the nearest boundary, and of lying between two."""
    inside = draft.region[0] < draft.differences.mean() < draft.region[1]
    said = replace(draft, test=test, p=p)
    if inside and within is not None:
        said = replace(draft, test="two one-sided t tests", p=within)
    verdict: Verdict = "supported" if inside else "contradicted"
    why = draft.why or _doubt(said, inside)
    if why:
        more = not draft.lasting and (said.p is None or said.p >= ALPHA or len(draft.seeds) < QUOTABLE)
        return replace(said, why=why, enough=_enough(draft, inside, alpha) if more else None)
    return replace(said, verdict=verdict)


def _doubt(pair: Pair, inside: bool) -> str:
    """Why a pair is not decided; empty where it is."""
    if pair.p is None or pair.p >= ALPHA:
        return f"p = {pair.p:.2g}"
    if inside and pair.bounded:
        return ""
    beyond = _beyond(pair)
    if np.mean(beyond * np.sign(beyond.mean()) > 0) < MEANINGFUL:
        return "so on fewer than three seeds in four"
    if pair.spread is not None and abs(beyond.mean()) <= pair.spread:
        return f"not more than the A/A spread of {pair.spread:.2g}"
    if pair.interval and pair.interval[0] <= _boundary(pair) <= pair.interval[1]:
        return "the interval over seeds and draws reaches over the boundary"
    return ""


def _reservation(pair: Pair, paper: Paper, sides: tuple[Side, Side]) -> str:
    """What stands in the way of any verdict, however many seeds there are."""
    for method, side in zip((pair.a, pair.b), sides, strict=True):
        lost = [seed for seed, result in side.items() if result.status in ("diverged", "failed")]
        if method and lost:
            return f"{paper.name(method)} diverged or failed on seed{'s' * (len(lost) > 1)} {', '.join(map(str, lost))}"
    if any(a.record.get("data") != b.record.get("data") for s in pair.seeds for a, b in [(sides[0][s], sides[1][s])]):
        return "the runs did not see the same data"
    return ""


def collapsed(side: Side, measure: str) -> bool:
    """Whether a side is left out under a measure that a model wins by ignoring its data."""
    return any(o.collapsed and measure in o.measures and not o.measures[measure].ranks_collapsed for o in side.values())


def _enough(pair: Pair, inside: bool, alpha: float) -> int:
    """How many seeds would decide, at a level that allows for the other comparisons of the claim."""
    beyond, sd = _beyond(pair), float(pair.differences.std(ddof=1))
    if inside and pair.bounded:
        found = seeds_to_equate(float((pair.differences - _middle(pair)).mean()), sd, _half(pair), alpha)
    else:
        found = seeds_to_show(float(beyond.mean()), sd, alpha)
    return max(found, QUOTABLE, len(pair.seeds) + 1) if found else MOST + 1


def _beyond(pair: Pair) -> Array:
    """The differences as seen from the nearest boundary of the region."""
    return pair.differences - _boundary(pair)


def _boundary(pair: Pair) -> float:
    mean = pair.differences.mean()
    return min((end for end in pair.region if end not in (-inf, inf)), key=lambda end: abs(mean - end))


def _middle(pair: Pair) -> float:
    return sum(pair.region) / 2


def _half(pair: Pair) -> float:
    return (pair.region[1] - pair.region[0]) / 2


def _values(estimates: Sequence[Estimate]) -> Array:
    return np.array([estimate.value for estimate in estimates], dtype=np.float64)
