"""What all formats of a verdict share: how its values, tested regions and reasons are written."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import exp, isfinite
from numbers import Real
from pathlib import Path
from typing import NamedTuple

from ..analysis.footnotes import MIXED, format_count, note_outdated
from ..analysis.statements import describe_seeds_needed, join_names
from ..analysis.statistics import ALPHA
from ..claims.claims import ClaimVerdict, Finding, ReadingVerdict, SeedForecast
from ..claims.comparisons import ClaimComparison, compare_with_controls, explain_collapse
from ..claims.matching import Evidence, ScaleDifference
from ..claims.paper import ClaimTest, Paper
from ..claims.published_tables import PublishedTable, PublishedValue
from ..claims.verdict import PaperVerdict
from ..core.results import OUTDATED
from ..storage.archive import real_path
from ..storage.store import RunResult
from .table_format import COLLAPSED, UNDEFINED, choose_decimals, format_number, format_unit, join_words

HEADS = (
    *("runs", "measure", "A", "B", "A - B, A / B", "95 % interval", "tested"),
    *("p", "p in the claim", "seeds", "result"),
)
RULES = (
    "Published values are taken to be those of single runs with a single draw of labels, noise or episodes. "
    "Compatible: the 95 % prediction interval for one such run contains the published value up to its rounding. Its "
    "variance is that between seeds, between draws and of the rest, each with that of its estimate. Cannot tell: it "
    "does, but is wider than the published values of that column are apart. No prediction: fewer than three seeds, or "
    "records without values over each draw. ±: half the width of the 95 % interval of the mean.",
    "A claim is supported if all its comparisons support it, each with p < 0.05 and none adjusted, since all of them "
    "must (an intersection-union test). It is contradicted if some comparison contradicts it with p < 0.05, "
    "Holm-adjusted over all comparisons that the claim lists, run or not (p in the claim). Otherwise it is not "
    "decided, and always with fewer than five seeds.",
    "p: two-sided, of the nearest end of the tested region; of two one-sided tests where a region has two ends and the "
    "mean lies in it. Pairs are compared seed by seed, as in the leaderboard, but with the variances of the paper's "
    "methods alone, so that other runs make no claim easier or harder to judge. The leaderboard also adjusts over all "
    "its pairs: it may leave undecided a pair that supports a claim. Values of single methods, and their changes, may "
    "be skewed: their p is the larger of this one and that for exponential values.",
    "The 95 % interval is that of one comparison alone. With published values it is that of the prediction.",
    "Counted apart: comparisons with a method that collapsed or nearly did. They show only that it ignores its data.",
    "Where the paper leaves something open, its readings are alternatives: a claim is supported or contradicted if all "
    "of them are measured and agree. It depends on the reading if those that are measured have different verdicts, and "
    "is not decided if they agree, but others are not measured.",
    "Seeds that would support or contradict a claim: with so many, 80 % of simulated repetitions of the whole "
    "judgement do, if means and variances stay the same.",
)


PARTIAL, PROXY = "*", "≈"
LIMIT_MARKS = {
    PARTIAL: "on part of its experiments or readings",
    COLLAPSED: "without collapsed methods",
    PROXY: "by another measure than the paper's",
    OUTDATED: "by outdated measures",
}
"""What the marks of verdicts in a list mean."""
VERDICTS = ("supported", "contradicted", "depends", "not decided")
"""Verdicts in the order of a list; claims that are not testable are none."""
GENERAL_NOTES = (OUTDATED, MIXED)
"""How notes begin that are on a table of results as a whole, and not on what a published table shows of it."""


def format_source(paper: Paper) -> str:
    """The paper's title and reference."""
    source = paper.source
    return f"{source.title} ({source.reference})" if source.reference else source.title


def format_verdict_word(claim_verdict: ClaimVerdict) -> str:
    """The verdict, such as `supported` or `depends on the estimator`; `not measured` if results alone are missing."""
    if claim_verdict.is_unmeasured:
        return "not measured"
    return f"depends on the {claim_verdict.reading_of}" if claim_verdict.verdict == "depends" else claim_verdict.verdict


