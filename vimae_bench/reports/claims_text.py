"""What all formats of a verdict share: how its values, claimed regions and reasons are written."""

import os
from collections.abc import Iterator, Sequence
from math import exp, isfinite
from pathlib import Path

from ..analysis.footnotes import format_count
from ..analysis.legacy_statistics import MAX_SEEDS
from ..claims.claims import ClaimVerdict, Finding
from ..claims.matching import Evidence
from ..claims.paired_comparisons import PairedComparison
from ..claims.paper import Paper
from ..claims.published_tables import PublishedTable, PublishedValue
from ..claims.verdict import PaperVerdict
from ..storage.archive import real_path
from ..storage.store import RunResult
from .table_format import COLLAPSED, UNDEFINED, choose_decimals, format_number, format_unit

HEADS = ("runs", "measure", "A", "B", "A - B, A / B", "95 % interval", "claimed", "p", "seeds", "verdict")
RULES = (
    "Published values are taken to be those of single runs. Compatible: the 95 % prediction interval for one further "
    "run, mean ± t · sd · √(1 + 1/n), contains the published value up to its rounding. ±: half the width of the 95 % "
    "interval of the mean over seeds.",
    "Comparisons are paired by seed. One supports or contradicts a claim if p < 0.05 (two-sided, Holm-adjusted over "
    "the claim; for equivalence, two one-sided tests), on three seeds out of four, by more than the A/A spread if it "
    "is measured, and never with fewer than five seeds. A claim is supported if all comparisons support it, and "
    "contradicted if one contradicts it.",
    "Seeds that would decide: for a power of 80 %, if the mean difference and its spread over seeds stay the same.",
)


def format_source(paper: Paper) -> str:
    """The paper's title and reference."""
    source = paper.source
    return f"{source.title} ({source.reference})" if source.reference else source.title


