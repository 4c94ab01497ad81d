"""Compare two methods, or one method in two sets of results, seed by seed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..core.errors import BenchError, suggest_similar
from ..core.results import Measure
from ..core.spec import Run, Training
from ..storage.store import RunResult
from . import footnotes as notes
from .leaderboard import format_table_title, group_by_table, merge_measures
from .leaderboard_data import LeaderboardRow
from .legacy_statistics import (
    ALPHA,
    Array,
    Interval,
    Shift,
    adjust_holm,
    confidence_interval,
    equivalence_p_value,
    estimate_shift,
    run_paired_tests,
    win_rate,
)
from .per_draw import per_draw_table
from .provenance_diff import describe_differences, has_same_data

MIN_WIN_RATE = 0.75
"""A method that wins on a smaller share of the seeds is not called better (Bouthillier et al., 2103.03098)."""

ComparisonVerdict = Literal[
    "better", "worse", "equivalent", "no difference shown", "incomplete", "collapsed", "other data", ""
]
ResultsBySeed = Mapping[int, RunResult]
"""The results of one method by seed."""

_MethodKey = tuple[tuple[str, str, str, int], Training]
"""How methods are matched: label, data set, architecture and latent size; and training."""


@dataclass(frozen=True)
class Difference:
    """The differences A - B under one measure over the common seeds, and the verdict on A.

    `p` is Holm-adjusted over the table. It is None if nothing was tested: there is one seed, the measure has no
    direction, A or B lacks the measure for a seed (`incomplete`), has collapsed, or used `other data`. The verdict is
    `equivalent` if a margin was given and two one-sided tests, also Holm-adjusted, show the difference to be within it.
    """

    measure: Measure
    seeds: tuple[int, ...]
    a: tuple[float, ...]
    b: tuple[float, ...]
    interval: Interval | None
    shift: Shift
    verdict: ComparisonVerdict = ""
    p: float | None = None
    margin: float | None = None

    @property
    def differences(self) -> Array:
        """A - B for each seed."""
        return np.subtract(self.a, self.b)

    @property
    def wins(self) -> float | None:
        """P(A beats B) over seeds, ties counting half; None for a measure without a direction."""
        return win_rate(self.differences * self.sign) if self.sign else None

    @property
    def sign(self) -> int:
        """1 if higher is better, -1 if lower is better, 0 for a measure without a direction."""
        return {"higher": 1, "lower": -1, None: 0}[self.measure.better]


@dataclass(frozen=True)
class Comparison:
    """One table of differences A - B, with a row for each measure that both A and B have."""

    title: str
    a: str
    b: str
    seeds: tuple[int, ...]
    rows: tuple[Difference, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Request:
    names: tuple[str, str]
    columns: tuple[str, ...]
    margins: Mapping[str, float]
    describe_mixture: Callable[[Sequence[RunResult], Sequence[RunResult]], Iterator[str]]


def compare_methods(
    run_results: Sequence[RunResult],
    a: str,
    b: str,
    columns: Sequence[str] = (),
    margins: Mapping[str, float] | None = None,
) -> list[Comparison]:
    """Compare method `a` with method `b` in each table that has both.

    `columns` are the measures to compare and test (empty: all). `margins` are the differences, by measure and in its
    unit, below which two methods count as equivalent. Raises BenchError for an unknown label or measure of a margin.
    """
    labels = dict.fromkeys(result.entry.label for result in run_results)
    for label in (a, b):
        if label not in labels:
            raise BenchError(f"no method here is called '{label}'{suggest_similar(label, labels)}")
    request = _Request((a, b), tuple(columns), margins or {}, lambda one, other: notes.note_mixed([*one, *other]))
    groups = list(group_by_table(run_results).values())
    runs = [group[0].entry.table_run for group in groups]
    found = [
        _compare_table(
            format_table_title(g[0].entry.table_run, runs), request, _select_method(g, a), _select_method(g, b)
        )
        for g in groups
    ]
    return _check_margins(found, request.margins)


def compare_results(
    a: Sequence[RunResult],
    b: Sequence[RunResult],
    names: tuple[str, str],
    columns: Sequence[str] = (),
    margins: Mapping[str, float] | None = None,
) -> list[Comparison]:
    """Compare each method that two sets of results share, on the same data and with the same architecture.

    If a set has a method with several trainings, these are matched as well. `columns` and `margins` are as in
    `compare_methods`. Raises BenchError for an unknown measure of a margin.
    """
    request = _Request(names, tuple(columns), margins or {}, describe_differences)
    left, right = _group_by_method(a), _group_by_method(b)
    runs = [_first_result(group).entry.run for group in left.values()]
    found = [
        _compare_table(_format_title(one, runs), request, one, other) for one, other in _match_methods(left, right)
    ]
    return _check_margins(found, request.margins)


def describe_unmatched(a: Sequence[RunResult], b: Sequence[RunResult]) -> Iterator[str]:
    """Sentences on methods that only A or only B has, which `compare_results` leaves out."""
    left, right = _group_by_method(a), _group_by_method(b)
    matched = [id(group) for pair in _match_methods(left, right) for group in pair]
    for name, groups in (("A", left), ("B", right)):
        alone = [group for group in groups.values() if id(group) not in matched]
        runs = [_first_result(group).entry.run for group in (*left.values(), *right.values())]
        if alone:
            listed = "; ".join(_format_title(group, runs) for group in alone[: notes.MAX_LISTED])
            more = f"; and {len(alone) - notes.MAX_LISTED} more" if len(alone) > notes.MAX_LISTED else ""
            yield f"Only in {name}, and left out: {listed}{more}."


def _match_methods(
    a: Mapping[_MethodKey, ResultsBySeed], b: Mapping[_MethodKey, ResultsBySeed]
) -> Iterator[tuple[ResultsBySeed, ResultsBySeed]]:
    """The results of each common method in A and B: with the same training, or the only training of each."""
    for key, group in a.items():
        others = [other for other in b if other[0] == key[0]]
        if key in b:
            yield group, b[key]
        elif len(others) == 1 and sum(one[0] == key[0] for one in a) == 1:
            yield group, b[others[0]]


def _group_by_method(run_results: Sequence[RunResult]) -> dict[_MethodKey, dict[int, RunResult]]:
    methods: dict[_MethodKey, dict[int, RunResult]] = {}
    for result in run_results:
        run = result.entry.run
        method = (result.entry.label, run.dataset.key, run.architecture.key, run.latent)
        methods.setdefault((method, run.training), {})[result.entry.seed] = result
    return methods


def _first_result(group: ResultsBySeed) -> RunResult:
    return next(iter(group.values()))


def _format_title(group: ResultsBySeed, among: Sequence[Run]) -> str:
    entry = _first_result(group).entry
    return f"{entry.label}: {format_table_title(entry.run, among)}"


def _select_method(run_results: Sequence[RunResult], label: str) -> ResultsBySeed:
    return {result.entry.seed: result for result in run_results if result.entry.label == label}


def _compare_table(name: str, request: _Request, a: ResultsBySeed, b: ResultsBySeed) -> Comparison:
    seeds = tuple(sorted(a.keys() & b.keys()))
    left, right = ([group[seed] for seed in seeds] for group in (a, b))
    pairs = dict(zip(seeds, zip(left, right, strict=True), strict=True))
    known = merge_measures([*left, *right])
    measures = {name: known[name] for name in request.columns if name in known} or known
    drafts = [_compare_measure(measure, pairs, request.margins.get(name)) for name, measure in measures.items()]
    rows, test = _test_differences([row for row in drafts if row])
    comparisons = sum(row.p is not None for row in rows)
    both = [
        LeaderboardRow(label, {s: group[s] for s in seeds}, (), {})
        for label, group in zip(request.names, (a, b), strict=True)
    ]
    alone = sorted(a.keys() ^ b.keys())
    sentences = (
        *([f"Seeds that only A or only B has, left out: {', '.join(map(str, alone))}."] if alone else []),
        *notes.explain_comparison(len(seeds), test, comparisons),
        *notes.note_unfinished(both),
        *notes.note_collapsed(both, list(measures.values())),
        *request.describe_mixture(left, right),
    )
    return Comparison(name, *request.names, seeds, tuple(rows), sentences)


def _compare_measure(
    measure: Measure, pairs: Mapping[int, tuple[RunResult, RunResult]], margin: float | None
) -> Difference | None:
    """A row before it is tested; None for a measure that A and B do not both have."""
    name = measure.name
    both = {s: (a, b) for s, (a, b) in pairs.items() if name in a.estimates and name in b.estimates}
    if not both:
        return None
    left, right = ([result.estimates[name] for result in group] for group in zip(*both.values(), strict=True))
    a, b = (tuple(estimate.value for estimate in group) for group in (left, right))
    differences = np.subtract(a, b)
    interval = confidence_interval(differences, per_draw_table(left, right))
    verdict = "incomplete" if len(both) < len(pairs) else _blocking_reason(measure, list(both.values()))
    return Difference(measure, tuple(both), a, b, interval, estimate_shift(differences), verdict, margin=margin)


def _blocking_reason(measure: Measure, pairs: Sequence[tuple[RunResult, RunResult]]) -> ComparisonVerdict:
    """Why a measure cannot be tested; empty if it can."""
    if not all(has_same_data(one, other) for one, other in pairs):
        return "other data"
    collapsed = any(result.collapsed for pair in pairs for result in pair)
    return "collapsed" if collapsed and measure.rewards_collapse else ""


def _test_differences(rows: Sequence[Difference]) -> tuple[list[Difference], str]:
    """The rows with their verdicts, and the name of the test."""
    testable = [row for row in rows if row.sign and not row.verdict and len(row.a) > 1]
    if not testable:
        return list(rows), ""
    family = run_paired_tests(np.stack([row.differences for row in testable]))
    bounded = [row for row in testable if row.margin]
    equivalence = adjust_holm([equivalence_p_value(row.differences, row.margin or 0) for row in bounded])
    within = {row.measure.name for row, p in zip(bounded, equivalence, strict=True) if p < ALPHA}
    decided = {
        row.measure.name: replace(row, p=float(p), verdict=_decide_verdict(row, float(p), row.measure.name in within))
        for row, p in zip(testable, family.p, strict=True)
    }
    return [decided.get(row.measure.name, row) for row in rows], family.test


def _decide_verdict(row: Difference, p: float, within: bool) -> ComparisonVerdict:
    if within:
        return "equivalent"
    wins = row.wins or 0.0
    if p < ALPHA and wins >= MIN_WIN_RATE:
        return "better"
    return "worse" if p < ALPHA and wins <= 1 - MIN_WIN_RATE else "no difference shown"


def _check_margins(found: Sequence[Comparison], margins: Mapping[str, float]) -> list[Comparison]:
    measures = {row.measure.name for comparison in found for row in comparison.rows}
    for name, margin in margins.items():
        if name not in measures:
            raise BenchError(f"no measure compared here is called '{name}'{suggest_similar(name, measures)}")
        if not margin > 0:
            raise BenchError(f"the margin of '{name}' must be positive, not {margin:g}")
    return [comparison for comparison in found if comparison.seeds]