def format_badge(claim_verdict: ClaimVerdict) -> str:
    """The verdict with the scale of the runs behind it, such as `contradicted at 1/16 width and 4 epochs`."""
    word = format_verdict_word(claim_verdict)
    scale = describe_scale(claim_verdict.scale_differences)
    return f"{word} at {scale}" if scale and claim_verdict.verdict != "not testable" else word


def list_limits(paper: Paper, claim_verdict: ClaimVerdict) -> list[str]:
    """What a verdict does not include, in a few words to be shown next to it."""
    if claim_verdict.verdict == "not testable":
        return []
    readings, measured = claim_verdict.readings, _list_measured(claim_verdict)
    limits = list[str]()
    if len(measured) < len(readings):
        share = f"under {len(measured)} of {len(readings)} readings of the {claim_verdict.reading_of}"
        names = join_names([reading.label for reading in measured])
        verdicts = {reading.verdict for reading in measured} - {claim_verdict.verdict}
        is_decided = claim_verdict.verdict == "not decided" and len(verdicts) == 1
        limits.append(f"{verdicts.pop()} under {names}, {share.removeprefix('under ')}" if is_decided else share)
    return [*limits, *_list_other_limits(paper, claim_verdict)]


def _list_measured(claim_verdict: ClaimVerdict) -> list[ReadingVerdict]:
    return [reading for reading in claim_verdict.readings if reading.verdict != "not testable"]


def _list_other_limits(paper: Paper, claim_verdict: ClaimVerdict) -> Iterator[str]:
    """What a verdict does not include, apart from readings, which its reason names."""
    if any(reading.missing for reading in _list_measured(claim_verdict)):
        yield "on part of its experiments"
    if apart := claim_verdict.methods_apart:
        yield f"without {join_names([paper.get_method_name(method) for method in apart])} (collapsed)"
    if any(finding.is_outdated and finding.comparisons for finding in claim_verdict.findings):
        yield f"by outdated measures ({OUTDATED})"
    for proxy in claim_verdict.proxies if claim_verdict.verdict != "not testable" else ():
        yield f"by {proxy.by} in place of {proxy.measure}"


def choose_limit_marks(claim_verdict: ClaimVerdict) -> str:
    """Marks of what a verdict does not include, by which a list says it once for all claims; see `LIMIT_MARKS`."""
    if claim_verdict.verdict == "not testable":
        return ""
    measured = _list_measured(claim_verdict)
    is_partial = len(measured) < len(claim_verdict.readings) or any(reading.missing for reading in measured)
    has_outdated = any(finding.is_outdated and finding.comparisons for finding in claim_verdict.findings)
    limits = {
        PARTIAL: is_partial,
        COLLAPSED: bool(claim_verdict.methods_apart),
        PROXY: bool(claim_verdict.proxies),
        OUTDATED: has_outdated,
    }
    return "".join(mark for mark, is_limited in limits.items() if is_limited)


def group_claims(report: PaperVerdict) -> Iterator[tuple[str, str, list[ClaimVerdict]]]:
    """The claims that are tested by verdict, decided ones first, with the verdict and the badge that they share."""
    groups: dict[tuple[str, bool], list[ClaimVerdict]] = {}
    for claim in report.claims:
        groups.setdefault((claim.verdict, bool(claim.scale_differences)), []).append(claim)
    for verdict in VERDICTS:
        for (found, _), claims in groups.items():
            if found == verdict:
                word = join_names(list(dict.fromkeys(map(format_verdict_word, claims))))
                scale = describe_scale(difference for claim in claims for difference in claim.scale_differences)
                yield verdict, f"{word} at {scale}" if scale else word, claims


def describe_scale(differences: Iterable[ScaleDifference]) -> str:
    """In what runs differ from the published ones, in a few words, such as `1/16 width and 2 to 4 epochs`."""
    by_name: dict[str, list[ScaleDifference]] = {}
    for difference in differences:
        by_name.setdefault(difference.name, []).append(difference)
    short = [_shorten_differences(name, found) for name, found in by_name.items()]
    return join_names(short) if short else ""


