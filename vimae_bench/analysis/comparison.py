"""Two methods, or one method in two sets of results, seed by seed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..core.errors import BenchError, did_you_mean
from ..core.results import Measure
from ..core.spec import Run, Training
from ..storage.store import RunResult
from . import footnotes as notes
from .leaderboard import format_table_title, group_by_table, merge_measures
from .leaderboard_data import LeaderboardRow
from .per_draw import per_draw_table
from .provenance_diff import same_data, unlike
from .statistics import ALPHA, Array, Interval, Shift, equivalence, holm, interval, paired_tests, shift, win_rate

MEANINGFUL = 0.75
"""A method that wins on a smaller share of the seeds is not called better (Bouthillier et al., 2103.03098)."""

Verdict = Literal["better", "worse", "equivalent", "no difference shown", "incomplete", "collapsed", "other data", ""]
Side = Mapping[int, RunResult]
_Key = tuple[tuple[str, str, str, int], Training]
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
    verdict: Verdict = ""
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
class _Asked:
    names: tuple[str, str]
    columns: tuple[str, ...]
    margins: Mapping[str, float]
    mixed: Callable[[Sequence[RunResult], Sequence[RunResult]], Iterator[str]]


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
            raise BenchError(f"no method here is called '{label}'{did_you_mean(label, labels)}")
    asked = _Asked((a, b), tuple(columns), margins or {}, lambda one, other: notes.mixed([*one, *other]))
    groups = list(group_by_table(run_results).values())
    runs = [group[0].entry.table_run for group in groups]
    found = [
        _comparison(format_table_title(g[0].entry.table_run, runs), asked, _side(g, a), _side(g, b)) for g in groups
    ]
    return _checked(found, asked.margins)


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
    asked = _Asked(names, tuple(columns), margins or {}, unlike)
    left, right = _methods(a), _methods(b)
    runs = [_first(side).entry.run for side in left.values()]
    found = [_comparison(_title(one, runs), asked, one, other) for one, other in _matched(left, right)]
    return _checked(found, asked.margins)


def left_out(a: Sequence[RunResult], b: Sequence[RunResult]) -> Iterator[str]:
    """What `compare_results` finds on one side alone."""
    left, right = _methods(a), _methods(b)
    taken = [id(side) for pair in _matched(left, right) for side in pair]
    for name, sides in (("A", left), ("B", right)):
        alone = [side for side in sides.values() if id(side) not in taken]
        runs = [_first(side).entry.run for side in (*left.values(), *right.values())]
        if alone:
            told = "; ".join(_title(side, runs) for side in alone[: notes.LISTED])
            more = f"; and {len(alone) - notes.LISTED} more" if len(alone) > notes.LISTED else ""
            yield f"Only in {name}, and left out: {told}{more}."


def _matched(a: Mapping[_Key, Side], b: Mapping[_Key, Side]) -> Iterator[tuple[Side, Side]]:
    """The sides of each method that both have: of the same training, or else of the only one."""
    for key, side in a.items():
        others = [other for other in b if other[0] == key[0]]
        if key in b:
            yield side, b[key]
        elif len(others) == 1 and sum(one[0] == key[0] for one in a) == 1:
            yield side, b[others[0]]


def _methods(run_results: Sequence[RunResult]) -> dict[_Key, dict[int, RunResult]]:
    sides: dict[_Key, dict[int, RunResult]] = {}
    for result in run_results:
        run = result.entry.run
        what = (result.entry.label, run.dataset.key, run.architecture.key, run.latent)
        sides.setdefault((what, run.training), {})[result.entry.seed] = result
    return sides


def _first(side: Side) -> RunResult:
    return next(iter(side.values()))


def _title(side: Side, among: Sequence[Run]) -> str:
    entry = _first(side).entry
    return f"{entry.label}: {format_table_title(entry.run, among)}"


def _side(run_results: Sequence[RunResult], label: str) -> Side:
    return {result.entry.seed: result for result in run_results if result.entry.label == label}


def _comparison(name: str, asked: _Asked, a: Side, b: Side) -> Comparison:
    seeds = tuple(sorted(a.keys() & b.keys()))
    left, right = ([side[seed] for seed in seeds] for side in (a, b))
    pairs = dict(zip(seeds, zip(left, right, strict=True), strict=True))
    known = merge_measures([*left, *right])
    measures = {name: known[name] for name in asked.columns if name in known} or known
    drafts = [_difference(measure, pairs, asked.margins.get(name)) for name, measure in measures.items()]
    rows, test = _tested([row for row in drafts if row])
    comparisons = sum(row.p is not None for row in rows)
    sides = [
        LeaderboardRow(label, {s: side[s] for s in seeds}, (), {})
        for label, side in zip(asked.names, (a, b), strict=True)
    ]
    alone = sorted(a.keys() ^ b.keys())
    said = (
        *([f"Seeds on one side only, and left out: {', '.join(map(str, alone))}."] if alone else []),
        *notes.comparing(len(seeds), test, comparisons),
        *notes.unfinished(sides),
        *notes.collapsed(sides, list(measures.values())),
        *asked.mixed(left, right),
    )
    return Comparison(name, *asked.names, seeds, tuple(rows), said)


def _difference(
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
    between = interval(differences, per_draw_table(left, right))
    reservation = "incomplete" if len(both) < len(pairs) else _reservation(measure, list(both.values()))
    return Difference(measure, tuple(both), a, b, between, shift(differences), reservation, margin=margin)


def _reservation(measure: Measure, pairs: Sequence[tuple[RunResult, RunResult]]) -> Verdict:
    """What stands in the way of a test; empty where nothing does."""
    if not all(same_data(one, other) for one, other in pairs):
        return "other data"
    collapsed = any(result.collapsed for pair in pairs for result in pair)
    return "collapsed" if collapsed and not measure.ranks_collapsed else ""


def _tested(rows: Sequence[Difference]) -> tuple[list[Difference], str]:
    """The rows with their verdicts, and which test was made."""
    open_ = [row for row in rows if row.sign and not row.verdict and len(row.a) > 1]
    if not open_:
        return list(rows), ""
    family = paired_tests(np.stack([row.differences for row in open_]))
    bounded = [row for row in open_ if row.margin]
    alike = holm([equivalence(row.differences, row.margin or 0) for row in bounded])
    within = {row.measure.name for row, p in zip(bounded, alike, strict=True) if p < ALPHA}
    judged = {
        row.measure.name: replace(row, p=float(p), verdict=_verdict(row, float(p), row.measure.name in within))
        for row, p in zip(open_, family.p, strict=True)
    }
    return [judged.get(row.measure.name, row) for row in rows], family.test


def _verdict(row: Difference, p: float, within: bool) -> Verdict:
    if within:
        return "equivalent"
    wins = row.wins or 0.0
    if p < ALPHA and wins >= MEANINGFUL:
        return "better"
    return "worse" if p < ALPHA and wins <= 1 - MEANINGFUL else "no difference shown"


def _checked(found: Sequence[Comparison], margins: Mapping[str, float]) -> list[Comparison]:
    measures = {row.measure.name for comparison in found for row in comparison.rows}
    for name, margin in margins.items():
        if name not in measures:
            raise BenchError(f"no measure compared here is called '{name}'{did_you_mean(name, measures)}")
        if not margin > 0:
            raise BenchError(f"the margin of '{name}' has to be positive, not {margin:g}")
    return [comparison for comparison in found if comparison.seeds]
