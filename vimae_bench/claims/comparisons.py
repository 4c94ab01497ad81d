"""Compare two methods, or a method and a number, for one claim: differences over seeds and two p-values.

A claim says in which region a difference lies: below or above a boundary, or between two. If the mean lies there, the
p-value *for* the claim is that of the nearest boundary (two-sided), or of two one-sided tests if the region has two
ends. If the mean lies elsewhere, the p-value *against* it is that of the nearest boundary.

Pairs of methods of one table are compared by `compare_pairs` over all comparable methods of the paper, on the scale of
the measure. Other methods of the table have no part in it, so that none makes a claim easier or harder to judge; in a
table without others, the p-values without a margin are those which a leaderboard adjusts. Values
of single methods, or their changes from one measure to another, may be skewed, as differences of two methods are not:
their p-value is the larger of that of the layer and that of `skewed_p_values`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import exp, inf, isfinite, log
from typing import Literal

import numpy as np

from ..analysis.decision import MIN_TESTED_SEEDS, MeasureValues, scale_draws, to_scale
from ..analysis.footnotes import format_seeds
from ..analysis.leaderboard import collect_values
from ..analysis.leaderboard_data import LeaderboardRow, MeasureSummary
from ..analysis.per_draw import per_draw_table
from ..analysis.statistics import (
    ALPHA,
    Array,
    ContrastGroup,
    Contrasts,
    Interval,
    Variance,
    VarianceParts,
    compare_pairs,
    compare_with_values,
    confidence_interval,
    group_methods,
    group_pairs,
    make_contrasts,
    skewed_p_values,
)
from ..core.results import Estimate
from ..storage.store import RunResult
from .matching import Evidence
from .paper import ClaimTest, Paper, ReadingOption

Verdict = Literal["supported", "contradicted", "not decided", "depends", "not testable"]
Region = tuple[float, float]
UNMEASURED = "is not measured"


@dataclass(frozen=True)
class ClaimValues:
    """The values of the paper's comparable methods in a table under what a test measures, and their contrasts.

    `values` may be changes from one measure to another, or shifted by a convention. `estimates` are those of all
    methods by label and seed, comparable or not.
    """

    values: MeasureValues
    estimates: Mapping[str, Mapping[int, Estimate]]

    @property
    def is_log(self) -> bool:
        """Whether contrasts are of logarithms."""
        return self.values.measure.scale == "log"

    @property
    def draws(self) -> int:
        """The number of draws that uncertainty covers; 0: it is over seeds only."""
        return self.scaled_draws.shape[2] if self.scaled_draws is not None else 0

    @cached_property
    def scaled(self) -> Array:
        """The values [methods, seeds] on the scale of the test."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return to_scale(self.values.measure, self.values.values)

    @cached_property
    def scaled_draws(self) -> Array | None:
        """The values over each draw [methods, seeds, draws], None unless all runs share the draws."""
        draws = scale_draws(self.values)
        return draws if draws is not None and draws.shape[2] > 1 else None

    @property
    def can_test(self) -> bool:
        """Whether there are enough seeds, and only positive values on a log scale."""
        return len(self.values.seeds) >= MIN_TESTED_SEEDS and bool(np.isfinite(self.scaled).all())

    @cached_property
    def pairs(self) -> Contrasts:
        """All pairs of methods, in the order of `combinations`."""
        return compare_pairs(self.scaled, self.scaled_draws)

    @cached_property
    def singles(self) -> Contrasts:
        """Each method minus zero."""
        return compare_with_values(self.scaled, np.zeros(len(self.scaled)), self.scaled_draws)

    @cached_property
    def own_variances(self) -> Array:
        """The variance of each method's mean, from its own values alone [methods]."""
        draws = self.scaled_draws
        found = [make_contrasts(row[None], draws if draws is None else draws[[i]]) for i, row in enumerate(self.scaled)]
        return np.array([contrasts.pooled.value[0] for contrasts in found])

    def group_contrasts(self, *, is_single: bool) -> tuple[ContrastGroup, ...]:
        """The groups of all pairs of methods, or of single methods."""
        return group_methods(self.scaled, self.scaled_draws) if is_single else group_pairs(self.scaled)

    def select(self, questions: Sequence["Question"]) -> Contrasts:
        """The contrasts of questions that are all on pairs, or all on single methods."""
        return select_contrasts(self.pairs if questions[0].b else self.singles, *self.find_places(questions))

    def find_places(self, questions: Sequence["Question"]) -> tuple[list[int], Array]:
        """The places of the questions among all pairs or all methods, and the signs of their differences."""
        labels = self.values.labels
        if not questions[0].b:
            return [labels.index(q.a) for q in questions], np.ones(len(questions))
        first, second = np.triu_indices(len(labels), 1)
        order = {(int(i), int(j)): c for c, (i, j) in enumerate(zip(first, second, strict=True))}
        both = [(labels.index(q.a), labels.index(q.b)) for q in questions]
        return [order[min(ij), max(ij)] for ij in both], np.array([1.0 if i < j else -1.0 for i, j in both])