def _shorten_differences(name: str, found: Sequence[ScaleDifference]) -> str:
    """Such as `2 to 4 epochs` for what is counted, and `1/16 width` for a whole share of the published value."""
    first = found[0]
    if first.published is None:
        return name.partition(" (")[0]
    ours = sorted({float(one.ours) for one in found if isinstance(one.ours, Real)})
    if len(ours) != len({str(one.ours) for one in found}):
        return f"another {name}"
    values = f"{ours[0]:g}" if len(ours) == 1 else f"{ours[0]:g} to {ours[-1]:g}"
    if name.endswith("s"):
        return f"{values} {name}"
    shares = {float(one.published) / float(one.ours) for one in found if one.ours and isinstance(one.published, Real)}
    share = next(iter(shares), 0.0)
    return f"1/{share:g} {name}" if len(shares) == 1 and share > 1 and share.is_integer() else f"{name} {values}"


def format_tally(report: PaperVerdict) -> str:
    """Such as `15 claims: 1 supported, 2 not decided at 1/16 width`: no verdict without the scale of its runs."""
    decided = [f"{len(claims)} {badge}" for _, badge, claims in group_claims(report)]
    counts = Counter(format_verdict_word(claim) for claim in report.claims if claim.verdict == "not testable")
    words = "; ".join([*decided, *(f"{n} {word}" for word, n in counts.items())])
    return f"{format_count(len(report.claims), 'claim')}: {words}"


def explain_no_evidence(report: PaperVerdict) -> Iterator[str]:
    """That no results belong to the paper's experiments, and what its claims are on."""
    names = [setup.id for setup in report.paper.setup]
    yield f"No claim of this paper concerns these results. Its experiments are {join_words(names)}."
    decided = (claim for claim in report.claims if claim.verdict != "not testable")
    if words := [f"{claim.claim.id} {format_verdict_word(claim)}" for claim in decided]:
        yield f"Judged without runs: {', '.join(words)}."


def list_short_notes(report: PaperVerdict) -> Iterator[str]:
    """How published values fare, at what scale, and what the marks in the list of claims mean."""
    counts = Counter(value.match for table in report.tables for value in table.values if value.prediction)
    if counts:
        words = ", ".join(f"{n} {match}" for match, n in counts.items())
        yield f"{format_count(counts.total(), 'published value')}: {words}."
    if any(claim.scale_differences for claim in report.claims):
        yield "A verdict holds at the scale of its runs, which is given where it is not the paper's."
    marks = "".join(map(choose_limit_marks, report.claims))
    meanings = [f"{mark} {meaning}" for mark, meaning in LIMIT_MARKS.items() if mark in marks]
    yield from [f"{'; '.join(meanings)}."] if meanings else []


def list_summary_notes(report: PaperVerdict) -> Iterator[str]:
    """Sentences on the verdict as a whole: at which scale, how published values fare, how many errors to expect."""
    differing = [claim for claim in report.claims if claim.scale_differences and claim.verdict != "not testable"]
    if differing:
        scale = describe_scale(difference for claim in differing for difference in claim.scale_differences)
        yield (
            f"{len(differing)} of these verdicts are on runs at {scale}, not on the published experiments: what they "
            "say holds at that scale."
        )
    yield from _summarize_values(report)
    tested = sum(claim.number_of_tests > 0 for claim in report.claims)
    if tested:
        yield (
            f"{format_count(tested, 'claim')} {'is' if tested == 1 else 'are'} tested on runs. Each is falsely "
            f"supported or contradicted with a probability of at most {100 * ALPHA:g} %, if values are as the tests "
            f"take them to be: up to {tested * ALPHA:.2g} false verdicts are to be expected among them. They are not "
            "adjusted over claims."
        )


def _summarize_values(report: PaperVerdict) -> Iterator[str]:
    """How published values fare; those of models that ignore their data are counted apart too."""
    tables = [table for table in report.tables if any(value.prediction for value in table.values)]
    values = [(table, value) for table in tables for value in table.values if value.prediction]
    if not values:
        return
    scale = describe_scale(d for table in tables if table.evidence for d in table.evidence.scale_differences)
    at = f" at {scale}" if scale else ""
    yield (
        f"{format_count(len(values), 'published value')} compared with the prediction for one run{at}: "
        f"{_count_matches([value for _, value in values])}. If all were right, up to {len(values) * ALPHA:.2g} would "
        "be called not compatible by chance."
    )
    apart = [value for table, value in values if _explain_value_apart(report.paper, table, value)]
    if apart:
        yield (
            f"{len(apart)} of these values are of a method that collapsed here or nearly did: {_count_matches(apart)}. "
            "They show only that it ignores its data."
        )
    for unmeasured in dict.fromkeys(table.unmeasured for table in tables if table.unmeasured):
        some = [(table, value) for table, value in values if table.unmeasured == unmeasured]
        used = join_names(list(dict.fromkeys(table.reading.label for table, _ in some if table.reading)))
        others = join_names([option.label for option in unmeasured])
        yield f"{len(some)} of these values are measured under {used} only, though the paper may mean {others}."


