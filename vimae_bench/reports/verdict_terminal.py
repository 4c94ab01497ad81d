"""A verdict for the terminal. Names are set as text, never as markup."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..claims.claims import ClaimVerdict
from ..claims.paper import Paper
from ..claims.published_tables import PublishedTable, PublishedValue
from ..claims.verdict import PaperVerdict
from .claims_text import (
    RULES,
    explain_verdict,
    format_claimed_region,
    format_measured,
    format_pair,
    format_pair_verdict,
    format_published,
    format_run_path,
    format_source,
    format_table_title,
    format_tally,
    list_further_statements,
    list_remarks,
    list_table_notes,
)
from .leaderboard_terminal import render_footnotes
from .table_format import clean_text

STYLES = {
    "supported": "bold green",
    "contradicted": "bold red",
    "not decided": "bold yellow",
    "not compatible": "red",
    "compatible": "green",
}


def render_verdict(report: PaperVerdict, start: Path) -> Group:
    """The tables, the claims, the rules and the runs, to be printed by a rich console; paths lead from `start`."""
    return Group(*_render_parts(report, start))


def _render_parts(report: PaperVerdict, start: Path) -> Iterator[RenderableType]:
    yield Text(clean_text(format_source(report.paper)), style="bold")
    if report.paper.source.note:
        yield Text(clean_text(report.paper.source.note), style="dim")
    for sheet in report.tables:
        yield Text(f"\n{clean_text(format_table_title(sheet))}", style="bold")
        yield from (_render_published_table(report.paper, sheet), render_footnotes(list(list_table_notes(sheet))))
    for judged in report.claims:
        yield from _render_claim(report.paper, judged)
    yield Text(f"\n{format_tally(report)}.", style="bold")
    yield render_footnotes(RULES)
    for evidence in report.evidence:
        sides = (*evidence.methods.values(), *evidence.controls.values())
        folders = dict.fromkeys(
            format_run_path(result, start).rpartition("/")[0] for side in sides for result in side.values()
        )
        yield Text(clean_text(f"Runs {evidence.number}  {evidence.title}: {', '.join(folders)}"), style="dim")
    if report.notes:
        yield render_footnotes(report.notes)


def _render_published_table(paper: Paper, sheet: PublishedTable) -> Table:
    conditions = sheet.table.conditions or ("",)
    table = Table(header_style="", show_edge=False, show_lines=sheet.evidence is not None)
    table.add_column("method", no_wrap=True)
    for name in conditions:
        table.add_column(Text(clean_text(name or sheet.table.measure)))
    for i in range(0, len(sheet.values), len(conditions)):
        cells = sheet.values[i : i + len(conditions)]
        table.add_row(
            Text(clean_text(paper.get_method_name(cells[0].method))),
            *(_format_cell(cell, alone=sheet.evidence is None) for cell in cells),
        )
    return table


def _format_cell(reading: PublishedValue, *, alone: bool) -> Text:
    if alone:
        return Text(format_published(reading))
    match = (reading.match, STYLES.get(reading.match, "dim"))
    if reading.match == "not measured":
        return Text.assemble(format_published(reading), "\n", match)
    return Text.assemble(format_published(reading), "\n", format_measured(reading), "\n", match)


def _render_claim(paper: Paper, judged: ClaimVerdict) -> Iterator[RenderableType]:
    where = f" ({judged.claim.where})" if judged.claim.where else ""
    why = explain_verdict(judged)
    yield Text.assemble(
        (f"\n{clean_text(judged.claim.id)}  ", "bold"),
        (judged.verdict, STYLES.get(judged.verdict, "bold")),
        f": {clean_text(why)}" if why else "",
        f"\n{clean_text(judged.claim.text + where)}",
    )
    table = Table(box=None, pad_edge=True, show_header=False, padding=(0, 2, 0, 2))
    for finding in judged.findings:
        for pair in finding.comparisons:
            _, measure, a, b, difference, between, _, p, seeds, _ = format_pair(paper, finding, pair)
            sign = "/" if pair.is_ratio else "-"
            table.add_row(
                *(
                    Text(clean_text(text))
                    for text in (measure, f"{a} {sign} {b}", format_claimed_region(pair), difference, between)
                ),
                *(Text(clean_text(text)) for text in (f"p {p}", f"n {seeds}", format_pair_verdict(finding, pair))),
            )
    if table.row_count:
        yield table
    told = [
        f"{finding.measure}: {paper.get_method_name(reading.method)} {format_measured(reading)}"
        for finding in judged.findings
        for reading in finding.values
        if reading.n
    ]
    if said := [
        *(line for finding in judged.findings for line in list_further_statements(judged, finding)),
        *told,
        *list_remarks(paper, judged),
    ]:
        yield render_footnotes(said)
