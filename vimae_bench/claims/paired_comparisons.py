"""Compare two methods, or a method and a number, for one claim: differences over seeds and a verdict.

A claim says in which region the difference lies: below or above a boundary, or between two. The claim is

- supported if the mean lies in the region and a paired test over seeds, Holm-adjusted over the claim, rejects the
  boundary (or two one-sided tests reject both); and if at least three quarters of the seeds agree, the difference
  exceeds the A/A spread, and the interval, which also covers draws that all runs share, excludes the boundary;
- contradicted if the mean lies outside the region and the same holds for the nearest boundary;
- not decided otherwise, and always with fewer than five seeds or if a run diverged or failed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite
from typing import Literal

import numpy as np

from ..analysis.comparison import MIN_WIN_RATE, ResultsBySeed
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
from .matching import Evidence
from .paper import Paper

Verdict = Literal["supported", "contradicted", "not decided", "not testable"]
GetEstimate = Callable[[RunResult], Estimate | None]
Region = tuple[float, float]


@dataclass(frozen=True)
class Question:
    """Does `a` under `get_a` minus `b` under `get_b` (or minus `value`, without a `b`) lie in `region`?

    With `is_ratio`, the difference is that of the logarithms.
    """

    a: str
    b: str
    get_a: GetEstimate
    get_b: GetEstimate
    region: Region
    value: float = 0.0
    is_ratio: bool = False


@dataclass(frozen=True)
class PairedComparison:
    """The differences a - b over common seeds (of logarithms if `is_ratio`) and the verdict.

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
    is_left_out: bool = False
    """Whether it is not tested because a method collapsed."""

    @property
    def mean(self) -> float | None:
        """The mean difference, or the geometric mean of the ratios."""
        return self._to_shown_scale(float(self.differences.mean())) if len(self.differences) else None

    @property
    def shown_interval(self) -> Interval | None:
        """The 95 % interval, on the scale of `mean`."""
        return (
            (self._to_shown_scale(self.interval[0]), self._to_shown_scale(self.interval[1])) if self.interval else None
        )

    @property
    def is_bounded(self) -> bool:
        """Whether the region has two ends, so that two tests are needed to show a difference in it."""
        return isfinite(self.region[0]) and isfinite(self.region[1])

    def _to_shown_scale(self, value: float) -> float:
        return float(np.exp(value)) if self.is_ratio else value


def compare_pair(question: Question, paper: Paper, evidence: Evidence, spread: float | None) -> PairedComparison:
    """The differences of one pair, not tested yet; with the reason if they cannot be tested."""
    comparison = PairedComparison(question.a, question.b, question.region, question.is_ratio, aa_spread=spread)
    for method in filter(None, (question.a, question.b)):
        if method not in evidence.methods:
            return replace(comparison, reason=f"{paper.get_method_name(method)} is not measured")
    a, b = evidence.methods[question.a], evidence.methods[question.b] if question.b else evidence.methods[question.a]
    for method, group, get in ((question.a, a, question.get_a), (question.b, b, question.get_b)):
        if method and not any(get(result) for result in group.values()):
            return replace(comparison, reason=f"{paper.get_method_name(method)} is not measured")
    seeds = tuple(s for s in a if s in b and question.get_a(a[s]) and (not question.b or question.get_b(b[s])))
    if not seeds:
        return replace(comparison, reason="no seed is measured for both")
    runs = tuple(group[seed] for group in ([a, b] if a is not b else [a]) for seed in seeds)
    differences, per_draw = compute_differences(question, [a[s] for s in seeds], [b[s] for s in seeds])
    if not np.isfinite(differences).all():
        return replace(comparison, reason="a ratio needs positive values", seeds=seeds, runs=runs)
    interval = confidence_interval(differences, per_draw)
    comparison = replace(
        comparison, differences=differences, interval=interval, seeds=seeds, runs=runs, verdict="not decided"
    )
    if reason := _blocking_reason(comparison, paper, (a, b)):
        return replace(comparison, reason=reason, is_permanent=True)
    few = f"only {len(seeds)} seed{'s' * (len(seeds) != 1)}, at least five are needed"
    return replace(comparison, reason=few) if len(seeds) < MIN_SEEDS else comparison


def compute_differences(
    question: Question, a: Sequence[RunResult], b: Sequence[RunResult]
) -> tuple[Array, Array | None]:
    """a - b (their log ratio, a - value) by seed, and by seed and draw if all runs share the draws."""
    left = [found for result in a if (found := question.get_a(result))]
    if not question.b:
        per_draw = per_draw_table(left)
        return _get_values(left) - question.value, None if per_draw is None else per_draw - question.value
    right = [found for result in b if (found := question.get_b(result))]
    if question.is_ratio:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(_get_values(left) / _get_values(right)), None
    return _get_values(left) - _get_values(right), per_draw_table(left, right)