def _count_matches(values: Sequence[PublishedValue]) -> str:
    counts = Counter(value.match for value in values)
    return ", ".join(f"{n} {match}" for match, n in counts.items())


def _explain_value_apart(paper: Paper, table: PublishedTable, value: PublishedValue) -> str:
    """Why a value shows nothing but that its model ignores its data; empty if it does not."""
    evidence = table.evidence
    return explain_collapse(paper, value.method, evidence.rows[evidence.labels[value.method]]) if evidence else ""


def explain_verdict(paper: Paper, claim_verdict: ClaimVerdict) -> str:
    """Why a claim has its verdict, and how many seeds would decide it; empty if there is nothing to add."""
    limits = _list_other_limits(paper, claim_verdict)
    return "; ".join(filter(None, (claim_verdict.reason, _describe_forecast(claim_verdict.forecast), *limits)))


def _describe_forecast(forecast: SeedForecast | None) -> str:
    if forecast is None:
        return ""
    verbs = {"supported": "support", "contradicted": "contradict"}
    return describe_seeds_needed(forecast.seeds, verbs.get(forecast.verdict or "", "decide"))


def list_reading_lines(paper: Paper, claim_verdict: ClaimVerdict) -> Iterator[str]:
    """The verdict under each reading of what the paper leaves open, with its reason."""
    if not claim_verdict.reading_of or claim_verdict.verdict == "not testable":
        return
    for reading in claim_verdict.readings:
        why = "; ".join(filter(None, (reading.reason, _describe_forecast(reading.forecast))))
        word = "not measured" if reading.verdict == "not testable" else f"{reading.verdict}{f' ({why})' if why else ''}"
        yield f"Under {reading.label}: {word}."
    if claim_verdict.verdict == "depends":
        names = [f"{paper.get_method_name(p.a)} against {paper.get_method_name(p.b)}" for p in claim_verdict.reversals]
        shown = f"{'; '.join(names)}" if names else "none"
        yield f"Comparisons that support it under one of these and contradict it under another: {shown}."


def list_further_statements(claim_verdict: ClaimVerdict, finding: Finding) -> list[str]:
    """The sentences of a finding that the claim's reason does not contain."""
    return [line for line in finding.statements if line not in claim_verdict.reason]


def list_measured_values(paper: Paper, finding: Finding) -> Iterator[str]:
    """What was measured for a test that compares nothing."""
    values = ", ".join(
        f"{paper.get_method_name(value.method)} {format_measured(value)}" for value in finding.values if value.n
    )
    if values and finding.evidence:
        yield f"Measured in runs {finding.evidence.number}, {finding.measure_label}: {values}."


def list_remarks(paper: Paper, claim_verdict: ClaimVerdict) -> Iterator[str]:
    """Sentences on a verdict: what was tested, at what scale, and what limits it."""
    yield from list_reading_lines(paper, claim_verdict)
    yield from _describe_tests(paper, claim_verdict)
    yield from _name_measures(claim_verdict)
    for evidence in claim_verdict.evidence:
        if evidence.scale_differences:
            differences = ", ".join(difference.text for difference in evidence.scale_differences)
            yield f"Runs {evidence.number} differ from what was published: {differences}."
        measures = {f.measure for f in claim_verdict.findings if f.evidence == evidence and (f.comparisons or f.values)}
        changes = {f.change_from for f in claim_verdict.findings if f.evidence == evidence and f.change_from}
        for note in note_outdated(_list_results(evidence), measures | changes):
            yield f"Runs {evidence.number}: {note}"
    for proxy in claim_verdict.proxies:
        yield proxy.note or f"{proxy.measure} is not measured; {proxy.by} is used instead, without margins."
    if missing := dict.fromkeys(line for reading in _list_measured(claim_verdict) for line in reading.missing):
        yield f"Not included: {'; '.join(missing)}."
    if claim_verdict.number_of_tests:
        yield from _describe_family(claim_verdict)
        yield from _describe_draws(claim_verdict)
    if apart := claim_verdict.reasons_apart:
        reasons = [f"{reason} on {join_names([*setups])}" for reason, setups in apart.items()]
        yield f"{COLLAPSED} Counted apart: {'; '.join(reasons)}."
    yield from _describe_controls(paper, claim_verdict)
    readings = paper.find_claim_readings(claim_verdict.claim)
    yield from filter(None, (readings.note if readings else "", claim_verdict.claim.note))


