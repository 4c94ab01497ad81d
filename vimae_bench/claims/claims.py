"""The claims of a paper, each with a verdict that says no more than the runs do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import inf, log

import numpy as np

from ..analysis.statistics import interval
from ..core.results import Estimate
from ..storage.store import RunResult
from .closed_forms import CLOSED_FORMS
from .matching import Evidence
from .paired_comparisons import Asked, Pair, Read, Region, Verdict, collapsed, differences_of, judged, pair
from .paper import Check, Claim, Paper, StandIn
from .published_tables import Reading, reading


@dataclass(frozen=True)
class Finding:
    """What one test says on one table of runs under one measure; `stand_in` where that took another's place."""

    check: Check
    evidence: Evidence | None
    measure: str
    stand_in: StandIn | None = None
    pairs: tuple[Pair, ...] = ()
    readings: tuple[Reading, ...] = ()
    said: tuple[str, ...] = ()
    verdict: Verdict = "not testable"


@dataclass(frozen=True)
class Judged:
    """A claim's verdict: `why` in a sentence, `lacking` what it does not rest on, `enough` the seeds to decide it."""

    claim: Claim
    verdict: Verdict
    why: str
    findings: tuple[Finding, ...]
    lacking: tuple[str, ...]
    enough: int | None = None

    @property
    def scaled(self) -> bool:
        """Whether it rests on runs that differ from what was published."""
        return any(finding.evidence.scale for finding in self.findings if finding.evidence and finding.pairs)

    @property
    def limits(self) -> tuple[str, ...]:
        """What the verdict does not reach, in a few words to stand beside it."""
        partial = "on part of its experiments" if self.lacking and self.verdict != "not testable" else ""
        return tuple(filter(None, (partial, "not at the published scale" if self.scaled else "")))

    @property
    def comparisons(self) -> int:
        """Over how many tests p-values are adjusted."""
        counted = (finding for finding in self.findings if not finding.check.aside)
        return sum(pair.p is not None for finding in counted for pair in finding.pairs)


def judge(paper: Paper, claim: Claim, found: Sequence[Evidence]) -> Judged:
    """A claim held against all evidence there is."""
    lacking = list[str]()
    drafts = [finding for check in claim.test for finding in _drafts(paper, check, found, lacking)]
    counted = _tested([finding for finding in drafts if not finding.check.aside])
    aside = _tested([finding for finding in drafts if finding.check.aside])
    verdict, why = _weighed(claim, counted, *_verdict(counted, lacking))
    wanted = [pair.enough for finding in counted for pair in finding.pairs if pair.verdict == "not decided"]
    known = [n for n in wanted if n is not None]
    enough = max(known) if verdict == "not decided" and known and len(known) == len(wanted) else None
    return Judged(claim, verdict, why, (*counted, *aside), tuple(dict.fromkeys(lacking)), enough)


def _tested(drafts: Sequence[Finding]) -> list[Finding]:
    """The findings with their verdicts, their pairs tested as one family."""
    pairs = iter(judged([pair for finding in drafts for pair in finding.pairs]))
    return [_concluded(finding, tuple(next(pairs) for _ in finding.pairs)) for finding in drafts]


def _verdict(findings: Sequence[Finding], lacking: Sequence[str]) -> tuple[Verdict, str]:
    verdicts = [finding.verdict for finding in findings]
    pairs = [pair for finding in findings for pair in finding.pairs]
    held = [pair for pair in pairs if pair.verdict != "not testable"]
    if "contradicted" in verdicts:
        against = sum(pair.verdict == "contradicted" for pair in pairs)
        return (
            "contradicted",
            f"{against} of {len(held)} comparisons {'says' if against == 1 else 'say'} otherwise" if held else "",
        )
    if "not decided" in verdicts:
        open_ = [pair for pair in pairs if pair.verdict != "supported"]
        reasons = "; ".join(dict.fromkeys(pair.why for pair in open_ if not pair.why.startswith("p = ")))
        shown = f"{len(pairs) - len(open_)} of {len(held)} comparisons agree"
        return "not decided", f"{shown}; {reasons}" if reasons else shown
    if "supported" in verdicts:
        left_out = dict.fromkeys(pair.why for pair in pairs if pair.verdict == "not testable")
        agree = [f"all {len(held)} comparisons agree"] if len(held) > 1 else []
        return "supported", "; ".join([*agree, *left_out])
    said = [line for finding in findings for line in finding.said]
    reasons = dict.fromkeys([f.check.why for f in findings if f.check.why] + [p.why for p in pairs] + [*lacking] + said)
    return "not testable", "; ".join(filter(None, reasons))


def _weighed(claim: Claim, findings: Sequence[Finding], verdict: Verdict, why: str) -> tuple[Verdict, str]:
    """A verdict with what it leaves open: an order does not support a margin, nor a part of a claim all of it."""
    orders = dict.fromkeys(
        f"{finding.measure} shows an order, not a margin in {finding.stand_in.measure}"
        for finding in findings
        if finding.stand_in and finding.check.margin and finding.pairs
    )
    if verdict == "supported" and orders:
        return "not decided", "; ".join(filter(None, (why, *orders)))
    if verdict == "supported" and claim.tested:
        return verdict, "; ".join(filter(None, (why, f"tested is {claim.tested}")))
    return verdict, why