@dataclass(frozen=True)
class Question:
    """Does row `a` minus row `b` (row `a`, without a `b`) lie in `region`? On a log scale, the log of their ratio."""

    a: str
    b: str
    region: Region


@dataclass(frozen=True)
class PValues:
    """P-values [..., q] for the claim, if the mean lies in the region, and against it; 1 where it lies elsewhere."""

    supporting: Array
    contradicting: Array


@dataclass(frozen=True)
class ClaimComparison:
    """The difference a - b of two methods (of logarithms if `is_ratio`), or of one from `value`.

    `region` is where the claim has it, `p` the p-value of this comparison alone and `adjusted_p`, if it speaks against
    the claim, that adjusted over the claim. `draws` is the number of draws that uncertainty covers; 0: it is over seeds
    only. `apart` says why it is counted apart, whatever comes of it, and `methods_apart` on account of which methods.
    `is_missing`: values for it are not there.
    `is_prediction`: `value` is a published one, and `interval` that of one further run. `is_share`: `differences` are 1
    for runs that diverged or collapsed and 0 for others.
    """

    a: str
    b: str
    region: Region
    value: float = 0.0
    is_ratio: bool = False
    is_prediction: bool = False
    is_share: bool = False
    differences: Array = field(default_factory=lambda: np.zeros(0))
    interval: Interval | None = None
    seeds: tuple[int, ...] = ()
    draws: int = 0
    runs: tuple[RunResult, ...] = ()
    p: float | None = None
    adjusted_p: float | None = None
    supporting_p: float = 1.0
    contradicting_p: float = 1.0
    verdict: Verdict = "not testable"
    reason: str = ""
    apart: str = ""
    methods_apart: tuple[str, ...] = ()
    is_missing: bool = False
    values: ClaimValues | None = field(default=None, repr=False, compare=False)
    question: Question | None = field(default=None, repr=False, compare=False)

    @property
    def mean(self) -> float | None:
        """The mean difference, or the geometric mean of the ratios."""
        return self._to_shown_scale(float(self.differences.mean())) if len(self.differences) else None

    @property
    def shown_interval(self) -> Interval | None:
        """The 95 % interval, on the scale of `mean`."""
        if self.interval is None:
            return None
        return self._to_shown_scale(self.interval[0]), self._to_shown_scale(self.interval[1])

    @property
    def is_bounded(self) -> bool:
        """Whether the region has two ends, so that two tests are needed to show a difference in it."""
        return is_bounded(self.region)

    @property
    def may_be_skewed(self) -> bool:
        """Whether its interval excludes the boundary, but its p-value, which allows for skewed values, does not."""
        if self.b or self.is_prediction or self.interval is None or self.p is None or self.p < ALPHA:
            return False
        ends = [end for end in self.region if isfinite(end)]
        return not any(self.interval[0] <= end <= self.interval[1] for end in ends)

    def _to_shown_scale(self, value: float) -> float:
        return exp(value) if self.is_ratio else value


