"""Two methods, or one method in two results folders, seed by seed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ..errors import BenchError, did_you_mean
from ..records import Measure
from . import notes
from .board import Row
from .leaderboard import grouped, title
from .measured import parted
from .statistics import ALPHA, Array, Interval, Shift, equivalence, holm, interval, paired_tests, shift, win_rate
from .store import Outcome

MEANINGFUL = 0.75
"""A method that wins on a smaller share of the seeds is not called better (Bouthillier et al., 2103.03098)."""

Verdict = Literal["better", "worse", "equivalent", "no difference shown", "incomplete", "collapsed", ""]
Side = Mapping[int, Outcome]


@dataclass(frozen=True)
class Difference:
    """A - B under one measure, over the seeds both have, and the verdict on A.

    `p` is Holm-adjusted over the table. It is None where nothing was tested: one seed, a measure without a direction,
    a side that lacks a seed (`incomplete`) or has collapsed. A is `equivalent` where a margin was given and two
    one-sided tests, Holm-adjusted as well, put the difference within it.
    """

    measure: Measure
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


def compare_methods(
    outcomes: Sequence[Outcome], a: str, b: str, columns: Sequence[str] = (), margins: Mapping[str, float] | None = None
) -> list[Comparison]:
    """Method `a` against method `b` in each table that has both.

    `columns` are the measures to be compared and tested (empty: all), `margins` those below which differences do not
    matter, in the measures' units. Raises BenchError for a label or a margin's measure that is not there.
    """
    labels = dict.fromkeys(outcome.cell.label for outcome in outcomes)
    for label in (a, b):
        if label not in labels:
            raise BenchError(f"no method here is called '{label}'{did_you_mean(label, labels)}")
    asked = _Asked((a, b), tuple(columns), margins or {})
    groups = list(grouped(outcomes).values())
    runs = [group[0].cell.table for group in groups]
    found = [_comparison(title(g[0].cell.table, runs), asked, _side(g, a), _side(g, b)) for g in groups]
    return _checked(found, asked.margins)


def compare_results(
    a: Sequence[Outcome],
    b: Sequence[Outcome],
    names: tuple[str, str],
    columns: Sequence[str] = (),
    margins: Mapping[str, float] | None = None,
) -> list[Comparison]:
    """Each method that two results folders share, on the same data and with the same architecture.

    `columns` and `margins` as in `compare_methods`. Raises BenchError for a margin's measure that is not there.
    """
    asked, found = _Asked(names, tuple(columns), margins or {}), list[Comparison]()
    others = _methods(b)
    for key, side in _methods(a).items():
        if other := others.get(key):
            run = next(iter(side.values())).cell.run
            made = _comparison(f"{key[0]}: {title(run, [run])}", asked, side, other)
            found.append(replace(made, notes=(*made.notes, *_unlike(side, other))))
    return _checked(found, asked.margins)


def _methods(outcomes: Sequence[Outcome]) -> dict[tuple[object, ...], dict[int, Outcome]]:
    sides: dict[tuple[object, ...], dict[int, Outcome]] = {}
    for outcome in outcomes:
        run = outcome.cell.run
        key = (outcome.cell.label, run.dataset.key, run.architecture.key, run.latent)
        sides.setdefault(key, {})[outcome.cell.seed] = outcome
    return sides


def _side(outcomes: Sequence[Outcome], label: str) -> Side:
    return {outcome.cell.seed: outcome for outcome in outcomes if outcome.cell.label == label}


def _comparison(name: str, asked: _Asked, a: Side, b: Side) -> Comparison:
    seeds = tuple(sorted(a.keys() & b.keys()))
    pairs = [(a[seed], b[seed]) for seed in seeds]
    known = {name: m for pair in pairs for outcome in pair for name, m in outcome.measures.items()}
    measures = {name: known[name] for name in asked.columns if name in known} or known
    drafts = [_difference(measure, pairs, asked.margins.get(name)) for name, measure in measures.items()]
    rows, test = _tested([row for row in drafts if row])
    comparisons = sum(row.p is not None for row in rows)
    sides = [Row(label, {s: side[s] for s in seeds}, (), {}) for label, side in zip(asked.names, (a, b), strict=True)]
    alone = sorted(a.keys() ^ b.keys())
    said = (
        *([f"Seeds on one side only, and left out: {', '.join(map(str, alone))}."] if alone else []),
        *notes.comparing(len(seeds), test, comparisons),
        *notes.unfinished(sides),
        *notes.collapsed(sides, list(measures.values())),
        *notes.mixed([outcome for pair in pairs for outcome in pair]),
    )
    return Comparison(name, *asked.names, seeds, tuple(rows), said)


def _difference(measure: Measure, pairs: Sequence[tuple[Outcome, Outcome]], margin: float | None) -> Difference | None:
    """A row before its test, or None for a measure that is not defined on both sides."""
    both = [(a, b) for a, b in pairs if measure.name in a.estimates and measure.name in b.estimates]
    if not both:
        return None
    a = tuple(one.estimates[measure.name].value for one, _ in both)
    b = tuple(other.estimates[measure.name].value for _, other in both)
    differences = np.subtract(a, b)
    verdict: Verdict = ""
    if len(both) < len(pairs):
        verdict = "incomplete"
    elif not measure.ranks_collapsed and any(outcome.collapsed for pair in both for outcome in pair):
        verdict = "collapsed"
    parts = parted(
        [one.estimates[measure.name] for one, _ in both], [other.estimates[measure.name] for _, other in both]
    )
    return Difference(measure, a, b, interval(differences, parts), shift(differences), verdict, margin=margin)


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


def _unlike(a: Side, b: Side) -> Iterator[str]:
    """What the two sides were given that is not the same."""
    runs = [(a[seed].cell.run.as_json(), b[seed].cell.run.as_json()) for seed in a.keys() & b.keys()]
    parts = sorted({part for one, other in runs for part in one if one[part] != other[part]})
    if parts:
        yield f"The two sides differ in {', '.join(parts)}."


def _checked(found: Sequence[Comparison], margins: Mapping[str, float]) -> list[Comparison]:
    measures = {row.measure.name for comparison in found for row in comparison.rows}
    for name, margin in margins.items():
        if name not in measures:
            raise BenchError(f"no measure compared here is called '{name}'{did_you_mean(name, measures)}")
        if not margin > 0:
            raise BenchError(f"the margin of '{name}' has to be positive, not {margin:g}")
    return [comparison for comparison in found if comparison.seeds]