def _describe_tests(paper: Paper, claim_verdict: ClaimVerdict) -> Iterator[str]:
    tests = [line for test in claim_verdict.claim.test if (line := describe_test(paper, test))]
    if tests:
        yield f"Tested: {'; '.join(tests)}."
    if claim_verdict.claim.tested:
        yield f"Only this is tested: {claim_verdict.claim.tested}."


def _name_measures(claim_verdict: ClaimVerdict) -> Iterator[str]:
    """What leaderboards and figures call the measures, which a paper's file has by their names."""
    titles = {
        name: finding.evidence.measures[name].title
        for finding in claim_verdict.findings
        if finding.evidence and (finding.comparisons or finding.values)
        for name in (finding.measure, finding.change_from)
        if name in finding.evidence.measures
    }
    if shown := [f"{name} is {title}" for name, title in titles.items() if title.lower() != name.lower()]:
        yield f"In leaderboards, {'; '.join(shown)}."


def describe_test(paper: Paper, test: ClaimTest) -> str:
    """What a test tests, in a sentence; empty for one without runs."""
    if test.kind in ("computed", "untestable"):
        return ""
    setups = f" on {join_names([*test.setups])}" if test.setups else ""
    aside = ", which is reported only" if test.aside else ""
    a, b = (join_names([paper.get_method_name(method) for method in methods]) for methods in (test.a, test.b))
    if test.kind == "published":
        return f"that what Table {test.table} prints of {a} under {test.condition} is compatible{aside}"
    if test.kind == "fails":
        return f"that every run of {a} diverges or collapses{setups}{aside}"
    measures = join_names([_name_open(paper, measure) for measure in test.measures])
    change = f" minus {_name_open(paper, test.change_from)}" if test.change_from else ""
    return f"{measures}{change}, {_describe_comparison(paper, test, a, b)}{setups}{aside}"


def _name_open(paper: Paper, measure: str) -> str:
    """A measure with the name of what the paper leaves open in brackets, such as `[classifier] clean`.

    Readings that differ by a convention only have the same measure.
    """
    for readings in paper.readings:
        measures = {option.measure for option in readings.option}
        open_name = next(iter(measures)) if len(measures) == 1 else f"[{readings.of}]"
        measure = measure.replace(f"{{{readings.id}}}", open_name)
    return measure


def _describe_comparison(paper: Paper, test: ClaimTest, a: str, b: str) -> str:
    if test.kind == "order":
        groups = [join_names([paper.get_method_name(method) for method in group]) for group in test.groups]
        return f"{' below '.join(groups)}"
    if test.kind == "equivalent":
        return f"{a} within ±{test.margin:g} of {b}"
    if test.kind == "ratio" and test.bounds:
        return f"{a} {test.bounds[0]:g} to {test.bounds[1]:g} times {b}"
    way = "below" if test.kind == "less" else "above"
    margin = f" by {test.margin:g} at least" if test.margin else ""
    return f"{a} {way} {b if test.b else f'{test.value:g}'}{margin}"


def _describe_family(claim_verdict: ClaimVerdict) -> Iterator[str]:
    families = dict.fromkeys(reading.family for reading in claim_verdict.readings)
    each = " under each reading" if len(claim_verdict.readings) > 1 else ""
    number = max(families)
    which = (
        f"the {number} comparisons that the claim lists{each}" if number > 1 else f"the claim's only comparison{each}"
    )
    yield f"Family: {which}, run or not."


