"""A verdict in GitHub's Markdown: tables with published and measured values, then the claims, then the runs."""

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
    format_badge,
    format_measured,
    format_pair,
    format_prediction,
    format_published,
    format_source,
    format_table_title,
    format_tally,
    list_further_statements,
    list_limits,
    list_measured_values,
    list_remarks,
    list_run_links,
    list_summary_notes,
    list_table_heads,
    list_table_notes,
)
from .leaderboard_markdown import escape_markdown


def format_verdict(verdict: PaperVerdict, start: Path) -> str:
    """The page. Names are escaped; links to runs are relative to the folder `start`."""
    return "\n".join(_format_page(verdict, start)) + "\n"


def _format_page(verdict: PaperVerdict, start: Path) -> Iterator[str]:
    yield from (f"# {escape_markdown(format_source(verdict.paper))}", "", f"**{format_tally(verdict)}.**", "")
    yield from (
        f"- {escape_markdown(note)}" for note in (*list_summary_notes(verdict), verdict.paper.source.note) if note
    )
    yield ""
    if verdict.tables:
        yield from (
            "## Tables",
            "",
            "Each cell shows the published value, the measured mean, the prediction for one run, and whether they are "
            "compatible.",
            "",
        )
    for table in verdict.tables:
        yield from _format_published_table(verdict.paper, table)
    if verdict.claims:
        yield from ("## Claims", "")
        yield from _format_table(
            ["claim", "verdict", ""],
            [_format_summary_row(verdict.paper, claim_verdict) for claim_verdict in verdict.claims],
        )
    for claim_verdict in verdict.claims:
        yield from _format_claim(verdict.paper, claim_verdict)
    yield from ("## How verdicts are reached", "", *(f"- {escape_markdown(rule)}" for rule in RULES), "")
    yield from ("## Runs", "")
    for evidence in verdict.evidence:
        yield from _format_runs(verdict.paper, evidence, start)
    yield from (f"- {escape_markdown(note)}" for note in verdict.notes)


def _format_published_table(paper: Paper, table: PublishedTable) -> Iterator[str]:
    conditions = table.table.conditions or ("",)
    rows = [table.values[i : i + len(conditions)] for i in range(0, len(table.values), len(conditions))]
    yield from (f"### {escape_markdown(format_table_title(table))}", "")
    heads = ["method", *map(escape_markdown, list_table_heads(table))]
    yield from _format_table(
        heads, [[escape_markdown(paper.get_method_name(cells[0].method)), *map(_format_cell, cells)] for cells in rows]
    )
    yield from (f"- {escape_markdown(note)}" for note in list_table_notes(table))
    yield ""


def _format_cell(value: PublishedValue) -> str:
    if value.match == "not measured":
        return f"{format_published(value)} <br> not measured"
    match = f"**{value.match}**" if value.match == "not compatible" else value.match
    shown = filter(None, (format_measured(value), format_prediction(value)))
    return " <br> ".join((format_published(value), *map(escape_markdown, shown), match))


def _format_summary_row(paper: Paper, claim_verdict: ClaimVerdict) -> list[str]:
    claim = escape_markdown(claim_verdict.claim.id)
    limits = "".join(f", {escape_markdown(limit)}" for limit in list_limits(paper, claim_verdict))
    return [
        claim,
        f"**{escape_markdown(format_badge(claim_verdict))}**{limits}",
        escape_markdown(claim_verdict.claim.text),
    ]


def _format_claim(paper: Paper, claim_verdict: ClaimVerdict) -> Iterator[str]:
    where = f" ({claim_verdict.claim.where})" if claim_verdict.claim.where else ""
    yield from (
        f"### {escape_markdown(claim_verdict.claim.id)}: {escape_markdown(format_badge(claim_verdict))}",
        "",
        f"> {escape_markdown(claim_verdict.claim.text + where)}",
        "",
    )
    why = explain_verdict(paper, claim_verdict)
    badge = format_badge(claim_verdict)
    yield from (
        f"**{escape_markdown(badge[0].upper() + badge[1:])}**" + (f": {escape_markdown(why)}." if why else "."),
        "",
    )
    rows = [
        _format_pair_row(paper, finding, i)
        for finding in claim_verdict.findings
        for i in range(len(finding.comparisons))
    ]
    if rows:
        yield from _format_table(list(HEADS), rows)
    for finding in claim_verdict.findings:
        yield from (
            f"- {escape_markdown(line)}"
            for line in (*list_further_statements(claim_verdict, finding), *list_measured_values(paper, finding))
        )
    yield from (f"- {escape_markdown(line)}" for line in list_remarks(paper, claim_verdict))
    yield ""


def _format_pair_row(paper: Paper, finding: Finding, i: int) -> list[str]:
    runs, *rest = format_pair(paper, finding, finding.comparisons[i])
    return [f"[{runs}](#runs-{runs})" if runs else "", *map(escape_markdown, rest)]


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
        seeds = _format_seed_links(found)
        yield f"- {escape_markdown(paper.get_method_name(method))}{f',{rest}' if rest else ''}: seeds {seeds}"
    yield ""


def _format_seed_links(links: Sequence[tuple[int, str]]) -> str:
    """Each seed with a link to its run's folder, or all with one to the archive that holds them."""
    paths = {path for _, path in links}
    if len(paths) < len(links):
        return ", ".join(str(seed) for seed, _ in links) + f" in {', '.join(f'[{Path(p).name}](<{p}>)' for p in paths)}"
    return ", ".join(f"[{seed}](<{path}>)" for seed, path in links)


def _format_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    yield from (f"| {' | '.join(cells)} |" for cells in rows)
    yield ""
