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

from ..analysis.comparison import MIN_WIN_RATE
from ..analysis.footnotes import MIN_SEEDS
from ..analysis.per_draw import per_draw_table
from ..analysis.statistics import (
    ALPHA,
    MAX_SEEDS,
    Array,
    Interval,
    adjust_holm,
    confidence_interval,
    equivalence_p_value,
    run_paired_test,
    seeds_for_equivalence,
    seeds_to_detect,
)
from ..core.results import Estimate
from ..storage.store import RunResult
from .matching import Evidence, ResultsBySeed
from .paper import Paper

Verdict = Literal["supported", "contradicted", "not decided", "not testable"]
GetEstimate = Callable[[RunResult], Estimate | None]
Region = tuple[float, float]


@dataclass(frozen=True)
class Question:
    """What a pair is asked: `a` under `get_a` against `b` under `get_b`, or against `value`, in which region."""

    a: str
    b: str
    get_a: GetEstimate
    get_b: GetEstimate
    region: Region
    value: float = 0.0
    is_ratio: bool = False


@dataclass(frozen=True)
class PairedComparison:
    """A difference a - b over n common seeds (a ratio a / b where it is `is_ratio`), and what it shows.

    `p` is the Holm-adjusted p-value of the test behind the verdict and `aa_spread` the largest absolute end of the A/A
    intervals. `is_permanent` means that more seeds cannot remove the reason for which it is undecided. `seeds_needed`
    is the number of seeds that would decide with 80 % power if the mean and the standard deviation stay as they are
    (`MAX_SEEDS` + 1: more than that). `differences` are on the scale that was tested.
    """

    a: str
    b: str
    region: Region
    is_ratio: bool = False
    differences: Array = field(default_factory=lambda: np.zeros(0))
    interval: Interval | None = None
    seeds: tuple[int, ...] = ()
    runs: tuple[RunResult, ...] = ()
    aa_spread: float | None = None
    test: str = ""
    p: float | None = None
    verdict: Verdict = "not testable"
    reason: str = ""
    seeds_needed: int | None = None
    is_permanent: bool = False

    @property
    def mean(self) -> float | None:
        """The mean difference; the geometric mean of the ratios."""
        return self._to_shown_scale(float(self.differences.mean())) if len(self.differences) else None

    @property
    def shown_interval(self) -> Interval | None:
        """The 95 % interval, on the scale of `mean`."""
        return (
            (self._to_shown_scale(self.interval[0]), self._to_shown_scale(self.interval[1])) if self.interval else None
        )

    @property
    def is_bounded(self) -> bool:
        """Whether the region has two ends, so that it takes two tests to show a difference in it."""
        return isfinite(self.region[0]) and isfinite(self.region[1])

    def _to_shown_scale(self, value: float) -> float:
        return float(np.exp(value)) if self.is_ratio else value


def compare_pair(asked: Question, paper: Paper, evidence: Evidence, spread: float | None) -> PairedComparison:
    """The differences of one pair, with the reason where they are not for testing."""
    made = PairedComparison(asked.a, asked.b, asked.region, asked.is_ratio, aa_spread=spread)
    for method in filter(None, (asked.a, asked.b)):
        if method not in evidence.methods:
            return replace(made, reason=f"{paper.get_method_name(method)} is not measured")
    a, b = evidence.methods[asked.a], evidence.methods[asked.b] if asked.b else evidence.methods[asked.a]
    for method, side, read in ((asked.a, a, asked.get_a), (asked.b, b, asked.get_b)):
        if method and not any(read(result) for result in side.values()):
            return replace(made, reason=f"{paper.get_method_name(method)} is not measured")
    seeds = tuple(s for s in a if s in b and asked.get_a(a[s]) and (not asked.b or asked.get_b(b[s])))
    if not seeds:
        return replace(made, reason="no common seed is measured")
    runs = tuple(side[seed] for side in ([a, b] if a is not b else [a]) for seed in seeds)
    differences, parts = compute_differences(asked, [a[s] for s in seeds], [b[s] for s in seeds])
    if not np.isfinite(differences).all():
        return replace(made, reason="a ratio of values that are not positive", seeds=seeds, runs=runs)
    between = confidence_interval(differences, parts)
    made = replace(made, differences=differences, interval=between, seeds=seeds, runs=runs, verdict="not decided")
    if reason := _blocking_reason(made, paper, (a, b)):
        return replace(made, reason=reason, is_permanent=True)
    few = f"of {len(seeds)} seed{'s' * (len(seeds) != 1)}, where five are the least"
    return replace(made, reason=few) if len(seeds) < MIN_SEEDS else made


def compute_differences(asked: Question, a: Sequence[RunResult], b: Sequence[RunResult]) -> tuple[Array, Array | None]:
    """a - b by seed (their log ratio, a - value), and by seed and draw where all runs share the draws."""
    left = [found for result in a if (found := asked.get_a(result))]
    if not asked.b:
        parts = per_draw_table(left)
        return _get_values(left) - asked.value, None if parts is None else parts - asked.value
    right = [found for result in b if (found := asked.get_b(result))]
    if asked.is_ratio:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(_get_values(left) / _get_values(right)), None
    return _get_values(left) - _get_values(right), per_draw_table(left, right)