def compute_p_values(contrasts: Contrasts, regions: Sequence[Region], own_variances: Array | None = None) -> PValues:
    """P-values for and against claims on contrasts [..., q], each with its region.

    `own_variances` [..., q] are those of the means of single methods, whose values may be skewed.
    """
    low, high = (np.array([region[i] for region in regions]) for i in (0, 1))
    means = contrasts.means
    inside = (low < means) & (means < high)
    nearest = np.where(np.abs(means - low) <= np.abs(means - high), low, high)
    beyond = contrasts.p_values(nearest)
    if own_variances is not None:
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.nan_to_num((means - nearest) / np.sqrt(own_variances), nan=0.0)
        beyond = np.maximum(beyond, skewed_p_values(t, contrasts.parts.seeds))
    bounded = np.isfinite(low) & np.isfinite(high)
    within = beyond
    if bounded.any():
        within = np.where(bounded, np.maximum(contrasts.greater_p_values(low), contrasts.less_p_values(high)), beyond)
    return PValues(np.where(inside, within, 1.0), np.where(inside, 1.0, beyond))


def select_contrasts(contrasts: Contrasts, indices: Sequence[int], signs: Array) -> Contrasts:
    """Some of the contrasts [..., c], with their signs."""
    chosen = list(indices)

    def pick(variance: Variance) -> Variance:
        return Variance(variance.value[..., chosen], variance.degrees[..., chosen])

    parts = contrasts.parts
    cells = parts.cells[..., chosen]
    kept = VarianceParts(pick(parts.between), pick(parts.across), cells, parts.seeds, parts.draws)
    return Contrasts(contrasts.means[..., chosen] * signs, pick(contrasts.pooled), pick(contrasts.moderated), kept)


def pair_indices(k: int) -> dict[tuple[int, int], int]:
    """The place of each pair i < j of k methods among all pairs."""
    first, second = np.triu_indices(k, 1)
    return {(int(i), int(j)): c for c, (i, j) in enumerate(zip(first, second, strict=True))}


def is_bounded(region: Region) -> bool:
    """Whether a region has two ends."""
    return isfinite(region[0]) and isfinite(region[1])


def gather_values(
    evidence: Evidence, test: ClaimTest, measure: str, option: ReadingOption | None, *, keeps_margin: bool
) -> ClaimValues:
    """The values of the paper's methods in a table under what a test measures, on the scale of the test.

    A margin is in the measure's own unit, and a change may be negative: both are tested on a linear scale, ratios on a
    log scale, everything else on that of the measure.
    """
    own = evidence.measures[measure]
    linear = test.change_from or test.value is not None or (keeps_margin and test.margin)
    scale = "log" if test.kind == "ratio" else "linear" if linear else own.scale
    shown = replace(own, scale=scale)
    shifts = (option.shift_per_dimension if option else None) or {}
    by_label = {
        labels[method]: shift * evidence.latent
        for labels in (evidence.labels, evidence.control_labels)
        for method, shift in shifts.items()
        if method in labels
    }
    named = {*evidence.labels.values(), *evidence.control_labels.values()}
    rows = [
        _derive_row(row, measure, test.change_from, by_label.get(label, 0.0), len(evidence.seeds))
        for label, row in evidence.rows.items()
        if label in named
    ]
    estimates = {row.label: row.summaries[measure].estimates for row in rows if measure in row.summaries}
    return ClaimValues(collect_values(shown, rows, evidence.seeds, {}), estimates)