def format_tally(report: PaperVerdict) -> str:
    """Such as `15 claims: 1 supported, 2 not decided`."""
    verdicts = [claim_verdict.verdict for claim_verdict in report.claims]
    counts = (f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    return f"{len(verdicts)} claim{'s' * (len(verdicts) != 1)}: {', '.join(counts)}"


def explain_verdict(claim_verdict: ClaimVerdict) -> str:
    """Why a claim has its verdict, and how many seeds would decide it; empty if there is nothing to add."""
    seeds_needed = (
        f"{_format_seed_estimate(claim_verdict.seeds_needed)} would decide it" if claim_verdict.seeds_needed else ""
    )
    return "; ".join(filter(None, (claim_verdict.reason, seeds_needed, *claim_verdict.limits)))


def list_further_statements(claim_verdict: ClaimVerdict, finding: Finding) -> list[str]:
    """The sentences of a finding that the claim's reason does not contain."""
    return [line for line in finding.statements if line not in claim_verdict.reason]


def list_remarks(paper: Paper, claim_verdict: ClaimVerdict) -> Iterator[str]:
    """Sentences on a verdict: at what scale it was reached, what it does not include, which tests were used."""
    for evidence in list_evidence(claim_verdict.findings):
        if evidence.scale_differences:
            yield f"Runs {evidence.number} differ from what was published: {', '.join(evidence.scale_differences)}."
    for proxy in {f.proxy.by: f.proxy for f in claim_verdict.findings if f.proxy}.values():
        yield proxy.note or f"{proxy.measure} is not measured; {proxy.by} is used instead, without margins."
    if claim_verdict.missing and claim_verdict.verdict != "not testable":
        yield f"Not included: {'; '.join(claim_verdict.missing)}."
    if tests := list(dict.fromkeys(_list_tests(claim_verdict))):
        comparisons = format_count(claim_verdict.number_of_tests, "comparison")
        yield f"Test: {'; '.join(tests)}. Holm-adjusted over {comparisons}."
    yield from _describe_collapses(paper, claim_verdict)
    if spreads := list(dict.fromkeys(_format_spreads(claim_verdict))):
        yield f"A/A spread (the same method from other seeds): {', '.join(spreads)}."
    elif any(pair.p is not None for finding in claim_verdict.findings for pair in finding.comparisons):
        yield "No A/A control is measured here."
    if claim_verdict.claim.note:
        yield claim_verdict.claim.note


def _describe_collapses(paper: Paper, claim_verdict: ClaimVerdict) -> Iterator[str]:
    """Which of the methods compared ignore their data, in which runs."""
    for finding in {f.evidence.number: f for f in claim_verdict.findings if f.evidence and f.comparisons}.values():
        evidence = finding.evidence
        for method, by_seed in evidence.methods.items() if evidence else ():
            seeds = [str(seed) for seed, result in by_seed.items() if result.collapsed]
            if seeds and any(
                method in (p.a, p.b) for f in claim_verdict.findings if f.evidence == evidence for p in f.comparisons
            ):
                runs = evidence.number if evidence else ""
                yield (
                    f"{COLLAPSED} {paper.get_method_name(method)} ignores its data in runs {runs} "
                    f"(collapsed on seeds {', '.join(seeds)}): a comparison with it shows nothing else."
                )


def _format_spreads(claim_verdict: ClaimVerdict) -> Iterator[str]:
    for finding in claim_verdict.findings:
        for pair in finding.comparisons:
            if pair.aa_spread is not None and finding.evidence:
                size = f"a factor of {exp(pair.aa_spread):.4g}" if pair.is_ratio else f"{pair.aa_spread:.2g}"
                yield f"{finding.measure} {size} (runs {finding.evidence.number})"


def _list_tests(claim_verdict: ClaimVerdict) -> Iterator[str]:
    for finding in claim_verdict.findings:
        for pair in finding.comparisons:
            if pair.test:
                yield f"{pair.test} over {len(pair.seeds)} seeds"


def list_evidence(findings: Sequence[Finding]) -> list[Evidence]:
    """The tables of runs that findings are based on, each once."""
    return list({f.evidence.number: f.evidence for f in findings if f.evidence}.values())


def format_pair(paper: Paper, finding: Finding, pair: PairedComparison) -> tuple[str, ...]:
    """The cells of a comparison, in the order of `HEADS`."""
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
    """A comparison's verdict in words, with the reason why it is undecided."""
    not_decisive = " (not decisive)" if finding.test.aside else ""
    seeds_needed = f"; {_format_seed_estimate(pair.seeds_needed)} would decide" if pair.seeds_needed else ""
    return f"{pair.verdict}{f': {pair.reason}' if pair.reason else ''}{seeds_needed}{not_decisive}"


def format_claimed_region(pair: PairedComparison) -> str:
    """The claimed region of a difference or ratio: `< -20`, `within ±3`, `1.5 to 3 times`."""
    low, high = pair.region
    if pair.is_ratio:
        return f"{exp(low):.3g} to {exp(high):.3g} times"
    if pair.is_bounded:
        return f"within ±{high:g}"
    return f"> {low + 0.0:g}" if isfinite(low) else f"< {high + 0.0:g}"


def format_measured(value: PublishedValue) -> str:
    """Such as `91.2 ± 0.4 (n = 10)`, with a dagger if the model ignores its data on some seed."""
    if value.mean is None:
        return UNDEFINED
    half = (value.interval[1] - value.interval[0]) / 2 if value.interval else 0.0
    digits = choose_decimals([half] if half else [], [value.mean])
    spread = f" ± {format_number(half, digits)}" if value.interval else ""
    mark = f" {COLLAPSED}" if value.collapsed else ""
    return f"{format_number(value.mean, digits)}{spread} (n = {value.n}){mark}"


def format_published(value: PublishedValue) -> str:
    """A value as the paper prints it."""
    return UNDEFINED if value.printed is None else f"{value.printed:g}"


def format_table_title(table: PublishedTable) -> str:
    """Such as `Table 3: MNIST, accuracy [%]`."""
    symbol = f" [{format_table_unit(table)}]" if table.table.unit else ""
    return f"Table {table.table.id}: {table.table.title}{symbol}" if table.table.title else f"Table {table.table.id}"


def format_table_unit(table: PublishedTable) -> str:
    """A table's unit, with powers as superscripts."""
    from ..core.results import Measure

    return format_unit(Measure("", table.table.unit, None))


def list_table_notes(table: PublishedTable) -> Iterator[str]:
    """The notes on a table: which runs were measured, at what scale, what cannot be compared."""
    evidence, paper_table = table.evidence, table.table
    if evidence is None:
        yield "There are no runs of this experiment, so nothing is measured."
    else:
        scale = (
            f" They differ from what was published: {', '.join(evidence.scale_differences)}."
            if evidence.scale_differences
            else ""
        )
        yield f"Measured: runs {evidence.number}, {evidence.title}.{scale}"
        yield from evidence.notes
    if paper_table.only_order:
        yield f"Not comparable: {paper_table.only_order}."
    if paper_table.note:
        yield paper_table.note


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


def _format_seed_estimate(n: int) -> str:
    return f"more than {MAX_SEEDS:,} seeds" if n > MAX_SEEDS else f"about {n} seeds"
