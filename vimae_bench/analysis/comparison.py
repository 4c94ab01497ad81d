"""Two methods, or one method in two sets of results, seed by seed."""

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
from .per_draw import per_draw_table
from .provenance_diff import describe_differences, has_same_data
from .statistics import (
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

MIN_WIN_RATE = 0.75
"""A method that wins on a smaller share of the seeds is not called better (Bouthillier et al., 2103.03098)."""

ComparisonVerdict = Literal[
    "better", "worse", "equivalent", "no difference shown", "incomplete", "collapsed", "other data", ""
]
ResultsBySeed = Mapping[int, RunResult]
_MethodKey = tuple[tuple[str, str, str, int], Training]
"""What a method is matched by: label, data set, architecture and latent size; and its training."""


@dataclass(frozen=True)
class Difference:
    """A - B under one measure, over the seeds both have, and the verdict on A.

    `p` is Holm-adjusted over the table. It is None where nothing was tested: one seed, a measure without a direction,
    a side that lacks a seed (`incomplete`), has collapsed, or saw `other data`. A is `equivalent` where a margin was
    given and two one-sided tests, Holm-adjusted as well, put the difference within it.
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
        """P(A beats B) over seeds, ties counted half; None for a measure without a direction."""
        return win_rate(self.differences * self.sign) if self.sign else None

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is, 0 for neither."""
        return {"higher": 1, "lower": -1, None: 0}[self.measure.better]


@dataclass(frozen=True)
class Comparison:
    """One table of differences A - B, a row for each measure that both sides have."""

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
    """Method `a` against method `b` in each table that has both.

    `columns` are the measures to be compared and tested (empty: all), `margins` those below which differences do not
    matter, in the measures' units. Raises BenchError for a label or a margin's measure that is not there.
    """
    labels = dict.fromkeys(result.entry.label for result in run_results)
    for label in (a, b):
        if label not in labels:
            raise BenchError(f"no method here is called '{label}'{suggest_similar(label, labels)}")
    asked = _Request((a, b), tuple(columns), margins or {}, lambda one, other: notes.note_mixed([*one, *other]))
    groups = list(group_by_table(run_results).values())
    runs = [group[0].entry.table_run for group in groups]
    found = [
        _compare_table(
            format_table_title(g[0].entry.table_run, runs), asked, _select_method(g, a), _select_method(g, b)
        )
        for g in groups
    ]
    return _check_margins(found, asked.margins)


def compare_results(
    a: Sequence[RunResult],
    b: Sequence[RunResult],
    names: tuple[str, str],
    columns: Sequence[str] = (),
    margins: Mapping[str, float] | None = None,
) -> list[Comparison]:
    """Each method that two sets of results share, on the same data and with the same architecture.

    Methods are matched by their training too where one side has several of it. `columns` and `margins` as in
    `compare_methods`. Raises BenchError for a margin's measure that is not there.
    """
    asked = _Request(names, tuple(columns), margins or {}, describe_differences)
    left, right = _group_by_method(a), _group_by_method(b)
    runs = [_first_result(side).entry.run for side in left.values()]
    found = [_compare_table(_format_title(one, runs), asked, one, other) for one, other in _match_methods(left, right)]
    return _check_margins(found, asked.margins)


def describe_unmatched(a: Sequence[RunResult], b: Sequence[RunResult]) -> Iterator[str]:
    """What `compare_results` finds on one side alone."""
    left, right = _group_by_method(a), _group_by_method(b)
    taken = [id(side) for pair in _match_methods(left, right) for side in pair]
    for name, sides in (("A", left), ("B", right)):
        alone = [side for side in sides.values() if id(side) not in taken]
        runs = [_first_result(side).entry.run for side in (*left.values(), *right.values())]
        if alone:
            told = "; ".join(_format_title(side, runs) for side in alone[: notes.MAX_LISTED])
            more = f"; and {len(alone) - notes.MAX_LISTED} more" if len(alone) > notes.MAX_LISTED else ""
            yield f"Only in {name}, and left out: {told}{more}."


def _match_methods(
    a: Mapping[_MethodKey, ResultsBySeed], b: Mapping[_MethodKey, ResultsBySeed]
) -> Iterator[tuple[ResultsBySeed, ResultsBySeed]]:
    """The sides of each method that both have: of the same training, or else of the only one."""
    for key, side in a.items():
        others = [other for other in b if other[0] == key[0]]
        if key in b:
            yield side, b[key]
        elif len(others) == 1 and sum(one[0] == key[0] for one in a) == 1:
            yield side, b[others[0]]


def _group_by_method(run_results: Sequence[RunResult]) -> dict[_MethodKey, dict[int, RunResult]]:
    sides: dict[_MethodKey, dict[int, RunResult]] = {}
    for result in run_results:
        run = result.entry.run
        what = (result.entry.label, run.dataset.key, run.architecture.key, run.latent)
        sides.setdefault((what, run.training), {})[result.entry.seed] = result
    return sides


def _first_result(side: ResultsBySeed) -> RunResult:
    return next(iter(side.values()))


def _format_title(side: ResultsBySeed, among: Sequence[Run]) -> str:
    entry = _first_result(side).entry
    return f"{entry.label}: {format_table_title(entry.run, among)}"


def _select_method(run_results: Sequence[RunResult], label: str) -> ResultsBySeed:
    return {result.entry.seed: result for result in run_results if result.entry.label == label}


def _compare_table(name: str, asked: _Request, a: ResultsBySeed, b: ResultsBySeed) -> Comparison:
    seeds = tuple(sorted(a.keys() & b.keys()))
    left, right = ([side[seed] for seed in seeds] for side in (a, b))
    pairs = dict(zip(seeds, zip(left, right, strict=True), strict=True))
    known = merge_measures([*left, *right])
    measures = {name: known[name] for name in asked.columns if name in known} or known
    drafts = [_compare_measure(measure, pairs, asked.margins.get(name)) for name, measure in measures.items()]
    rows, test = _test_differences([row for row in drafts if row])
    comparisons = sum(row.p is not None for row in rows)
    sides = [
        LeaderboardRow(label, {s: side[s] for s in seeds}, (), {})
        for label, side in zip(asked.names, (a, b), strict=True)
    ]
    alone = sorted(a.keys() ^ b.keys())
    said = (
        *([f"Seeds on one side only, and left out: {', '.join(map(str, alone))}."] if alone else []),
        *notes.explain_comparison(len(seeds), test, comparisons),
        *notes.note_unfinished(sides),
        *notes.note_collapsed(sides, list(measures.values())),
        *asked.describe_mixture(left, right),
    )
    return Comparison(name, *asked.names, seeds, tuple(rows), said)


def _compare_measure(
    measure: Measure, pairs: Mapping[int, tuple[RunResult, RunResult]], margin: float | None
) -> Difference | None:
    """A row before its test, or None for a measure that is not defined on both sides."""
    name = measure.name
    both = {s: (a, b) for s, (a, b) in pairs.items() if name in a.estimates and name in b.estimates}
    if not both:
        return None
    left, right = ([result.estimates[name] for result in side] for side in zip(*both.values(), strict=True))
    a, b = (tuple(estimate.value for estimate in side) for side in (left, right))
    differences = np.subtract(a, b)
    between = confidence_interval(differences, per_draw_table(left, right))
    reservation = "incomplete" if len(both) < len(pairs) else _blocking_reason(measure, list(both.values()))
    return Difference(measure, tuple(both), a, b, between, estimate_shift(differences), reservation, margin=margin)


def _blocking_reason(measure: Measure, pairs: Sequence[tuple[RunResult, RunResult]]) -> ComparisonVerdict:
    """What stands in the way of a test; empty where nothing does."""
    if not all(has_same_data(one, other) for one, other in pairs):
        return "other data"
    collapsed = any(result.collapsed for pair in pairs for result in pair)
    return "collapsed" if collapsed and not measure.ranks_collapsed else ""


def _test_differences(rows: Sequence[Difference]) -> tuple[list[Difference], str]:
    """The rows with their verdicts, and which test was made."""
    open_ = [row for row in rows if row.sign and not row.verdict and len(row.a) > 1]
    if not open_:
        return list(rows), ""
    family = run_paired_tests(np.stack([row.differences for row in open_]))
    bounded = [row for row in open_ if row.margin]
    alike = adjust_holm([equivalence_p_value(row.differences, row.margin or 0) for row in bounded])
    within = {row.measure.name for row, p in zip(bounded, alike, strict=True) if p < ALPHA}
    judged = {
        row.measure.name: replace(row, p=float(p), verdict=_decide_verdict(row, float(p), row.measure.name in within))
        for row, p in zip(open_, family.p, strict=True)
    }
    return [judged.get(row.measure.name, row) for row in rows], family.test


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
            raise BenchError(f"the margin of '{name}' has to be positive, not {margin:g}")
    return [comparison for comparison in found if comparison.seeds]
