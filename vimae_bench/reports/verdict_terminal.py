"""A verdict for the terminal. Names are set as text, never as markup."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..claims.claims import Judged
from ..claims.paper import Paper
from ..claims.published_tables import Reading, Sheet
from ..claims.verdict import Report
from .claims_text import (
    RULES,
    below,
    claimed,
    heading,
    link,
    measured,
    printed,
    reason,
    remarks,
    row,
    said_of,
    says,
    tally,
    title,
)
from .leaderboard_terminal import footnotes
from .table_format import plain

STYLES = {
    "supported": "bold green",
    "contradicted": "bold red",
    "not decided": "bold yellow",
    "not compatible": "red",
    "compatible": "green",
}


def render(report: Report, start: Path) -> Group:
    """The tables, the claims, the rules and the runs, to be printed by a rich console; paths lead from `start`."""
    return Group(*_parts(report, start))


def _parts(report: Report, start: Path) -> Iterator[RenderableType]:
    yield Text(plain(title(report.paper)), style="bold")
    if report.paper.source.note:
        yield Text(plain(report.paper.source.note), style="dim")
    for sheet in report.sheets:
        yield Text(f"\n{plain(heading(sheet))}", style="bold")
        yield from (_sheet(report.paper, sheet), footnotes(list(below(sheet))))
    for judged in report.claims:
        yield from _claim(report.paper, judged)
    yield Text(f"\n{tally(report)}.", style="bold")
    yield footnotes(RULES)
    for evidence in report.evidence:
        sides = (*evidence.sides.values(), *evidence.controls.values())
        folders = dict.fromkeys(link(result, start).rpartition("/")[0] for side in sides for result in side.values())
        yield Text(plain(f"Runs {evidence.number}  {evidence.title}: {', '.join(folders)}"), style="dim")
    if report.notes:
        yield footnotes(report.notes)


def _sheet(paper: Paper, sheet: Sheet) -> Table:
    conditions = sheet.table.conditions or ("",)
    table = Table(header_style="", show_edge=False, show_lines=sheet.evidence is not None)
    table.add_column("method", no_wrap=True)
    for name in conditions:
        table.add_column(Text(plain(name or sheet.table.measure)))
    for i in range(0, len(sheet.readings), len(conditions)):
        cells = sheet.readings[i : i + len(conditions)]
        table.add_row(
            Text(plain(paper.name(cells[0].method))), *(_cell(cell, alone=sheet.evidence is None) for cell in cells)
        )
    return table


def _cell(reading: Reading, *, alone: bool) -> Text:
    if alone:
        return Text(printed(reading))
    match = (reading.match, STYLES.get(reading.match, "dim"))
    if reading.match == "not measured":
        return Text.assemble(printed(reading), "\n", match)
    return Text.assemble(printed(reading), "\n", measured(reading), "\n", match)


def _claim(paper: Paper, judged: Judged) -> Iterator[RenderableType]:
    where = f" ({judged.claim.where})" if judged.claim.where else ""
    why = reason(judged)
    yield Text.assemble(
        (f"\n{plain(judged.claim.id)}  ", "bold"),
        (judged.verdict, STYLES.get(judged.verdict, "bold")),
        f": {plain(why)}" if why else "",
        f"\n{plain(judged.claim.text + where)}",
    )
    table = Table(box=None, pad_edge=True, show_header=False, padding=(0, 2, 0, 2))
    for finding in judged.findings:
        for pair in finding.pairs:
            _, measure, a, b, difference, between, _, p, seeds, _ = row(paper, finding, pair)
            sign = "/" if pair.logarithmic else "-"
            table.add_row(
                *(Text(plain(text)) for text in (measure, f"{a} {sign} {b}", claimed(pair), difference, between)),
                *(Text(plain(text)) for text in (f"p {p}", f"n {seeds}", says(finding, pair))),
            )
    if table.row_count:
        yield table
    told = [
        f"{finding.measure}: {paper.name(reading.method)} {measured(reading)}"
        for finding in judged.findings
        for reading in finding.readings
        if reading.n
    ]
    if said := [
        *(line for finding in judged.findings for line in said_of(judged, finding)),
        *told,
        *remarks(paper, judged),
    ]:
        yield footnotes(said)
