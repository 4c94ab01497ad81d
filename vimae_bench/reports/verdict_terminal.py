"""A verdict for the terminal. Names are printed as text, never as markup."""

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
    format_badge,
    format_measured,
    format_pair,
    format_prediction,
    format_published,
    format_run_path,
    format_source,
    format_table_title,
    format_tally,
    list_further_statements,
    list_measured_values,
    list_remarks,
    list_summary_notes,
    list_table_heads,
    list_table_notes,
)
from .leaderboard_terminal import render_footnotes
from .table_format import clean_text

STYLES = {
    "supported": "bold green",
    "contradicted": "bold red",
    "not decided": "bold yellow",
    "depends": "bold yellow",
    "cannot tell": "yellow",
    "not compatible": "red",
    "compatible": "green",
}


def render_verdict(verdict: PaperVerdict, start: Path) -> Group:
    """The tables, claims, rules and runs, to be printed by a rich console; paths are relative to `start`."""
    return Group(*_render_parts(verdict, start))


def _render_parts(verdict: PaperVerdict, start: Path) -> Iterator[RenderableType]:
    yield Text(clean_text(format_source(verdict.paper)), style="bold")
    if verdict.paper.source.note:
        yield Text(clean_text(verdict.paper.source.note), style="dim")
    for published in verdict.tables:
        yield Text(f"\n{clean_text(format_table_title(published))}", style="bold")
        yield from (
            _render_published_table(verdict.paper, published),
            render_footnotes(list(list_table_notes(published))),
        )
    for claim_verdict in verdict.claims:
        yield from _render_claim(verdict.paper, claim_verdict)
    yield Text(f"\n{format_tally(verdict)}.", style="bold")
    yield render_footnotes([*list_summary_notes(verdict), *RULES])
    for evidence in verdict.evidence:
        methods = (*evidence.methods.values(), *evidence.controls.values())
        folders = dict.fromkeys(
            format_run_path(result, start).rpartition("/")[0] for by_seed in methods for result in by_seed.values()
        )
        yield Text(clean_text(f"Runs {evidence.number}  {evidence.title}: {', '.join(folders)}"), style="dim")
    if verdict.notes:
        yield render_footnotes(verdict.notes)


def _render_published_table(paper: Paper, published: PublishedTable) -> Table:
    conditions = published.table.conditions or ("",)
    table = Table(header_style="", show_edge=False, show_lines=published.evidence is not None)
    table.add_column("method", no_wrap=True)
    for head in list_table_heads(published):
        table.add_column(Text(clean_text(head)))
    for i in range(0, len(published.values), len(conditions)):
        cells = published.values[i : i + len(conditions)]
        table.add_row(
            Text(clean_text(paper.get_method_name(cells[0].method))),
            *(_format_cell(cell, is_published_only=published.evidence is None) for cell in cells),
        )
    return table


def _format_cell(value: PublishedValue, *, is_published_only: bool) -> Text:
    if is_published_only:
        return Text(format_published(value))
    match = (value.match, STYLES.get(value.match, "dim"))
    if value.match == "not measured":
        return Text.assemble(format_published(value), "\n", match)
    lines = [line for line in (format_measured(value), format_prediction(value)) if line]
    return Text.assemble(format_published(value), *(f"\n{line}" for line in lines), "\n", match)


def _render_claim(paper: Paper, claim_verdict: ClaimVerdict) -> Iterator[RenderableType]:
    where = f" ({claim_verdict.claim.where})" if claim_verdict.claim.where else ""
    why = explain_verdict(paper, claim_verdict)
    yield Text.assemble(
        (f"\n{clean_text(claim_verdict.claim.id)}  ", "bold"),
        (clean_text(format_badge(claim_verdict)), STYLES.get(claim_verdict.verdict, "bold")),
        f": {clean_text(why)}" if why else "",
        f"\n{clean_text(claim_verdict.claim.text + where)}",
    )
    table = Table(box=None, pad_edge=True, show_header=False, padding=(0, 2, 0, 2))
    for finding in claim_verdict.findings:
        for pair in finding.comparisons:
            runs, measure, a, b, difference, between, region, p, adjusted, seeds, result = format_pair(
                paper, finding, pair
            )
            sign = "/" if pair.is_ratio else "-"
            in_claim = f" ({adjusted} in the claim)" if pair.adjusted_p is not None else ""
            cells = (
                runs,
                measure,
                f"{a} {sign} {b}",
                region,
                difference,
                between,
                f"p {p}{in_claim}",
                f"n {seeds}",
                result,
            )
            table.add_row(*(Text(clean_text(text)) for text in cells))
    if table.row_count:
        yield table
    values = [line for finding in claim_verdict.findings for line in list_measured_values(paper, finding)]
    if footnotes := [
        *(line for finding in claim_verdict.findings for line in list_further_statements(claim_verdict, finding)),
        *values,
        *list_remarks(paper, claim_verdict),
    ]:
        yield render_footnotes(footnotes)
