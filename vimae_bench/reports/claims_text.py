"""What the formats of a verdict share: how its figures, regions and reasons are spelt."""

import os
from collections.abc import Iterator, Sequence
from math import exp, isfinite
from pathlib import Path

from ..analysis.footnotes import format_count
from ..analysis.statistics import MAX_SEEDS
from ..claims.claims import ClaimVerdict, Finding
from ..claims.matching import Evidence
from ..claims.paired_comparisons import PairedComparison
from ..claims.paper import Paper
from ..claims.published_tables import PublishedTable, PublishedValue
from ..claims.verdict import PaperVerdict
from ..storage.archive import real_path
from ..storage.store import RunResult
from .table_format import COLLAPSED, UNDEFINED, choose_decimals, format_number, format_unit

HEADS = ("runs", "measure", "A", "B", "A - B, A / B", "95 % interval", "claimed", "p", "seeds", "says")
RULES = (
    "Printed figures are taken for single runs. Compatible: the 95 % prediction interval for one further run, "
    "mean ± t · sd · √(1 + 1/n), meets the printed figure and its rounding. ±: half the width of the 95 % interval of "
    "the mean over seeds.",
    "A comparison goes by seeds, which are paired. It supports or contradicts a claim with p < 0.05 (two-sided, "
    "Holm-adjusted over the claim; for equivalence, two one-sided tests), on three seeds in four, by more than the A/A "
    "spread where one is measured, and never below five seeds. A claim is supported where all comparisons agree, and "
    "contradicted where one says otherwise.",
    "Seeds that would decide: with 80 % power, if the mean difference and its spread over seeds stay as they are.",
)


def format_source(paper: Paper) -> str:
    """The paper and where it is to be found."""
    source = paper.source
    return f"{source.title} ({source.reference})" if source.reference else source.title