def _describe_draws(claim_verdict: ClaimVerdict) -> Iterator[str]:
    """Over what uncertainty is, for each measure."""
    covered: dict[int, dict[str, None]] = {}
    for finding in claim_verdict.findings:
        for pair in finding.comparisons:
            if pair.interval:
                covered.setdefault(pair.draws, {})[finding.measure_label] = None
    if draws := {m: names for m, names in covered.items() if m}:
        yield f"Over seeds and draws: {'; '.join(f'{join_names([*names])} ({m} draws)' for m, names in draws.items())}."
    if 0 in covered:
        yield f"Over seeds only: {join_names([*covered[0]])}."


def _describe_controls(paper: Paper, claim_verdict: ClaimVerdict) -> Iterator[str]:
    """How much methods differ from their A/A controls under what is tested."""
    found = list[str]()
    for finding in claim_verdict.findings:
        if finding.evidence is None or finding.test.aside:
            continue
        for control in compare_with_controls(finding.evidence, finding.comparisons):
            is_ratio = any(pair.is_ratio for pair in finding.comparisons)
            ends = [exp(end) if is_ratio else end for end in (control.mean, *control.interval)]
            digits = choose_decimals([(ends[2] - ends[1]) / 2], [ends[0]])
            mean, low, high = (format_number(end, digits) for end in ends)
            name = paper.get_method_name(control.method)
            found.append(f"{finding.measure_label} of {name}, {'ratio ' if is_ratio else ''}{mean} [{low}, {high}]")
    if found:
        yield f"A/A control (a method against itself from other seeds): {'; '.join(dict.fromkeys(found))}."
    elif claim_verdict.number_of_tests:
        yield "No A/A control is measured here."


class PairText(NamedTuple):
    """The cells of a comparison, in the order of `HEADS`."""

    runs: str
    measure: str
    a: str
    b: str
    difference: str
    interval: str
    region: str
    p: str
    adjusted_p: str
    seeds: str
    result: str


def format_pair(paper: Paper, finding: Finding, pair: ClaimComparison) -> PairText:
    """A comparison as text."""
    half = (pair.shown_interval[1] - pair.shown_interval[0]) / 2 if pair.shown_interval else 0.0
    digits = choose_decimals([half] if half else [], [pair.mean or 0.0])
    interval = [format_number(end, digits) for end in pair.shown_interval or ()]
    return PairText(
        str(finding.evidence.number) if finding.evidence else "",
        finding.measure_label or "share of runs that fail",
        paper.get_method_name(pair.a),
        _format_other(paper, pair),
        UNDEFINED if pair.mean is None else f"{format_number(pair.mean, digits)}{' times' * pair.is_ratio}",
        f"[{', '.join(interval)}]" if interval else UNDEFINED,
        format_tested_region(pair),
        format_p_value(pair.p),
        format_p_value(pair.adjusted_p),
        str(len(pair.seeds)),
        format_pair_verdict(finding, pair),
    )


def _format_other(paper: Paper, pair: ClaimComparison) -> str:
    """What a method is compared with: another one, a value, or a published value."""
    if pair.b or pair.is_share:
        return paper.get_method_name(pair.b) if pair.b else UNDEFINED
    return f"{pair.value:g}{' (published)' * pair.is_prediction}"


def format_p_value(p: float | None) -> str:
    """A p-value, or that there is none."""
    return UNDEFINED if p is None else f"{p:.2g}" if p >= 0.001 else "< 0.001"


def format_pair_verdict(finding: Finding, pair: ClaimComparison) -> str:
    """The result of a comparison in words, with the reason why it is undecided."""
    word = "apart" if pair.apart else pair.verdict
    reason = "" if pair.apart else pair.reason
    return f"{word}{f': {reason}' if reason else ''}{' (reported only)' * finding.test.aside}"


def format_tested_region(pair: ClaimComparison) -> str:
    """The tested region of a difference or ratio: `< -20`, `within ±3`, `1.5 to 3 times`."""
    low, high = pair.region
    if pair.is_share:
        return "all"
    if pair.is_bounded:
        return f"{exp(low):.3g} to {exp(high):.3g} times" if pair.is_ratio else f"within ±{high:g}"
    sign, end = (">", low) if isfinite(low) else ("<", high)
    return f"{sign} {exp(end):g} times" if pair.is_ratio else f"{sign} {end + 0.0:g}"


