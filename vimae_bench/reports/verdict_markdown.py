"""A verdict as a page for GitHub: tables with printed and measured figures, then the claims, then the runs."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..claims.claims import ClaimVerdict, Finding
from ..claims.matching import Evidence
from ..claims.paper import Paper
from ..claims.published_tables import PublishedTable, PublishedValue
from ..claims.verdict import PaperVerdict
from .claims_text import (
    HEADS,
    RULES,
    explain_verdict,
    format_measured,
    format_pair,
    format_published,
    format_source,
    format_table_title,
    format_tally,
    list_further_statements,
    list_remarks,
    list_run_links,
    list_table_notes,
)
from .leaderboard_markdown import escape_markdown


def format_verdict(report: PaperVerdict, start: Path) -> str:
    """The whole page. Names are escaped; links to runs lead from the folder `start`."""
    return "\n".join(_format_page(report, start)) + "\n"


def _format_page(report: PaperVerdict, start: Path) -> Iterator[str]:
    yield from (f"# {escape_markdown(format_source(report.paper))}", "", f"**{format_tally(report)}.**", "")
    if report.paper.source.note:
        yield from (escape_markdown(report.paper.source.note), "")
    if report.tables:
        yield from ("## Tables", "", "In each cell: the printed figure, the measured one, whether they agree.", "")
    for sheet in report.tables:
        yield from _format_published_table(report.paper, sheet)
    if report.claims:
        yield from ("## Claims", "")
        yield from _format_table(["claim", "verdict", ""], [_format_summary_row(judged) for judged in report.claims])
    for judged in report.claims:
        yield from _format_claim(report.paper, judged)
    yield from ("## How it was judged", "", *(f"- {escape_markdown(rule)}" for rule in RULES), "")
    yield from ("## Runs", "")
    for evidence in report.evidence:
        yield from _format_runs(report.paper, evidence, start)
    yield from (f"- {escape_markdown(note)}" for note in report.notes)


def _format_published_table(paper: Paper, sheet: PublishedTable) -> Iterator[str]:
    conditions = sheet.table.conditions or ("",)
    rows = [sheet.values[i : i + len(conditions)] for i in range(0, len(sheet.values), len(conditions))]
    yield from (f"### {escape_markdown(format_table_title(sheet))}", "")
    heads = ["method", *(escape_markdown(name or sheet.table.measure) for name in conditions)]
    yield from _format_table(
        heads, [[escape_markdown(paper.get_method_name(cells[0].method)), *map(_format_cell, cells)] for cells in rows]
    )
    yield from (f"- {escape_markdown(note)}" for note in list_table_notes(sheet))
    yield ""


def _format_cell(reading: PublishedValue) -> str:
    if reading.match == "not measured":
        return f"{format_published(reading)} <br> not measured"
    match = f"**{reading.match}**" if reading.match == "not compatible" else reading.match
    return f"{format_published(reading)} <br> {escape_markdown(format_measured(reading))} <br> {match}"


def _format_summary_row(judged: ClaimVerdict) -> list[str]:
    claim = escape_markdown(judged.claim.id)
    scale = "".join(f", {limit}" for limit in judged.limits)
    return [claim, f"**{judged.verdict}**{scale}", escape_markdown(judged.claim.text)]


def _format_claim(paper: Paper, judged: ClaimVerdict) -> Iterator[str]:
    where = f" ({judged.claim.where})" if judged.claim.where else ""
    yield from (
        f"### {escape_markdown(judged.claim.id)}: {judged.verdict}",
        "",
        f"> {escape_markdown(judged.claim.text + where)}",
        "",
    )
    why = explain_verdict(judged)
    yield from (f"**{judged.verdict.capitalize()}**" + (f": {escape_markdown(why)}." if why else "."), "")
    rows = [_format_pair_row(paper, finding, i) for finding in judged.findings for i in range(len(finding.comparisons))]
    if rows:
        yield from _format_table(list(HEADS), rows)
    for finding in judged.findings:
        yield from (
            f"- {escape_markdown(line)}"
            for line in (*list_further_statements(judged, finding), *_list_measured_values(paper, finding))
        )
    yield from (f"- {escape_markdown(line)}" for line in list_remarks(paper, judged))
    yield ""


def _format_pair_row(paper: Paper, finding: Finding, i: int) -> list[str]:
    runs, *rest = format_pair(paper, finding, finding.comparisons[i])
    return [f"[{runs}](#runs-{runs})" if runs else "", *map(escape_markdown, rest)]


def _list_measured_values(paper: Paper, finding: Finding) -> Iterator[str]:
    told = ", ".join(
        f"{paper.get_method_name(reading.method)} {format_measured(reading)}" for reading in finding.values if reading.n
    )
    if told and finding.evidence:
        yield f"Measured in runs {finding.evidence.number}, {finding.measure}: {told}."


def _format_runs(paper: Paper, evidence: Evidence, start: Path) -> Iterator[str]:
    yield from (
        f"### Runs {evidence.number}",
        "",
        f"{escape_markdown(evidence.setup.id)}: {escape_markdown(evidence.title)}.",
        "",
    )
    yield from (f"- {escape_markdown(note)}" for note in evidence.notes)
    for kind, found in list_run_links(evidence, start):
        method, _, rest = kind.partition(",")
        seeds = ", ".join(f"[{seed}](<{path}>)" for seed, path in found)
        yield f"- {escape_markdown(paper.get_method_name(method))}{f',{rest}' if rest else ''}: seeds {seeds}"
    yield ""


def _format_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    yield from (f"| {' | '.join(cells)} |" for cells in rows)
    yield ""
