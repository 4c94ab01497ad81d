"""A verdict as a page for GitHub: tables with printed and measured figures, then the claims, then the runs."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..claims.claims import Finding, Judged
from ..claims.matching import Evidence
from ..claims.paper import Paper
from ..claims.published_tables import Reading, Sheet
from ..claims.verdict import Report
from .claims_text import (
    HEADS,
    RULES,
    below,
    heading,
    links,
    measured,
    printed,
    reason,
    remarks,
    row,
    said_of,
    tally,
    title,
)
from .leaderboard_markdown import escape


def render(report: Report, start: Path) -> str:
    """The whole page. Names are escaped; links to runs lead from the folder `start`."""
    return "\n".join(_page(report, start)) + "\n"


def _page(report: Report, start: Path) -> Iterator[str]:
    yield from (f"# {escape(title(report.paper))}", "", f"**{tally(report)}.**", "")
    if report.paper.source.note:
        yield from (escape(report.paper.source.note), "")
    if report.sheets:
        yield from ("## Tables", "", "In each cell: the printed figure, the measured one, whether they agree.", "")
    for sheet in report.sheets:
        yield from _sheet(report.paper, sheet)
    if report.claims:
        yield from ("## Claims", "")
        yield from _table(["claim", "verdict", ""], [_summary(judged) for judged in report.claims])
    for judged in report.claims:
        yield from _claim(report.paper, judged)
    yield from ("## How it was judged", "", *(f"- {escape(rule)}" for rule in RULES), "")
    yield from ("## Runs", "")
    for evidence in report.evidence:
        yield from _runs(report.paper, evidence, start)
    yield from (f"- {escape(note)}" for note in report.notes)


def _sheet(paper: Paper, sheet: Sheet) -> Iterator[str]:
    conditions = sheet.table.conditions or ("",)
    rows = [sheet.readings[i : i + len(conditions)] for i in range(0, len(sheet.readings), len(conditions))]
    yield from (f"### {escape(heading(sheet))}", "")
    heads = ["method", *(escape(name or sheet.table.measure) for name in conditions)]
    yield from _table(heads, [[escape(paper.name(cells[0].method)), *map(_cell, cells)] for cells in rows])
    yield from (f"- {escape(note)}" for note in below(sheet))
    yield ""


def _cell(reading: Reading) -> str:
    if reading.match == "not measured":
        return f"{printed(reading)} <br> not measured"
    match = f"**{reading.match}**" if reading.match == "not compatible" else reading.match
    return f"{printed(reading)} <br> {escape(measured(reading))} <br> {match}"


def _summary(judged: Judged) -> list[str]:
    claim = escape(judged.claim.id)
    scale = "".join(f", {limit}" for limit in judged.limits)
    return [claim, f"**{judged.verdict}**{scale}", escape(judged.claim.text)]


def _claim(paper: Paper, judged: Judged) -> Iterator[str]:
    where = f" ({judged.claim.where})" if judged.claim.where else ""
    yield from (f"### {escape(judged.claim.id)}: {judged.verdict}", "", f"> {escape(judged.claim.text + where)}", "")
    why = reason(judged)
    yield from (f"**{judged.verdict.capitalize()}**" + (f": {escape(why)}." if why else "."), "")
    rows = [_row(paper, finding, i) for finding in judged.findings for i in range(len(finding.pairs))]
    if rows:
        yield from _table(list(HEADS), rows)
    for finding in judged.findings:
        yield from (f"- {escape(line)}" for line in (*said_of(judged, finding), *_told(paper, finding)))
    yield from (f"- {escape(line)}" for line in remarks(paper, judged))
    yield ""


def _row(paper: Paper, finding: Finding, i: int) -> list[str]:
    runs, *rest = row(paper, finding, finding.pairs[i])
    return [f"[{runs}](#runs-{runs})" if runs else "", *map(escape, rest)]


def _told(paper: Paper, finding: Finding) -> Iterator[str]:
    told = ", ".join(f"{paper.name(reading.method)} {measured(reading)}" for reading in finding.readings if reading.n)
    if told and finding.evidence:
        yield f"Measured in runs {finding.evidence.number}, {finding.measure}: {told}."


def _runs(paper: Paper, evidence: Evidence, start: Path) -> Iterator[str]:
    yield from (f"### Runs {evidence.number}", "", f"{escape(evidence.setup.id)}: {escape(evidence.title)}.", "")
    yield from (f"- {escape(note)}" for note in evidence.notes)
    for kind, found in links(evidence, start):
        method, _, rest = kind.partition(",")
        seeds = ", ".join(f"[{seed}](<{path}>)" for seed, path in found)
        yield f"- {escape(paper.name(method))}{f',{rest}' if rest else ''}: seeds {seeds}"
    yield ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    yield from (f"| {' | '.join(cells)} |" for cells in rows)
    yield ""