def _derive_row(row: LeaderboardRow, measure: str, change_from: str, shift: float, seeds: int) -> LeaderboardRow:
    """A row with the values that are tested: the change from another measure, or those shifted by a convention."""
    summary = row.summaries.get(measure)
    if summary is None:
        return replace(row, summaries={})
    estimates = dict(summary.estimates)
    if change_from:
        before = row.summaries[change_from].estimates if change_from in row.summaries else {}
        estimates = {seed: _subtract(one, before[seed]) for seed, one in estimates.items() if seed in before}
    if shift:
        estimates = {seed: _shift(one, shift) for seed, one in estimates.items()}
    if not estimates:
        return replace(row, summaries={})
    mean = float(np.mean([estimate.value for estimate in estimates.values()]))
    return replace(row, summaries={measure: MeasureSummary(estimates, mean, len(estimates) == seeds)})


def _subtract(a: Estimate, b: Estimate) -> Estimate:
    same = len(a.per_draw) == len(b.per_draw)
    draws = tuple(x - y for x, y in zip(a.per_draw, b.per_draw, strict=True)) if same else ()
    return Estimate(a.value - b.value, min(a.n, b.n), None, draws)


def _shift(a: Estimate, by: float) -> Estimate:
    return Estimate(a.value + by, a.n, a.se, tuple(x + by for x in a.per_draw))


def draft_comparisons(
    paper: Paper, evidence: Evidence, test: ClaimTest, measure: str, option: ReadingOption | None, *, keeps_margin: bool
) -> list[ClaimComparison]:
    """The comparisons of a test under one measure of one table, with p-values or the reason why there are none."""
    values = gather_values(evidence, test, measure, option, keeps_margin=keeps_margin)
    region = _make_region(test, keeps_margin=keeps_margin)
    drafts = [_draft_comparison(paper, evidence, test, values, pair, region) for pair in test.list_pairs()]
    tested = [draft for draft in drafts if draft.question]
    if not tested:
        return drafts
    questions = [draft.question for draft in tested if draft.question]
    contrasts = values.select(questions)
    own = None if questions[0].b else values.own_variances[values.find_places(questions)[0]]
    p = compute_p_values(contrasts, [question.region for question in questions], own)
    intervals = [
        (low - draft.value, high - draft.value)
        for draft, (low, high) in zip(tested, contrasts.intervals(), strict=True)
    ]
    done = {
        id(draft): replace(
            draft, interval=interval, p=min(for_it, against), supporting_p=for_it, contradicting_p=against
        )
        for draft, interval, for_it, against in zip(
            tested, intervals, map(float, p.supporting), map(float, p.contradicting), strict=True
        )
    }
    return [done.get(id(draft), draft) for draft in drafts]


def _make_region(test: ClaimTest, *, keeps_margin: bool) -> Region:
    """Where the claim has the difference, on the scale of the test."""
    margin = test.margin if keeps_margin else 0.0
    if test.kind == "equivalent":
        return -margin, margin
    if test.kind == "ratio" and test.bounds:
        return log(test.bounds[0]), log(test.bounds[1])
    return (-inf, -margin) if test.kind in ("less", "order") else (margin, inf)


def _draft_comparison(
    paper: Paper, evidence: Evidence, test: ClaimTest, values: ClaimValues, pair: tuple[str, str], region: Region
) -> ClaimComparison:
    """A comparison that is not tested yet: its differences, or the reason why it cannot be tested."""
    a, b = pair
    value = test.value or 0.0
    draft = ClaimComparison(a, b, region, value, values.is_log, draws=values.draws, values=values)
    methods = [method for method in pair if method]
    for measure in filter(None, (values.values.measure.name, test.change_from)):
        if evidence.has_several_definitions(measure):
            return replace(draft, reason=f"{measure} has several definitions among the runs", is_missing=True)
    for method in methods:
        if reason := _explain_missing(evidence, method, values):
            verdict: Verdict = "not testable" if reason == UNMEASURED else "not decided"
            return replace(draft, reason=f"{paper.get_method_name(method)} {reason}", is_missing=True, verdict=verdict)
    rows = [evidence.rows[evidence.labels[method]] for method in methods]
    runs = tuple(row.run_results[seed] for row in rows for seed in evidence.seeds)
    collapsed = {m: why for m, row in zip(methods, rows, strict=True) if (why := explain_collapse(paper, m, row))}
    apart = "; ".join(collapsed.values())
    differences = _compute_differences(evidence, methods, values, value)
    draft = replace(draft, seeds=evidence.seeds, runs=runs, apart=apart, methods_apart=tuple(collapsed))
    if not np.isfinite(differences).all():
        return replace(draft, reason=apart or "a ratio needs positive values")
    draft = replace(draft, differences=differences)
    if apart and not all(evidence.labels[method] in values.values.labels for method in methods):
        return replace(draft, reason=apart)
    if len({repr(run.record.get("data")) for run in runs}) > 1:
        return replace(draft, reason="the runs used different data", verdict="not decided", is_missing=True)
    if not values.can_test:
        if len(evidence.seeds) < MIN_TESTED_SEEDS:
            return replace(draft, verdict="not decided")
        return replace(draft, reason="a ratio needs positive values")
    low, high = region
    question = Question(evidence.labels[a], evidence.labels[b] if b else "", (low + value, high + value))
    return replace(draft, question=question, verdict="not decided", reason=apart)