def decide_verdicts(drafts: Sequence[PairedComparison]) -> list[PairedComparison]:
    """The comparisons of one claim with their verdicts, Holm-adjusted over all of them."""
    tested = [draft for draft in drafts if draft.verdict == "not decided" and len(draft.seeds) > 1]
    comparisons = len(tested)
    outer = [run_paired_test(_differences_from_boundary(draft), comparisons) for draft in tested]
    adjusted = adjust_holm([p for _, p in outer]) if tested else np.zeros(0)
    bounded = [draft for draft in tested if draft.is_bounded]
    inner = adjust_holm(
        [equivalence_p_value(draft.differences - _region_center(draft), _region_half_width(draft)) for draft in bounded]
    )
    within = {id(draft): float(p) for draft, p in zip(bounded, inner, strict=True)}
    decided = {
        id(draft): _decide(draft, name, float(p), within.get(id(draft)), ALPHA / comparisons)
        for draft, (name, _), p in zip(tested, outer, adjusted, strict=True)
    }
    return [decided.get(id(draft), draft) for draft in drafts]


def _decide(draft: PairedComparison, test: str, p: float, within: float | None, alpha: float) -> PairedComparison:
    """The verdict from the adjusted p-values: `p` of the nearest boundary, `within` of lying between two."""
    inside = draft.region[0] < draft.differences.mean() < draft.region[1]
    tested = replace(draft, test=test, p=p)
    if inside and within is not None:
        tested = replace(draft, test="two one-sided t tests", p=within)
    verdict: Verdict = "supported" if inside else "contradicted"
    reason = draft.reason or _reason_undecided(tested, inside)
    if reason:
        more = not draft.is_permanent and (tested.p is None or tested.p >= ALPHA or len(draft.seeds) < MIN_SEEDS)
        return replace(
            tested, reason=reason, seeds_needed=_estimate_seeds_needed(draft, inside, alpha) if more else None
        )
    return replace(tested, verdict=verdict)


def _reason_undecided(pair: PairedComparison, inside: bool) -> str:
    """Why a comparison is not decided; empty if it is."""
    if pair.p is None or pair.p >= ALPHA:
        return f"p = {pair.p:.2g}"
    if inside and pair.is_bounded:
        return ""
    beyond = _differences_from_boundary(pair)
    if np.mean(beyond * np.sign(beyond.mean()) > 0) < MIN_WIN_RATE:
        return "fewer than three quarters of the seeds agree"
    if pair.aa_spread is not None and abs(beyond.mean()) <= pair.aa_spread:
        return f"not larger than the A/A spread of {pair.aa_spread:.2g}"
    if pair.interval and pair.interval[0] <= _nearest_boundary(pair) <= pair.interval[1]:
        return "the interval over seeds and draws includes the boundary"
    return ""


def _blocking_reason(pair: PairedComparison, paper: Paper, groups: tuple[ResultsBySeed, ResultsBySeed]) -> str:
    """Why there can be no verdict with any number of seeds; empty if there can."""
    for method, group in zip((pair.a, pair.b), groups, strict=True):
        lost = [seed for seed, result in group.items() if result.status in ("diverged", "failed")]
        if method and lost:
            seeds = f"seed{'s' * (len(lost) > 1)} {', '.join(map(str, lost))}"
            return f"{paper.get_method_name(method)} diverged or failed on {seeds}"
    if any(a.record.get("data") != b.record.get("data") for s in pair.seeds for a, b in [(groups[0][s], groups[1][s])]):
        return "the runs used different data"
    return ""


def has_several_definitions(groups: Iterable[ResultsBySeed], measure: str) -> bool:
    """Whether runs of these methods have a measure from several versions of its metric, or defined in several ways."""
    runs = (result for by_seed in groups for result in by_seed.values())
    return len({result.measures[measure] for result in runs if measure in result.measures}) > 1


def wins_by_collapse(run_results: ResultsBySeed, measure: str) -> bool:
    """Whether some run has collapsed under a measure that rewards ignoring the data."""
    return any(
        result.collapsed and measure in result.measures and not result.measures[measure].ranks_collapsed
        for result in run_results.values()
    )


def _estimate_seeds_needed(pair: PairedComparison, inside: bool, alpha: float) -> int:
    """The number of seeds that would decide, at a level adjusted for the other comparisons of the claim."""
    beyond, sd = _differences_from_boundary(pair), float(pair.differences.std(ddof=1))
    if inside and pair.is_bounded:
        found = seeds_for_equivalence(
            float((pair.differences - _region_center(pair)).mean()), sd, _region_half_width(pair), alpha
        )
    else:
        found = seeds_to_detect(float(beyond.mean()), sd, alpha)
    return max(found, MIN_SEEDS, len(pair.seeds) + 1) if found else MAX_SEEDS + 1


def _differences_from_boundary(pair: PairedComparison) -> Array:
    """The differences minus the nearest boundary of the region."""
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