def _drafts(paper: Paper, check: Check, found: Sequence[Evidence], lacking: list[str]) -> Iterator[Finding]:
    """What a test is made on; what it lacks is noted."""
    if check.kind == "computed":
        made = CLOSED_FORMS[check.formula]()
        yield Finding(check, None, "", said=made.said, verdict="supported" if made.holds else "contradicted")
        return
    for setup, measure in product(check.setups, check.measures):
        there = [evidence for evidence in found if evidence.setup.id == setup]
        if not there:
            lacking.append(f"{setup}: no runs")
        for evidence in there:
            used = _used(paper, evidence, measure)
            if used is None:
                lacking.append(f"{setup}: {measure} is not measured")
            else:
                yield _draft(paper, check, evidence, *used)
    if check.kind == "untestable" and not check.setups:
        yield Finding(check, None, "")


def _used(paper: Paper, evidence: Evidence, measure: str) -> tuple[str, StandIn | None] | None:
    """The measure itself where it is measured, else what stands in for it, else nothing."""
    if evidence.measured(measure):
        return measure, None
    fitting = (s for s in paper.stand_in if s.measure == measure and evidence.measured(s.by))
    stand_in = next(fitting, None)
    return (stand_in.by, stand_in) if stand_in else None


def _draft(paper: Paper, check: Check, evidence: Evidence, measure: str, stand_in: StandIn | None) -> Finding:
    if check.kind == "untestable":
        readings = tuple(reading(evidence, method, measure) for method in check.a)
        return Finding(check, evidence, measure, stand_in, readings=readings)
    asked = list(_asked(check, measure, with_margin=stand_in is None))
    spread = _spread(evidence, asked[0]) if asked else None
    pairs = [_one(paper, evidence, one, measure, spread) for one in asked]
    if stand_in and check.kind in ("equivalent", "ratio"):
        readings = tuple(reading(evidence, method, measure) for method in check.methods)
        why = f"{stand_in.by} cannot tell it of {stand_in.measure}, for no margin carries over"
        return Finding(check, evidence, measure, stand_in, readings=readings, said=(why,))
    return Finding(check, evidence, measure, stand_in, tuple(pairs))


def _one(paper: Paper, evidence: Evidence, asked: Asked, measure: str, spread: float | None) -> Pair:
    for method in filter(None, (asked.a, asked.b)):
        if collapsed(evidence.sides.get(method, {}), measure):
            why = f"{paper.name(method)} has collapsed, and {measure} rewards that"
            return Pair(asked.a, asked.b, asked.region, asked.logarithmic, why=why)
    return pair(asked, paper, evidence, spread)


def _asked(check: Check, measure: str, *, with_margin: bool) -> Iterator[Asked]:
    """The comparisons of a test, and where it says that their differences lie."""
    read, other = _reader(measure), _reader(check.against or measure)
    margin = check.margin if with_margin else 0.0
    region: Region = (-inf, -margin) if check.kind in ("less", "order") else (margin, inf)
    if check.kind == "equivalent":
        region = (-margin, margin)
    if check.kind == "ratio" and check.bounds:
        region = (log(check.bounds[0]), log(check.bounds[1]))
    pairs = list(product(check.a, check.b))
    if check.kind == "order":
        pairs = [both for one, following in pairwise(check.groups) for both in product(one, following)]
    elif check.against:
        pairs = [(method, method) for method in check.a]
    elif check.value is not None:
        pairs = [(method, "") for method in check.a]
    for a, b in pairs:
        yield Asked(a, b, read, other, region, check.value or 0.0, logarithmic=check.kind == "ratio")


def _reader(measure: str) -> Read:
    def read(result: RunResult) -> Estimate | None:
        return result.estimates.get(measure)

    return read


def _spread(evidence: Evidence, asked: Asked) -> float | None:
    """The largest end of the 95 % intervals of a method minus its own repeat from other seeds."""
    ends = list[float]()
    for method, control in evidence.controls.items():
        side = evidence.sides[method]
        seeds = [s for s in side if s in control and asked.read_a(side[s]) and asked.read_a(control[s])]
        alike = Asked(method, method, asked.read_a, asked.read_a, asked.region, logarithmic=asked.logarithmic)
        differences, parts = differences_of(alike, [side[s] for s in seeds], [control[s] for s in seeds])
        between = interval(differences, parts) if len(seeds) > 1 and np.isfinite(differences).all() else None
        ends += [abs(end) for end in between] if between else []
    return max(ends, default=None)


def _concluded(finding: Finding, pairs: tuple[Pair, ...]) -> Finding:
    """A test's verdict on one table of runs: what all pairs say that can be tested, unless one says otherwise.

    A pair that lacks a method leaves it not decided; a pair left out for its collapse does not.
    """
    if not pairs:
        return finding
    verdicts = {pair.verdict for pair in pairs}
    unmeasured = any(pair.verdict == "not testable" and "collapsed" not in pair.why for pair in pairs)
    verdict: Verdict = "not testable"
    if "contradicted" in verdicts:
        verdict = "contradicted"
    elif "not decided" in verdicts or ("supported" in verdicts and unmeasured):
        verdict = "not decided"
    elif "supported" in verdicts:
        verdict = "supported"
    return Finding(finding.check, finding.evidence, finding.measure, finding.stand_in, pairs, (), finding.said, verdict)