def format_tally(report: PaperVerdict) -> str:
    """Such as `15 claims: 1 supported, 2 not decided`."""
    verdicts = [judged.verdict for judged in report.claims]
    counts = (f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    return f"{len(verdicts)} claim{'s' * (len(verdicts) != 1)}: {', '.join(counts)}"


def explain_verdict(judged: ClaimVerdict) -> str:
    """Why a claim has its verdict, and how many seeds would decide it; empty where there is nothing to add."""
    wanted = f"{_format_seed_estimate(judged.seeds_needed)} would decide it" if judged.seeds_needed else ""
    return "; ".join(filter(None, (judged.reason, wanted, *judged.limits)))


def list_further_statements(judged: ClaimVerdict, finding: Finding) -> list[str]:
    """The sentences of a finding that its claim's reason has not said yet."""
    return [line for line in finding.statements if line not in judged.reason]


def _format_seed_estimate(n: int) -> str:
    return f"more than {MAX_SEEDS:,} seeds" if n > MAX_SEEDS else f"about {n} seeds"


def list_remarks(paper: Paper, judged: ClaimVerdict) -> Iterator[str]:
    """What belongs beside a verdict: at what scale it was reached, what it does not rest on, how it is meant."""
    for evidence in list_evidence(judged.findings):
        if evidence.scale_differences:
            yield f"Runs {evidence.number} differ from what was published: {', '.join(evidence.scale_differences)}."
    for stand_in in {f.proxy.by: f.proxy for f in judged.findings if f.proxy}.values():
        yield stand_in.note or f"{stand_in.measure} is not measured; {stand_in.by} stands in for it, without margins."
    if judged.missing and judged.verdict != "not testable":
        yield f"It does not rest on {'; '.join(judged.missing)}."
    if tests := list(dict.fromkeys(_list_tests(judged))):
        yield f"Test: {'; '.join(tests)}. Holm-adjusted over {format_count(judged.number_of_tests, 'comparison')}."
    yield from _describe_collapses(paper, judged)
    if spreads := list(dict.fromkeys(_format_spreads(judged))):
        yield f"A/A spread (the same method from other seeds): {', '.join(spreads)}."
    elif any(pair.p is not None for finding in judged.findings for pair in finding.comparisons):
        yield "No A/A control is measured here."
    if judged.claim.note:
        yield judged.claim.note


def _describe_collapses(paper: Paper, judged: ClaimVerdict) -> Iterator[str]:
    """Which of the methods compared ignore their data, in which runs."""
    for finding in {f.evidence.number: f for f in judged.findings if f.evidence and f.comparisons}.values():
        evidence = finding.evidence
        for method, side in evidence.methods.items() if evidence else ():
            seeds = [str(seed) for seed, result in side.items() if result.collapsed]
            if seeds and any(
                method in (p.a, p.b) for f in judged.findings if f.evidence == evidence for p in f.comparisons
            ):
                runs = evidence.number if evidence else ""
                yield (
                    f"{COLLAPSED} {paper.get_method_name(method)} ignores its data in runs {runs} "
                    f"(collapsed on seeds {', '.join(seeds)}): a comparison with it shows no more than that."
                )


def _format_spreads(judged: ClaimVerdict) -> Iterator[str]:
    for finding in judged.findings:
        for pair in finding.comparisons:
            if pair.aa_spread is not None and finding.evidence:
                size = f"a factor of {exp(pair.aa_spread):.4g}" if pair.is_ratio else f"{pair.aa_spread:.2g}"
                yield f"{finding.measure} {size} (runs {finding.evidence.number})"


def _list_tests(judged: ClaimVerdict) -> Iterator[str]:
    for finding in judged.findings:
        for pair in finding.comparisons:
            if pair.test:
                yield f"{pair.test} over {len(pair.seeds)} seeds"


def list_evidence(findings: Sequence[Finding]) -> list[Evidence]:
    """The tables of runs that findings rest on, each once."""
    return list({f.evidence.number: f.evidence for f in findings if f.evidence}.values())


def format_pair(paper: Paper, finding: Finding, pair: PairedComparison) -> tuple[str, ...]:
    """A comparison under `HEADS`."""
    half = (pair.shown_interval[1] - pair.shown_interval[0]) / 2 if pair.shown_interval else 0.0
    digits = choose_decimals([half] if half else [], [pair.mean or 0.0])
    return (
        str(finding.evidence.number) if finding.evidence else "",
        finding.measure,
        paper.get_method_name(pair.a),
        finding.test.against or (paper.get_method_name(pair.b) if pair.b else f"{finding.test.value:g}"),
        UNDEFINED if pair.mean is None else format_number(pair.mean, digits),
        f"[{format_number(pair.shown_interval[0], digits)}, {format_number(pair.shown_interval[1], digits)}]"
        if pair.shown_interval
        else UNDEFINED,
        format_claimed_region(pair),
        UNDEFINED if pair.p is None else f"{pair.p:.2g}" if pair.p >= 0.001 else "< 0.001",
        str(len(pair.seeds)),
        format_pair_verdict(finding, pair),
    )


def format_pair_verdict(finding: Finding, pair: PairedComparison) -> str:
    """A comparison's verdict in words, with what keeps it from one."""
    aside = " (aside)" if finding.test.aside else ""
    wanted = f"; {_format_seed_estimate(pair.seeds_needed)} would decide" if pair.seeds_needed else ""
    return f"{pair.verdict}{f': {pair.reason}' if pair.reason else ''}{wanted}{aside}"


def format_claimed_region(pair: PairedComparison) -> str:
    """The region of a pair: `< -20`, `within ±3`, `1.5 to 3 times`."""
    low, high = pair.region
    if pair.is_ratio:
        return f"{exp(low):.3g} to {exp(high):.3g} times"
    if pair.is_bounded:
        return f"within ±{high:g}"
    return f"> {low + 0.0:g}" if isfinite(low) else f"< {high + 0.0:g}"


def format_measured(reading: PublishedValue) -> str:
    """Such as `91.2 ± 0.4 (n = 10)`, with a dagger where the model ignores its data on some seed."""
    if reading.mean is None:
        return UNDEFINED
    half = (reading.interval[1] - reading.interval[0]) / 2 if reading.interval else 0.0
    digits = choose_decimals([half] if half else [], [reading.mean])
    spread = f" ± {format_number(half, digits)}" if reading.interval else ""
    mark = f" {COLLAPSED}" if reading.collapsed else ""
    return f"{format_number(reading.mean, digits)}{spread} (n = {reading.n}){mark}"


def format_published(reading: PublishedValue) -> str:
    """A figure as the paper has it."""
    return UNDEFINED if reading.printed is None else f"{reading.printed:g}"


def format_table_title(sheet: PublishedTable) -> str:
    """Such as `Table 3: MNIST, accuracy [%]`."""
    symbol = f" [{format_table_unit(sheet)}]" if sheet.table.unit else ""
    return f"Table {sheet.table.id}: {sheet.table.title}{symbol}" if sheet.table.title else f"Table {sheet.table.id}"


def format_table_unit(sheet: PublishedTable) -> str:
    """A table's unit, with powers set as such."""
    from ..core.results import Measure

    return format_unit(Measure("", sheet.table.unit, None))


def list_table_notes(sheet: PublishedTable) -> Iterator[str]:
    """The sentences that belong to a table: which runs, at what scale, what cannot be compared."""
    evidence, table = sheet.evidence, sheet.table
    if evidence is None:
        yield "No runs of this experiment: nothing is measured."
    else:
        scale = (
            f" They differ from what was published: {', '.join(evidence.scale_differences)}."
            if evidence.scale_differences
            else ""
        )
        yield f"Measured: runs {evidence.number}, {evidence.title}.{scale}"
        yield from evidence.notes
    if table.only_order:
        yield f"Not comparable: {table.only_order}."
    if table.note:
        yield table.note


def list_run_links(evidence: Evidence, start: Path) -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """The folders of the runs by method, or the archives that hold them, as paths from `start`."""
    for kind, sides in (("", evidence.methods), (", A/A control", evidence.controls)):
        for method, side in sides.items():
            yield f"{method}{kind}", [(seed, format_run_link(result, start)) for seed, result in side.items()]


def format_run_path(result: RunResult, start: Path) -> str:
    """A run's folder as a path from `start`, with forward slashes."""
    return Path(os.path.relpath(result.folder, start)).as_posix()


def format_run_link(result: RunResult, start: Path) -> str:
    """The path from `start` of a run's folder, or of the archive that holds it."""
    return Path(os.path.relpath(real_path(result.folder), start)).as_posix()