def format_measured(value: PublishedValue) -> str:
    """Such as `91.2 ± 0.4 (n = 10)`, with a dagger if the model ignores its data on some seed."""
    if value.mean is None:
        return UNDEFINED
    half = (value.interval[1] - value.interval[0]) / 2 if value.interval else 0.0
    digits = choose_decimals([half] if half else [], [value.mean])
    spread = f" ± {format_number(half, digits)}" if value.interval else ""
    mark = f" {COLLAPSED}" if value.collapsed else ""
    return f"{format_number(value.mean, digits)}{spread} (n = {value.n}){mark}"


def format_prediction(value: PublishedValue) -> str:
    """The prediction for one run, such as `one run: 90.1 to 92.3`; empty if there is none."""
    if value.prediction is None:
        return ""
    low, high = value.prediction
    digits = choose_decimals([(high - low) / 2], [low])
    return f"one run: {format_number(low, digits)} to {format_number(high, digits)}"


def format_published(value: PublishedValue) -> str:
    """A value as the paper prints it."""
    return UNDEFINED if value.printed is None else f"{value.printed:g}"


def format_table_title(table: PublishedTable) -> str:
    """Such as `Table 3: MNIST, accuracy [%]`, and under which reading."""
    symbol = f" [{format_table_unit(table)}]" if table.table.unit else ""
    reading = f", {table.reading.label}" if table.reading else ""
    title = f": {table.table.title}" if table.table.title else ""
    return f"Table {table.table.id}{title}{reading}{symbol}"


def format_table_names(names: Sequence[str]) -> str:
    """Such as `Tables 1 and 4`."""
    return f"Table{'s' * (len(names) > 1)} {join_words(names)}"


def format_table_unit(table: PublishedTable) -> str:
    """A table's unit, with powers as superscripts."""
    from ..core.results import Measure

    return format_unit(Measure("", table.table.unit, None))


def list_table_heads(table: PublishedTable) -> list[str]:
    """The heading of each column of values: a condition, or the measure."""
    measures = table.table.list_measures(table.reading)
    return [name or measure for name, measure in zip(table.table.conditions or ("",), measures, strict=True)]


def list_table_notes(table: PublishedTable) -> Iterator[str]:
    """The notes on a table: which runs were measured, at what scale, what cannot be compared."""
    evidence, paper_table = table.evidence, table.table
    if evidence is None:
        yield "There are no runs of this experiment, so nothing is measured."
    else:
        differences = ", ".join(difference.text for difference in evidence.scale_differences)
        scale = f" They differ from what was published: {differences}." if differences else ""
        what = "Measured: runs" if any(value.n for value in table.values) else "Not measured in runs"
        yield f"{what} {evidence.number}, {evidence.title}.{scale}"
        yield from (note for note in evidence.notes if not note.startswith(GENERAL_NOTES))
        yield from note_outdated(_list_results(evidence), {value.measure for value in table.values})
    if table.unmeasured:
        yield f"Not measured, though the paper may mean it: {join_names([o.label for o in table.unmeasured])}."
    if any(value.match == "no prediction" and not value.draws for value in table.values):
        yield "± is over seeds only, since records have no values over each draw; they predict no single run."
    if paper_table.only_order:
        yield f"Not comparable: {paper_table.only_order}."
    if paper_table.note:
        yield paper_table.note


def _list_results(evidence: Evidence) -> list[RunResult]:
    return [result for by_seed in evidence.methods.values() for result in by_seed.values()]


def list_run_links(evidence: Evidence, start: Path) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """The folders of the runs by method, or the archives that hold them, as paths from `start`."""
    for kind, methods in (("", evidence.methods), (", A/A control", evidence.controls)):
        for method, by_seed in methods.items():
            yield f"{method}{kind}", [(seed, format_run_link(result, start)) for seed, result in by_seed.items()]


def format_run_path(result: RunResult, start: Path) -> str:
    """A run's folder as a path from `start`, with forward slashes."""
    return Path(os.path.relpath(result.folder, start)).as_posix()


def format_run_link(result: RunResult, start: Path) -> str:
    """The path from `start` of a run's folder, or of the archive that holds it."""
    return Path(os.path.relpath(real_path(result.folder), start)).as_posix()