def decide_verdicts(drafts: Sequence[PairedComparison]) -> list[PairedComparison]:
    """The pairs of one claim with their verdicts, Holm-adjusted over all of them."""
    tested = [draft for draft in drafts if draft.verdict == "not decided" and len(draft.seeds) > 1]
    comparisons = len(tested)
    outer = [run_paired_test(_differences_from_boundary(draft), comparisons) for draft in tested]
    adjusted = adjust_holm([p for _, p in outer]) if tested else np.zeros(0)
    bounded = [draft for draft in tested if draft.is_bounded]
    inner = adjust_holm(
        [equivalence_p_value(draft.differences - _region_center(draft), _region_half_width(draft)) for draft in bounded]
    )
    within = {id(draft): float(p) for draft, p in zip(bounded, inner, strict=True)}
    made = {
        id(draft): _decide(draft, name, float(p), within.get(id(draft)), ALPHA / comparisons)
        for draft, (name, _), p in zip(tested, outer, adjusted, strict=True)
    }
    return [made.get(id(draft), draft) for draft in drafts]


def _decide(draft: PairedComparison, test: str, p: float, within: float | None, alpha: float) -> PairedComparison:
    """A verdict from the adjusted p-values: of the nearest boundary, and of lying between two."""
    inside = draft.region[0] < draft.differences.mean() < draft.region[1]
    said = replace(draft, test=test, p=p)
    if inside and within is not None:
        said = replace(draft, test="two one-sided t tests", p=within)
    verdict: Verdict = "supported" if inside else "contradicted"
    reason = draft.reason or _reason_undecided(said, inside)
    if reason:
        more = not draft.is_permanent and (said.p is None or said.p >= ALPHA or len(draft.seeds) < MIN_SEEDS)
        return replace(said, reason=reason, seeds_needed=_estimate_seeds_needed(draft, inside, alpha) if more else None)
    return replace(said, verdict=verdict)


def _reason_undecided(pair: PairedComparison, inside: bool) -> str:
    """Why a pair is not decided; empty where it is."""
    if pair.p is None or pair.p >= ALPHA:
        return f"p = {pair.p:.2g}"
    if inside and pair.is_bounded:
        return ""
    beyond = _differences_from_boundary(pair)
    if np.mean(beyond * np.sign(beyond.mean()) > 0) < MIN_WIN_RATE:
        return "so on fewer than three seeds in four"
    if pair.aa_spread is not None and abs(beyond.mean()) <= pair.aa_spread:
        return f"not more than the A/A spread of {pair.aa_spread:.2g}"
    if pair.interval and pair.interval[0] <= _nearest_boundary(pair) <= pair.interval[1]:
        return "the interval over seeds and draws reaches over the boundary"
    return ""


def _blocking_reason(pair: PairedComparison, paper: Paper, sides: tuple[ResultsBySeed, ResultsBySeed]) -> str:
    """What stands in the way of any verdict, however many seeds there are."""
    for method, side in zip((pair.a, pair.b), sides, strict=True):
        lost = [seed for seed, result in side.items() if result.status in ("diverged", "failed")]
        if method and lost:
            seeds = f"seed{'s' * (len(lost) > 1)} {', '.join(map(str, lost))}"
            return f"{paper.get_method_name(method)} diverged or failed on {seeds}"
    if any(a.record.get("data") != b.record.get("data") for s in pair.seeds for a, b in [(sides[0][s], sides[1][s])]):
        return "the runs did not see the same data"
    return ""


def wins_by_collapse(side: ResultsBySeed, measure: str) -> bool:
    """Whether a side is left out under a measure that a model wins by ignoring its data."""
    return any(o.collapsed and measure in o.measures and not o.measures[measure].ranks_collapsed for o in side.values())


def _estimate_seeds_needed(pair: PairedComparison, inside: bool, alpha: float) -> int:
    """How many seeds would decide, at a level that allows for the other comparisons of the claim."""
    beyond, sd = _differences_from_boundary(pair), float(pair.differences.std(ddof=1))
    if inside and pair.is_bounded:
        found = seeds_for_equivalence(
            float((pair.differences - _region_center(pair)).mean()), sd, _region_half_width(pair), alpha
        )
    else:
        found = seeds_to_detect(float(beyond.mean()), sd, alpha)
    return max(found, MIN_SEEDS, len(pair.seeds) + 1) if found else MAX_SEEDS + 1


def _differences_from_boundary(pair: PairedComparison) -> Array:
    """The differences as seen from the nearest boundary of the region."""
    return pair.differences - _nearest_boundary(pair)


def _nearest_boundary(pair: PairedComparison) -> float:
    mean = pair.differences.mean()
    return min((end for end in pair.region if end not in (-inf, inf)), key=lambda end: abs(mean - end))


def _region_center(pair: PairedComparison) -> float:
    return sum(pair.region) / 2


def _region_half_width(pair: PairedComparison) -> float:
    return (pair.region[1] - pair.region[0]) / 2


def _get_values(estimates: Sequence[Estimate]) -> Array:
    return np.array([estimate.value for estimate in estimates], dtype=np.float64)
