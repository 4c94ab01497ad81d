"""Test the claims of a paper.

A claim is *supported* if all its comparisons support it, each at 5 % and none adjusted, since all of them must (an
intersection-union test, Berger 1982). It is *contradicted* if some comparison contradicts it at 5 %, Holm-adjusted over
all comparisons that the claim lists in the paper's file, run or not: results on one data set make those on another no
harder to judge. Either is wrong for at most one claim in twenty. Otherwise it is *not decided*, and always with fewer
than five seeds.

Comparisons with a method that collapsed or nearly did are reported but counted apart: they neither support nor
contradict. Of several readings that a paper leaves open, each gives a verdict. That of the claim is theirs if all are
measured and agree; it *depends* on the reading if they do not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from ..analysis.decision import MIN_SEEDS
from ..analysis.footnotes import format_count
from ..analysis.statements import join_names
from ..analysis.statistics import ALPHA, adjust_holm
from ..core.results import OUTDATED
from .comparisons import ClaimComparison, Verdict, draft_comparisons, explain_collapse
from .matching import Evidence, ScaleDifference
from .paper import Claim, ClaimTest, Paper, ProxyMeasure, ReadingOption
from .papers import CLOSED_FORMS
from .published_tables import PublishedValue, compare_values, measure_value
from .seeds_needed import QuestionSet, ReadingTests, expect_verdicts, find_seeds_needed, make_claim_tests


@dataclass(frozen=True)
class Finding:
    """The result of one test on one table of results under one measure; `proxy` if it replaces another measure."""

    test: ClaimTest
    evidence: Evidence | None
    measure: str
    proxy: ProxyMeasure | None = None
    option: ReadingOption | None = None
    comparisons: tuple[ClaimComparison, ...] = ()
    values: tuple[PublishedValue, ...] = ()
    statements: tuple[str, ...] = ()
    verdict: Verdict = "not testable"

    @property
    def change_from(self) -> str:
        """The measure that values are changes from; empty if they are none."""
        return _fill_in(self.test.change_from, self.option)

    @property
    def is_outdated(self) -> bool:
        """Whether what is measured comes from an older version of a metric than is installed."""
        known = self.evidence.measures if self.evidence else {}
        return any(name in known and known[name].outdated for name in (self.measure, self.change_from))

    @property
    def measure_label(self) -> str:
        """What is measured, marked if it is outdated: a measure or a change, under one of several conventions."""
        known = self.evidence.measures.get(self.measure) if self.evidence else None
        label = f"{self.measure} {OUTDATED}" if known and known.outdated else self.measure
        label += f" minus {self.change_from}" if self.change_from else ""
        return f"{label} ({self.option.label})" if self.option and self.option.shift_per_dimension else label


@dataclass(frozen=True)
class ReadingVerdict:
    """The verdict under one reading of what the paper leaves open (`option`), or under the only one (None).

    `missing` lists the experiments without results, and `family` is the number of comparisons over which p-values
    against the claim are adjusted. `forecast` says how many seeds would decide it; None if more seeds alone would not.
    """

    option: ReadingOption | None
    verdict: Verdict
    reason: str
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]
    family: int
    forecast: "SeedForecast | None" = None

    @property
    def label(self) -> str:
        """What tables call the reading."""
        return self.option.label if self.option else ""


@dataclass(frozen=True)
class SeedForecast:
    """The number of seeds with which 80 % of repetitions would decide; None if no number would.

    `verdict` is the one that they would reach, the same under all readings; None if it differs.
    """

    seeds: int | None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class ClaimVerdict:
    """The verdict on a claim, that under each reading, and the findings behind them.

    `reason` explains it in a sentence, and `reading_of` is what the paper leaves open. `forecast` says how many seeds
    would decide it; None if it is decided, or if more seeds alone would not.
    """

    claim: Claim
    verdict: Verdict
    reason: str
    readings: tuple[ReadingVerdict, ...]
    reading_of: str = ""
    forecast: SeedForecast | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings under all readings."""
        return tuple(finding for reading in self.readings for finding in reading.findings)

    @property
    def missing(self) -> tuple[str, ...]:
        """The experiments without results."""
        return tuple(dict.fromkeys(line for reading in self.readings for line in reading.missing))

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The tables of results that it is based on, each once."""
        used = (f.evidence for f in self.findings if f.evidence and (f.comparisons or f.values))
        return tuple({evidence.number: evidence for evidence in used}.values())

    @property
    def scale_differences(self) -> tuple[ScaleDifference, ...]:
        """In what its runs differ from the published experiments."""
        return tuple(difference for evidence in self.evidence for difference in evidence.scale_differences)

    @property
    def proxies(self) -> tuple[ProxyMeasure, ...]:
        """The proxies that replace measures."""
        return tuple({f.proxy.by: f.proxy for f in self.findings if f.proxy}.values())

    @property
    def reasons_apart(self) -> Mapping[str, tuple[str, ...]]:
        """Why comparisons are counted apart, each reason with the experiments in which it applies."""
        found: dict[str, dict[str, None]] = {}
        for finding in self.findings:
            for pair in finding.comparisons:
                if pair.apart and finding.evidence:
                    found.setdefault(pair.apart, {})[finding.evidence.setup.id] = None
        return {reason: tuple(setups) for reason, setups in found.items()}

    @property
    def is_unmeasured(self) -> bool:
        """Whether it could be tested, but nothing that it is about was measured."""
        return (
            self.verdict == "not testable"
            and bool(self.missing)
            and not any(test.kind == "untestable" for test in self.claim.test)
            and all(pair.is_missing for finding in self.findings for pair in finding.comparisons)
        )

    @property
    def reversals(self) -> tuple[ClaimComparison, ...]:
        """Comparisons that support the claim under one reading and contradict it under another, each once."""
        found: dict[tuple[int, str, str, str, str], dict[Verdict, ClaimComparison]] = {}
        for finding in self.findings:
            number = finding.evidence.number if finding.evidence else 0
            measure = finding.measure.replace(finding.option.measure, "") if finding.option else finding.measure
            for pair in finding.comparisons if _counts(finding) else ():
                key = number, finding.test.kind, measure, pair.a, pair.b
                found.setdefault(key, {})[pair.verdict] = pair
        opposite = {"supported", "contradicted"}
        return tuple(pairs["supported"] for pairs in found.values() if opposite <= pairs.keys())

    @property
    def methods_apart(self) -> tuple[str, ...]:
        """The methods whose comparisons are counted apart."""
        apart = (method for f in self.findings for pair in f.comparisons for method in pair.methods_apart)
        return tuple(dict.fromkeys(apart))

    @property
    def number_of_tests(self) -> int:
        """The number of comparisons that were tested and count, under all readings."""
        return sum(
            _counts(finding, pair) and pair.p is not None for finding in self.findings for pair in finding.comparisons
        )


def evaluate_claim(paper: Paper, claim: Claim, found: Sequence[Evidence]) -> ClaimVerdict:
    """Test a claim on all evidence, under each reading that the paper leaves open."""
    readings = paper.find_claim_readings(claim)
    options = readings.option if readings else (None,)
    verdicts = tuple(_evaluate_reading(paper, claim, option, found) for option in options)
    if readings is None:
        (only,) = verdicts
        return ClaimVerdict(claim, only.verdict, only.reason, verdicts, forecast=only.forecast)
    verdict, reason = _combine_readings(verdicts)
    forecast = _forecast_seeds(verdicts) if verdict == "not decided" else None
    return ClaimVerdict(claim, verdict, reason, verdicts, readings.of, forecast)


def _evaluate_reading(
    paper: Paper, claim: Claim, option: ReadingOption | None, found: Sequence[Evidence]
) -> ReadingVerdict:
    missing = list[str]()
    drafts = [finding for test in claim.test for finding in _draft_findings(paper, test, option, found, missing)]
    drafted = sum(_counts(finding) for finding in drafts for _ in finding.comparisons)
    family = max(claim.count_comparisons(), drafted)
    findings = tuple(_decide_findings(drafts, family))
    counted = [finding for finding in findings if not finding.test.aside]
    verdict, reason = _combine_findings(counted, missing)
    orders = _list_proxy_limits(counted)
    if orders and verdict in ("supported", "not decided"):
        verdict, reason = "not decided", "; ".join(filter(None, (reason, *orders)))
    made = ReadingVerdict(option, verdict, reason, findings, tuple(dict.fromkeys(missing)), family)
    return replace(made, forecast=_forecast_seeds([made])) if verdict == "not decided" else made


def _combine_readings(readings: Sequence[ReadingVerdict]) -> tuple[Verdict, str]:
    """The verdict of a claim from those under each reading."""
    measured = [reading for reading in readings if reading.verdict != "not testable"]
    unmeasured = [reading for reading in readings if reading.verdict == "not testable"]
    if not measured:
        return "not testable", "; ".join(dict.fromkeys(filter(None, (reading.reason for reading in readings))))
    by_verdict: dict[Verdict, list[str]] = {}
    for reading in measured:
        by_verdict.setdefault(reading.verdict, []).append(reading.label)
    reasons = [f"{verdict} under {join_names(names)}" for verdict, names in by_verdict.items()]
    reasons += [f"not measured under {join_names([reading.label for reading in unmeasured])}"] if unmeasured else []
    found = next(iter(by_verdict))
    if len(by_verdict) > 1:
        return "depends", "; ".join(reasons)
    return (found if not unmeasured or found == "not decided" else "not decided"), "; ".join(reasons)


def _draft_findings(
    paper: Paper, test: ClaimTest, option: ReadingOption | None, found: Sequence[Evidence], missing: list[str]
) -> Iterator[Finding]:
    """The findings of a test, not decided yet; experiments without results are added to `missing`."""
    if test.kind == "computed":
        result = CLOSED_FORMS[test.formula]()
        verdict = "supported" if result.holds else "contradicted"
        yield Finding(test, None, "", statements=result.statements, verdict=verdict)
        return
    if test.kind == "untestable" and not test.setups:
        yield Finding(test, None, "")
        return
    for setup, measure in product(_list_setups(paper, test), _list_measures(paper, test, option)):
        matching = [evidence for evidence in found if evidence.setup.id == setup]
        if not matching and test.kind == "untestable":
            yield Finding(test, None, "")
        elif not matching:
            missing.append(f"{setup}: no runs")
        for evidence in matching:
            used = _select_measure(paper, evidence, measure) if measure else ("", None)
            if used is None:
                missing.append(f"{setup}: {measure} is not measured")
            else:
                yield _draft_finding(paper, test, evidence, option, *used)


def _list_setups(paper: Paper, test: ClaimTest) -> tuple[str, ...]:
    return (paper.get_table(test.table).setup,) if test.kind == "published" else test.setups


def _list_measures(paper: Paper, test: ClaimTest, option: ReadingOption | None) -> tuple[str, ...]:
    if test.kind == "published":
        table = paper.get_table(test.table)
        return (table.list_measures(option)[(table.conditions or ("",)).index(test.condition)],)
    return tuple(_fill_in(measure, option) for measure in test.measures) or ("",)


def _fill_in(measure: str, option: ReadingOption | None) -> str:
    return option.fill_in(measure) if option else measure


def _select_measure(paper: Paper, evidence: Evidence, measure: str) -> tuple[str, ProxyMeasure | None] | None:
    """The measure itself if it is measured, or else a proxy; None if neither is measured."""
    if evidence.has_measure(measure):
        return measure, None
    fitting = (s for s in paper.stand_in if s.measure == measure and evidence.has_measure(s.by))
    proxy = next(fitting, None)
    return (proxy.by, proxy) if proxy else None


def _draft_finding(
    paper: Paper,
    test: ClaimTest,
    evidence: Evidence,
    option: ReadingOption | None,
    measure: str,
    proxy: ProxyMeasure | None,
) -> Finding:
    finding = Finding(test, evidence, measure, proxy, option)
    if test.kind == "untestable":
        return replace(finding, values=tuple(measure_value(evidence, method, measure) for method in test.a))
    if proxy and test.kind in ("equivalent", "ratio"):
        values = tuple(measure_value(evidence, method, measure) for method in test.methods)
        reason = f"{proxy.by} cannot replace {proxy.measure} here, since their margins are not comparable"
        return replace(finding, values=values, statements=(reason,))
    if test.kind == "published":
        return replace(finding, comparisons=tuple(_compare_published(paper, evidence, test, option)))
    if test.kind == "fails":
        return replace(finding, comparisons=tuple(_count_failures(paper, evidence, method) for method in test.a))
    changed = replace(test, change_from=_fill_in(test.change_from, option))
    pairs = draft_comparisons(paper, evidence, changed, measure, option, keeps_margin=proxy is None)
    return replace(finding, comparisons=tuple(pairs))


def _compare_published(
    paper: Paper, evidence: Evidence, test: ClaimTest, option: ReadingOption | None
) -> Iterator[ClaimComparison]:
    """What the paper prints of each method, compared with the prediction of one further run."""
    table = paper.get_table(test.table)
    for value in compare_values(table, evidence, option):
        if value.method in test.a and value.condition == test.condition and value.printed is not None:
            yield _to_comparison(paper, evidence, value, table.half_width)


def _to_comparison(paper: Paper, evidence: Evidence, value: PublishedValue, half_width: float) -> ClaimComparison:
    printed = value.printed or 0.0
    draft = ClaimComparison(value.method, "", (-half_width, half_width), printed, draws=value.draws)
    if value.mean is None:
        return replace(draft, reason=f"{paper.get_method_name(value.method)} is not measured", is_missing=True)
    runs = tuple(evidence.methods[value.method].values())
    row = evidence.rows[evidence.labels[value.method]]
    apart = explain_collapse(paper, value.method, row)
    measured = [run.estimates[value.measure].value for run in runs if value.measure in run.estimates]
    low, high = value.prediction or (0.0, 0.0)
    return replace(
        draft,
        differences=np.array(measured) - printed,
        interval=(low - printed, high - printed) if value.prediction else None,
        is_prediction=True,
        seeds=tuple(result.entry.seed for result in runs),
        runs=runs,
        p=value.p,
        # A prediction that is narrow enough and contains the published value agrees with it.
        supporting_p=0.0 if value.match == "compatible" else 1.0,
        contradicting_p=value.p if value.match == "not compatible" and value.p is not None else 1.0,
        verdict="not decided",
        reason=apart or ("" if value.match.endswith("compatible") else value.match),
        apart=apart,
        methods_apart=(value.method,) if apart else (),
    )


def _count_failures(paper: Paper, evidence: Evidence, method: str) -> ClaimComparison:
    """Whether all runs of a method diverged or collapsed, or none: of n runs with P = 1/2, 2^-n do."""
    draft = ClaimComparison(method, "", (0.5, 1.5), is_share=True)
    if method not in evidence.labels:
        return replace(draft, reason=f"{paper.get_method_name(method)} is not measured", is_missing=True)
    runs = [run for run in evidence.methods[method].values() if run.status != "missing"]
    fails = np.array([float(run.status != "done" or run.collapsed) for run in runs])
    p = 0.5 ** len(runs)
    return replace(
        draft,
        differences=fails,
        seeds=tuple(run.entry.seed for run in runs),
        runs=tuple(runs),
        p=p if fails.all() or not fails.any() else None,
        supporting_p=p if fails.all() else 1.0,
        contradicting_p=p if not fails.any() else 1.0,
        verdict="not decided",
        reason=""
        if fails.all() or not fails.any()
        else f"{int(fails.sum())} of {len(fails)} runs diverged or collapsed",
    )


def _counts(finding: Finding, pair: ClaimComparison | None = None) -> bool:
    """Whether a finding, or one of its comparisons, is part of the verdict."""
    return not finding.test.aside and not (pair and pair.apart)


def _decide_findings(drafts: Sequence[Finding], family: int) -> Iterator[Finding]:
    """The findings with their verdicts; p-values against the claim are adjusted over its whole family."""
    counted = [pair for finding in drafts for pair in finding.comparisons if _counts(finding, pair)]
    padded = [pair.contradicting_p for pair in counted] + [1.0] * (family - len(counted))
    adjusted = {id(pair): float(p) for pair, p in zip(counted, adjust_holm(padded), strict=False)}
    for finding in drafts:
        pairs = tuple(_decide_comparison(pair, adjusted.get(id(pair))) for pair in finding.comparisons)
        yield replace(finding, comparisons=pairs, verdict=_decide_finding(pairs) if pairs else finding.verdict)


def _decide_comparison(pair: ClaimComparison, adjusted: float | None) -> ClaimComparison:
    """A comparison with its verdict; `adjusted` is None for one that is no part of the verdict."""
    if pair.verdict != "not decided" or pair.is_missing:
        return pair
    against = pair.contradicting_p if adjusted is None else adjusted
    speaks_against = pair.contradicting_p < 1
    shown = replace(pair, adjusted_p=against if speaks_against and adjusted is not None else None)
    if pair.apart:
        return replace(shown, verdict="not testable")
    if len(pair.seeds) < MIN_SEEDS:
        return shown
    if pair.supporting_p < ALPHA:
        return replace(shown, verdict="supported")
    if against < ALPHA:
        return replace(shown, verdict="contradicted")
    return replace(shown, reason=pair.reason or ("p allows for skewed values" if pair.may_be_skewed else ""))


def _decide_finding(pairs: Sequence[ClaimComparison]) -> Verdict:
    """The verdict of a test on one table: that of all comparisons that count, if they agree."""
    verdicts = {pair.verdict for pair in pairs if not pair.apart}
    unmeasured = any(pair.is_missing for pair in pairs)
    if "contradicted" in verdicts:
        return "contradicted"
    if "not decided" in verdicts or ("supported" in verdicts and unmeasured):
        return "not decided"
    return "supported" if "supported" in verdicts else "not testable"


def _combine_findings(findings: Sequence[Finding], missing: Sequence[str]) -> tuple[Verdict, str]:
    verdicts = [finding.verdict for finding in findings]
    pairs = [pair for finding in findings for pair in finding.comparisons]
    number_apart = sum(bool(pair.apart) for pair in pairs)
    noted = [f"{format_count(number_apart, 'comparison')} counted apart"] if number_apart else []
    counted = [pair for pair in pairs if not pair.apart and pair.verdict != "not testable"]
    if "contradicted" in verdicts:
        against = sum(pair.verdict == "contradicted" for pair in counted)
        where = {f.evidence.setup.id: None for f in findings if f.evidence and f.verdict == "contradicted"}
        shown = f"{against} of {len(counted)} comparisons contradict{'s' * (against == 1)} it" if counted else ""
        shown += f", on {join_names([*where])}" if where else ""
        return "contradicted", "; ".join(filter(None, (shown, *noted)))
    if "not decided" in verdicts:
        support = sum(pair.verdict == "supported" for pair in counted)
        few = {len(pair.seeds) for pair in counted if pair.seeds and len(pair.seeds) < MIN_SEEDS}
        reasons = [f"only {format_count(n, 'seed')}, a verdict needs {MIN_SEEDS}" for n in sorted(few)]
        reasons += dict.fromkeys(pair.reason for pair in pairs if pair.reason and not pair.apart)
        shown = f"{support} of {len(counted)} comparisons support{'s' * (support == 1)} it"
        return "not decided", "; ".join([*[shown] * (not few), *reasons, *noted])
    if "supported" in verdicts:
        shown = [f"all {len(counted)} comparisons support it"] if len(counted) > 1 else []
        return "supported", "; ".join([*shown, *noted])
    statements = [line for finding in findings for line in finding.statements]
    reasons = [f.test.why for f in findings if f.test.why] + [p.reason for p in pairs] + [*missing] + statements
    return "not testable", "; ".join(dict.fromkeys(filter(None, reasons)))


def _list_proxy_limits(findings: Sequence[Finding]) -> list[str]:
    """Why tests with a proxy do not support a claim with a margin: they show an order only."""
    return list(
        dict.fromkeys(
            f"{finding.measure} can show an order, but not a margin in {finding.proxy.measure}"
            for finding in findings
            if finding.proxy and finding.test.margin and finding.comparisons
        )
    )


def _forecast_seeds(readings: Sequence[ReadingVerdict]) -> SeedForecast | None:
    """How many seeds would decide all readings; None if more seeds alone would not."""
    tests = [_list_tests(reading) for reading in readings]
    known = [found for found in tests if found is not None]
    if len(known) < len(tests):
        return None
    claim_tests = make_claim_tests(known)
    expected = expect_verdicts(claim_tests)
    return SeedForecast(find_seeds_needed(claim_tests), expected.pop() if len(expected) == 1 else None)


def _list_tests(reading: ReadingVerdict) -> ReadingTests | None:
    """What more seeds could decide; None if something else is in the way, such as a method without results."""
    findings = [finding for finding in reading.findings if not finding.test.aside]
    if _list_proxy_limits(findings):
        return None
    tested = list[QuestionSet]()
    for finding in findings:
        counted = [pair for pair in finding.comparisons if not pair.apart and pair.verdict != "not testable"]
        if any(pair.is_missing for pair in finding.comparisons):
            return None
        if any(pair.question is None and pair.verdict == "not decided" for pair in counted):
            return None
        questions = tuple(pair.question for pair in counted if pair.question)
        values = next((pair.values for pair in counted if pair.values), None)
        if questions and values and finding.evidence:
            tested.append(QuestionSet(values, questions, finding.evidence.number))
    return ReadingTests(tuple(tested), reading.family) if tested else None
