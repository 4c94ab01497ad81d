"""The claims of a paper, each with a verdict that says no more than the runs do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import inf, log

import numpy as np

from ..analysis.statistics import confidence_interval
from ..core.results import Estimate
from ..storage.store import RunResult
from .closed_forms import CLOSED_FORMS
from .matching import Evidence
from .paired_comparisons import (
    GetEstimate,
    PairedComparison,
    Question,
    Region,
    Verdict,
    compare_pair,
    compute_differences,
    decide_verdicts,
    wins_by_collapse,
)
from .paper import Claim, ClaimTest, Paper, ProxyMeasure
from .published_tables import PublishedValue, measure_value


@dataclass(frozen=True)
class Finding:
    """What one test says on one table of runs under one measure; `proxy` where that took another's place."""

    test: ClaimTest
    evidence: Evidence | None
    measure: str
    proxy: ProxyMeasure | None = None
    comparisons: tuple[PairedComparison, ...] = ()
    values: tuple[PublishedValue, ...] = ()
    statements: tuple[str, ...] = ()
    verdict: Verdict = "not testable"


@dataclass(frozen=True)
class ClaimVerdict:
    """The verdict on a claim and the findings behind it.

    `reason` explains it in a sentence, `missing` lists the experiments without results, and `seeds_needed`
    the number of seeds that would decide it.
    """

    claim: Claim
    verdict: Verdict
    reason: str
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]
    seeds_needed: int | None = None

    @property
    def differs_in_scale(self) -> bool:
        """Whether it rests on runs that differ from what was published."""
        return any(
            finding.evidence.scale_differences for finding in self.findings if finding.evidence and finding.comparisons
        )

    @property
    def limits(self) -> tuple[str, ...]:
        """What the verdict does not reach, in a few words to stand beside it."""
        partial = "on part of its experiments" if self.missing and self.verdict != "not testable" else ""
        return tuple(filter(None, (partial, "not at the published scale" if self.differs_in_scale else "")))

    @property
    def number_of_tests(self) -> int:
        """Over how many tests p-values are adjusted."""
        counted = (finding for finding in self.findings if not finding.test.aside)
        return sum(pair.p is not None for finding in counted for pair in finding.comparisons)


def evaluate_claim(paper: Paper, claim: Claim, found: Sequence[Evidence]) -> ClaimVerdict:
    """A claim held against all evidence there is."""
    lacking = list[str]()
    drafts = [finding for check in claim.test for finding in _draft_findings(paper, check, found, lacking)]
    counted = _decide_findings([finding for finding in drafts if not finding.test.aside])
    aside = _decide_findings([finding for finding in drafts if finding.test.aside])
    verdict, why = _apply_limits(claim, counted, *_combine_verdicts(counted, lacking))
    wanted = [pair.seeds_needed for finding in counted for pair in finding.comparisons if pair.verdict == "not decided"]
    known = [n for n in wanted if n is not None]
    enough = max(known) if verdict == "not decided" and known and len(known) == len(wanted) else None
    return ClaimVerdict(claim, verdict, why, (*counted, *aside), tuple(dict.fromkeys(lacking)), enough)


def _decide_findings(drafts: Sequence[Finding]) -> list[Finding]:
    """The findings with their verdicts, their pairs tested as one family."""
    pairs = iter(decide_verdicts([pair for finding in drafts for pair in finding.comparisons]))
    return [_decide_finding(finding, tuple(next(pairs) for _ in finding.comparisons)) for finding in drafts]


def _combine_verdicts(findings: Sequence[Finding], lacking: Sequence[str]) -> tuple[Verdict, str]:
    verdicts = [finding.verdict for finding in findings]
    pairs = [pair for finding in findings for pair in finding.comparisons]
    held = [pair for pair in pairs if pair.verdict != "not testable"]
    if "contradicted" in verdicts:
        against = sum(pair.verdict == "contradicted" for pair in pairs)
        return (
            "contradicted",
            f"{against} of {len(held)} comparisons {'says' if against == 1 else 'say'} otherwise" if held else "",
        )
    if "not decided" in verdicts:
        open_ = [pair for pair in pairs if pair.verdict != "supported"]
        reasons = "; ".join(dict.fromkeys(pair.reason for pair in open_ if not pair.reason.startswith("p = ")))
        shown = f"{len(pairs) - len(open_)} of {len(held)} comparisons agree"
        return "not decided", f"{shown}; {reasons}" if reasons else shown
    if "supported" in verdicts:
        left_out = dict.fromkeys(pair.reason for pair in pairs if pair.verdict == "not testable")
        agree = [f"all {len(held)} comparisons agree"] if len(held) > 1 else []
        return "supported", "; ".join([*agree, *left_out])
    said = [line for finding in findings for line in finding.statements]
    reasons = dict.fromkeys(
        [f.test.why for f in findings if f.test.why] + [p.reason for p in pairs] + [*lacking] + said
    )
    return "not testable", "; ".join(filter(None, reasons))


def _apply_limits(claim: Claim, findings: Sequence[Finding], verdict: Verdict, why: str) -> tuple[Verdict, str]:
    """A verdict with what it leaves open: an order does not support a margin, nor a part of a claim all of it."""
    orders = dict.fromkeys(
        f"{finding.measure} shows an order, not a margin in {finding.proxy.measure}"
        for finding in findings
        if finding.proxy and finding.test.margin and finding.comparisons
    )
    if verdict == "supported" and orders:
        return "not decided", "; ".join(filter(None, (why, *orders)))
    if verdict == "supported" and claim.tested:
        return verdict, "; ".join(filter(None, (why, f"tested is {claim.tested}")))
    return verdict, why