def _explain_missing(evidence: Evidence, method: str, values: ClaimValues) -> str:
    """Why a method has no values to compare; empty if it has them for all seeds."""
    if method not in evidence.labels:
        return UNMEASURED
    label = evidence.labels[method]
    lost = [seed for seed, r in evidence.rows[label].run_results.items() if r.status in ("diverged", "failed")]
    if lost:
        return f"diverged or failed on {format_seeds(lost)}"
    found, wanted = len(values.estimates.get(label, {})), len(evidence.seeds)
    if not found:
        return UNMEASURED
    return f"has {found} of {wanted} seeds" if found < wanted else ""


def explain_collapse(paper: Paper, method: str, row: LeaderboardRow) -> str:
    """Why comparisons with a method are counted apart: with a model that ignores its data, they show nothing else."""
    name = paper.get_method_name(method)
    if row.collapsed_seeds:
        return f"{name} collapsed on {format_seeds(row.collapsed_seeds)}"
    return f"{name} nearly collapsed ({row.near_collapse})" if row.near_collapse else ""


def _compute_differences(evidence: Evidence, methods: Sequence[str], values: ClaimValues, value: float) -> Array:
    """The differences by seed on the scale of the test, for collapsed methods too."""
    found = np.array([[values.estimates[evidence.labels[m]][seed].value for seed in evidence.seeds] for m in methods])
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = to_scale(values.values.measure, found)
        return scaled[0] - (scaled[1] if len(scaled) > 1 else value)


@dataclass(frozen=True)
class ControlDifference:
    """How much a method differs from its A/A control, the same method from other seeds: mean and 95 % interval."""

    method: str
    mean: float
    interval: Interval


def compare_with_controls(evidence: Evidence, pairs: Sequence[ClaimComparison]) -> list[ControlDifference]:
    """The differences between methods of a test and their A/A controls, on the scale of the test."""
    values = next((pair.values for pair in pairs if pair.values), None)
    if values is None or len(evidence.seeds) < MIN_TESTED_SEEDS:
        return []
    found = list[ControlDifference]()
    for method in dict.fromkeys(method for pair in pairs for method in (pair.a, pair.b)):
        labels = evidence.labels.get(method, ""), evidence.control_labels.get(method, "")
        if not all(len(values.estimates.get(label, {})) == len(evidence.seeds) for label in labels):
            continue
        one, other = ([values.estimates[label][seed] for seed in evidence.seeds] for label in labels)
        table = np.array([[estimate.value for estimate in row] for row in (one, other)])
        draws = None if values.is_log else per_draw_table(one, other)
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = to_scale(values.values.measure, table)
        interval = confidence_interval(scaled[0] - scaled[1], draws) if np.isfinite(scaled).all() else None
        if interval:
            found.append(ControlDifference(method, float((scaled[0] - scaled[1]).mean()), interval))
    return found
