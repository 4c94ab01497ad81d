"""Test the claims of a paper."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from math import inf, log

import numpy as np

from ..analysis.statistics import confidence_interval
from ..core.results import Estimate
from ..storage.store import RunResult
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
    has_several_definitions,
    wins_by_collapse,
)
from .paper import Claim, ClaimTest, Paper, ProxyMeasure
from .papers import CLOSED_FORMS
from .published_tables import PublishedValue, measure_value


@dataclass(frozen=True)
class Finding:
    """The result of one test on one table of results under one measure; `proxy` if it replaces another measure."""

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
        """Whether its runs differ from the published experiment."""
        return any(
            finding.evidence.scale_differences for finding in self.findings if finding.evidence and finding.comparisons
        )

    @property
    def limits(self) -> tuple[str, ...]:
        """The limits of the verdict in a few words, to be shown next to it."""
        partial = "on part of its experiments" if self.missing and self.verdict != "not testable" else ""
        return tuple(filter(None, (partial, "not at the published scale" if self.differs_in_scale else "")))

    @property
    def number_of_tests(self) -> int:
        """The number of tests over which p-values are adjusted."""
        counted = (finding for finding in self.findings if not finding.test.aside)
        return sum(pair.p is not None for finding in counted for pair in finding.comparisons)


def evaluate_claim(paper: Paper, claim: Claim, found: Sequence[Evidence]) -> ClaimVerdict:
    """Test a claim on all evidence."""
    missing = list[str]()
    drafts = [finding for test in claim.test for finding in _draft_findings(paper, test, found, missing)]
    counted = _decide_findings([finding for finding in drafts if not finding.test.aside])
    aside = _decide_findings([finding for finding in drafts if finding.test.aside])
    verdict, reason = _apply_limits(claim, counted, *_combine_verdicts(counted, missing))
    needed = [pair.seeds_needed for finding in counted for pair in finding.comparisons if pair.verdict == "not decided"]
    known = [n for n in needed if n is not None]
    seeds_needed = max(known) if verdict == "not decided" and known and len(known) == len(needed) else None
    return ClaimVerdict(claim, verdict, reason, (*counted, *aside), tuple(dict.fromkeys(missing)), seeds_needed)


def _decide_findings(drafts: Sequence[Finding]) -> list[Finding]:
    """The findings with their verdicts, their comparisons tested as one family."""
    pairs = iter(decide_verdicts([pair for finding in drafts for pair in finding.comparisons]))
    return [_decide_finding(finding, tuple(next(pairs) for _ in finding.comparisons)) for finding in drafts]


def _combine_verdicts(findings: Sequence[Finding], missing: Sequence[str]) -> tuple[Verdict, str]:
    verdicts = [finding.verdict for finding in findings]
    pairs = [pair for finding in findings for pair in finding.comparisons]
    testable = [pair for pair in pairs if pair.verdict != "not testable"]
    if "contradicted" in verdicts:
        against = sum(pair.verdict == "contradicted" for pair in pairs)
        return (
            "contradicted",
            f"{against} of {len(testable)} comparisons contradict{'s' * (against == 1)} it" if testable else "",
        )
    if "not decided" in verdicts:
        others = [pair for pair in pairs if pair.verdict != "supported"]
        reasons = "; ".join(dict.fromkeys(pair.reason for pair in others if not pair.reason.startswith("p = ")))
        shown = f"{len(pairs) - len(others)} of {len(testable)} comparisons agree"
        return "not decided", f"{shown}; {reasons}" if reasons else shown
    if "supported" in verdicts:
        left_out = dict.fromkeys(pair.reason for pair in pairs if pair.verdict == "not testable")
        agree = [f"all {len(testable)} comparisons agree"] if len(testable) > 1 else []
        return "supported", "; ".join([*agree, *left_out])
    statements = [line for finding in findings for line in finding.statements]
    reasons = dict.fromkeys(
        [f.test.why for f in findings if f.test.why] + [p.reason for p in pairs] + [*missing] + statements
    )
    return "not testable", "; ".join(filter(None, reasons))


def _apply_limits(claim: Claim, findings: Sequence[Finding], verdict: Verdict, reason: str) -> tuple[Verdict, str]:
    """The verdict with its limits: an order does not support a margin, nor part of a claim the whole of it."""
    orders = dict.fromkeys(
        f"{finding.measure} can show an order, but not a margin in {finding.proxy.measure}"
        for finding in findings
        if finding.proxy and finding.test.margin and finding.comparisons
    )
    if verdict == "supported" and orders:
        return "not decided", "; ".join(filter(None, (reason, *orders)))
    if verdict == "supported" and claim.tested:
        return verdict, "; ".join(filter(None, (reason, f"only tested: {claim.tested}")))
    return verdict, reason


def _draft_findings(paper: Paper, test: ClaimTest, found: Sequence[Evidence], missing: list[str]) -> Iterator[Finding]:
    """The findings of a test, not decided yet; experiments without results are added to `missing`."""
    if test.kind == "computed":
        result = CLOSED_FORMS[test.formula]()
        yield Finding(
            test, None, "", statements=result.statements, verdict="supported" if result.holds else "contradicted"
        )
        return
    for setup, measure in product(test.setups, test.measures):
        matching = [evidence for evidence in found if evidence.setup.id == setup]
        if not matching:
            missing.append(f"{setup}: no runs")
        for evidence in matching:
            used = _select_measure(paper, evidence, measure)
            if used is None:
                missing.append(f"{setup}: {measure} is not measured")
            else:
                yield _draft_finding(paper, test, evidence, *used)
    if test.kind == "untestable" and not test.setups:
        yield Finding(test, None, "")


def _select_measure(paper: Paper, evidence: Evidence, measure: str) -> tuple[str, ProxyMeasure | None] | None:
    """The measure itself if it is measured, or else a proxy; None if neither is measured."""
    if evidence.has_measure(measure):
        return measure, None
    fitting = (s for s in paper.stand_in if s.measure == measure and evidence.has_measure(s.by))
    proxy = next(fitting, None)
    return (proxy.by, proxy) if proxy else None


def _draft_finding(
    paper: Paper, test: ClaimTest, evidence: Evidence, measure: str, proxy: ProxyMeasure | None
) -> Finding:
    if test.kind == "untestable":
        values = tuple(measure_value(evidence, method, measure) for method in test.a)
        return Finding(test, evidence, measure, proxy, values=values)
    questions = list(_list_questions(test, measure, with_margin=proxy is None))
    spread = _compute_aa_spread(evidence, questions[0]) if questions else None
    names = [measure, test.against or measure]
    pairs = [_compare_unless_collapsed(paper, evidence, one, names, spread) for one in questions]
    if proxy and test.kind in ("equivalent", "ratio"):
        values = tuple(measure_value(evidence, method, measure) for method in test.methods)
        reason = f"{proxy.by} cannot replace {proxy.measure} here, since their margins are not comparable"
        return Finding(test, evidence, measure, proxy, values=values, statements=(reason,))
    return Finding(test, evidence, measure, proxy, tuple(pairs))


def _compare_unless_collapsed(
    paper: Paper, evidence: Evidence, question: Question, measures: Sequence[str], spread: float | None
) -> PairedComparison:
    pair = PairedComparison(question.a, question.b, question.region, question.is_ratio)
    groups = {method: evidence.methods.get(method, {}) for method in filter(None, (question.a, question.b))}
    for measure in measures:
        if has_several_definitions(groups.values(), measure):
            return replace(pair, reason=f"{measure} has several definitions among the runs")
    for method, group in groups.items():
        if wins_by_collapse(group, measures[0]):
            reason = f"{paper.get_method_name(method)} has collapsed, which {measures[0]} rewards"
            return replace(pair, reason=reason, is_left_out=True)
    return compare_pair(question, paper, evidence, spread)


def _list_questions(test: ClaimTest, measure: str, *, with_margin: bool) -> Iterator[Question]:
    """The comparisons of a test and the regions in which it expects the differences."""
    get_a, get_b = _make_getter(measure), _make_getter(test.against or measure)
    margin = test.margin if with_margin else 0.0
    region: Region = (-inf, -margin) if test.kind in ("less", "order") else (margin, inf)
    if test.kind == "equivalent":
        region = (-margin, margin)
    if test.kind == "ratio" and test.bounds:
        region = (log(test.bounds[0]), log(test.bounds[1]))
    pairs = list(product(test.a, test.b))
    if test.kind == "order":
        pairs = [both for one, following in pairwise(test.groups) for both in product(one, following)]
    elif test.against:
        pairs = [(method, method) for method in test.a]
    elif test.value is not None:
        pairs = [(method, "") for method in test.a]
    for a, b in pairs:
        yield Question(a, b, get_a, get_b, region, test.value or 0.0, is_ratio=test.kind == "ratio")


def _make_getter(measure: str) -> GetEstimate:
    def get(result: RunResult) -> Estimate | None:
        return result.estimates.get(measure)

    return get


def _compute_aa_spread(evidence: Evidence, question: Question) -> float | None:
    """The largest absolute end of the 95 % intervals of methods minus their A/A controls."""
    ends = list[float]()
    for method, control in evidence.controls.items():
        repeated = evidence.methods[method]
        seeds = [s for s in repeated if s in control and question.get_a(repeated[s]) and question.get_a(control[s])]
        same = Question(method, method, question.get_a, question.get_a, question.region, is_ratio=question.is_ratio)
        differences, per_draw = compute_differences(same, [repeated[s] for s in seeds], [control[s] for s in seeds])
        testable = len(seeds) > 1 and np.isfinite(differences).all()
        interval = confidence_interval(differences, per_draw) if testable else None
        ends += [abs(end) for end in interval] if interval else []
    return max(ends, default=None)


def _decide_finding(finding: Finding, pairs: tuple[PairedComparison, ...]) -> Finding:
    """The verdict of a test on one table of results: that of all comparisons that can be tested, if they agree.

    Without the results of a method it is not decided; comparisons left out because a method collapsed do not count.
    """
    if not pairs:
        return finding
    verdicts = {pair.verdict for pair in pairs}
    unmeasured = any(pair.verdict == "not testable" and not pair.is_left_out for pair in pairs)
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