def _draft_findings(paper: Paper, check: ClaimTest, found: Sequence[Evidence], lacking: list[str]) -> Iterator[Finding]:
    """What a test is made on; what it lacks is noted."""
    if check.kind == "computed":
        made = CLOSED_FORMS[check.formula]()
        yield Finding(
            check, None, "", statements=made.statements, verdict="supported" if made.holds else "contradicted"
        )
        return
    for setup, measure in product(check.setups, check.measures):
        there = [evidence for evidence in found if evidence.setup.id == setup]
        if not there:
            lacking.append(f"{setup}: no runs")
        for evidence in there:
            used = _select_measure(paper, evidence, measure)
            if used is None:
                lacking.append(f"{setup}: {measure} is not measured")
            else:
                yield _draft_finding(paper, check, evidence, *used)
    if check.kind == "untestable" and not check.setups:
        yield Finding(check, None, "")


def _select_measure(paper: Paper, evidence: Evidence, measure: str) -> tuple[str, ProxyMeasure | None] | None:
    """The measure itself where it is measured, else what stands in for it, else nothing."""
    if evidence.has_measure(measure):
        return measure, None
    fitting = (s for s in paper.stand_in if s.measure == measure and evidence.has_measure(s.by))
    stand_in = next(fitting, None)
    return (stand_in.by, stand_in) if stand_in else None


def _draft_finding(
    paper: Paper, check: ClaimTest, evidence: Evidence, measure: str, stand_in: ProxyMeasure | None
) -> Finding:
    if check.kind == "untestable":
        readings = tuple(measure_value(evidence, method, measure) for method in check.a)
        return Finding(check, evidence, measure, stand_in, values=readings)
    asked = list(_list_questions(check, measure, with_margin=stand_in is None))
    spread = _compute_aa_spread(evidence, asked[0]) if asked else None
    pairs = [_compare_unless_collapsed(paper, evidence, one, measure, spread) for one in asked]
    if stand_in and check.kind in ("equivalent", "ratio"):
        readings = tuple(measure_value(evidence, method, measure) for method in check.methods)
        why = f"{stand_in.by} cannot tell it of {stand_in.measure}, for no margin carries over"
        return Finding(check, evidence, measure, stand_in, values=readings, statements=(why,))
    return Finding(check, evidence, measure, stand_in, tuple(pairs))


def _compare_unless_collapsed(
    paper: Paper, evidence: Evidence, asked: Question, measure: str, spread: float | None
) -> PairedComparison:
    for method in filter(None, (asked.a, asked.b)):
        if wins_by_collapse(evidence.methods.get(method, {}), measure):
            why = f"{paper.get_method_name(method)} has collapsed, and {measure} rewards that"
            return PairedComparison(asked.a, asked.b, asked.region, asked.is_ratio, reason=why)
    return compare_pair(asked, paper, evidence, spread)


def _list_questions(check: ClaimTest, measure: str, *, with_margin: bool) -> Iterator[Question]:
    """The comparisons of a test, and where it says that their differences lie."""
    read, other = _make_getter(measure), _make_getter(check.against or measure)
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
        yield Question(a, b, read, other, region, check.value or 0.0, is_ratio=check.kind == "ratio")


def _make_getter(measure: str) -> GetEstimate:
    def read(result: RunResult) -> Estimate | None:
        return result.estimates.get(measure)

    return read


def _compute_aa_spread(evidence: Evidence, asked: Question) -> float | None:
    """The largest end of the 95 % intervals of a method minus its own repeat from other seeds."""
    ends = list[float]()
    for method, control in evidence.controls.items():
        side = evidence.methods[method]
        seeds = [s for s in side if s in control and asked.get_a(side[s]) and asked.get_a(control[s])]
        alike = Question(method, method, asked.get_a, asked.get_a, asked.region, is_ratio=asked.is_ratio)
        differences, parts = compute_differences(alike, [side[s] for s in seeds], [control[s] for s in seeds])
        between = confidence_interval(differences, parts) if len(seeds) > 1 and np.isfinite(differences).all() else None
        ends += [abs(end) for end in between] if between else []
    return max(ends, default=None)


def _decide_finding(finding: Finding, pairs: tuple[PairedComparison, ...]) -> Finding:
    """A test's verdict on one table of runs: what all pairs say that can be tested, unless one says otherwise.

    A pair that lacks a method leaves it not decided; a pair left out for its collapse does not.
    """
    if not pairs:
        return finding
    verdicts = {pair.verdict for pair in pairs}
    unmeasured = any(pair.verdict == "not testable" and "collapsed" not in pair.reason for pair in pairs)
    verdict: Verdict = "not testable"
    if "contradicted" in verdicts:
        verdict = "contradicted"
    elif "not decided" in verdicts or ("supported" in verdicts and unmeasured):
        verdict = "not decided"
    elif "supported" in verdicts:
        verdict = "supported"
    return Finding(
        finding.test, finding.evidence, finding.measure, finding.proxy, pairs, (), finding.statements, verdict
    )
