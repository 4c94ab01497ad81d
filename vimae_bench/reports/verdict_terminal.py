"""A verdict for the terminal. Names are printed as text, never as markup."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..claims.claims import ClaimVerdict
from ..claims.matching import Evidence
from ..claims.paper import Paper
from ..claims.published_tables import PublishedTable, PublishedValue
from ..claims.verdict import PaperVerdict
from .claims_text import (
    RULES,
    PairText,
    choose_limit_marks,
    explain_no_evidence,
    explain_verdict,
    format_badge,
    format_measured,
    format_pair,
    format_prediction,
    format_published,
    format_run_path,
    format_source,
    format_table_names,
    format_table_title,
    group_claims,
    list_further_statements,
    list_measured_values,
    list_remarks,
    list_short_notes,
    list_summary_notes,
    list_table_heads,
    list_table_notes,
)
from .leaderboard_terminal import render_footnotes
from .table_format import UNDEFINED, clean_text

STYLES = {
    "supported": "bold green",
    "contradicted": "bold red",
    "not decided": "bold yellow",
    "depends": "bold yellow",
    "not testable": "bold",
    "cannot tell": "yellow",
    "not compatible": "red",
    "compatible": "green",
}


def render_verdict(verdict: PaperVerdict, start: Path) -> Group:
    """The summary, tables, claims, rules and runs, to be printed by a rich console; paths are relative to `start`."""
    return Group(*_render_parts(verdict, start))


def render_verdict_summary(verdict: PaperVerdict) -> Group:
    """How many claims have which verdict, and a line for each that is tested."""
    return Group(*_render_summary(verdict))


def render_claims(verdict: PaperVerdict, claims: Sequence[ClaimVerdict], start: Path) -> Group:
    """Some claims of the paper with everything behind their verdicts, and where their runs are."""
    used = {evidence.number for claim in claims for evidence in claim.evidence}
    return Group(
        *(part for claim in claims for part in _render_claim(verdict.paper, claim)),
        Text(),
        *_render_runs([evidence for evidence in verdict.evidence if evidence.number in used], start),
    )


def _render_summary(verdict: PaperVerdict) -> Iterator[RenderableType]:
    yield Text(clean_text(format_source(verdict.paper)), style="bold")
    if not verdict.evidence:
        yield from (Text(clean_text(line)) for line in explain_no_evidence(verdict))
        return
    width = max(cell_len(clean_text(claim.claim.id)) for claim in verdict.claims)
    for word, badge, claims in group_claims(verdict):
        yield Text(f"{len(claims)} {clean_text(badge)}", style=STYLES[word])
        yield _list_claims(claims, width)
    if untested := [clean_text(claim.claim.id) for claim in verdict.claims if claim.verdict == "not testable"]:
        yield Text(f"{len(untested)} not testable with these results", style=STYLES["not testable"])
        yield Padding(Text(", ".join(untested)), (0, 0, 0, 2))
    yield render_footnotes(list(list_short_notes(verdict)))


def _list_claims(claims: Sequence[ClaimVerdict], width: int) -> Table:
    """A line for each claim: its id in a column of this width, and what it says with the marks of its verdict."""
    table = Table(box=None, show_header=False, padding=(0, 0, 0, 2))
    table.add_column(no_wrap=True, min_width=width)
    table.add_column()
    for claim in claims:
        title = f"{claim.claim.title or claim.claim.text} {choose_limit_marks(claim)}"
        table.add_row(Text(clean_text(claim.claim.id)), Text(clean_text(title).rstrip()))
    return table


def _render_parts(verdict: PaperVerdict, start: Path) -> Iterator[RenderableType]:
    yield from _render_summary(verdict)
    if verdict.paper.source.note:
        yield Text(clean_text(verdict.paper.source.note), style="dim")
    for published in verdict.tables:
        if published.evidence:
            yield Text(f"\n{clean_text(format_table_title(published))}", style="bold")
            yield from (
                _render_published_table(verdict.paper, published),
                render_footnotes(list(list_table_notes(published))),
            )
    if unmeasured := [published.table.id for published in verdict.tables if published.evidence is None]:
        yield Text(f"\nThere are no runs of the experiments of {format_table_names(unmeasured)}.", style="dim")
    for claim_verdict in verdict.claims:
        yield from _render_claim(verdict.paper, claim_verdict)
    yield render_footnotes(["", *list_summary_notes(verdict), *RULES])
    yield from _render_runs(verdict.evidence, start)
    if verdict.notes:
        yield render_footnotes(verdict.notes)


def _render_runs(evidence: Sequence[Evidence], start: Path) -> Iterator[Text]:
    """The folders of runs by the number that claims and tables give them."""
    for one in evidence:
        methods = (*one.methods.values(), *one.controls.values())
        folders = dict.fromkeys(
            format_run_path(result, start).rpartition("/")[0] for by_seed in methods for result in by_seed.values()
        )
        yield Text(clean_text(f"Runs {one.number}  {one.title}: {', '.join(folders)}"), style="dim")


def _render_published_table(paper: Paper, published: PublishedTable) -> Table:
    conditions = published.table.conditions or ("",)
    table = Table(header_style="", show_edge=False, show_lines=True)
    table.add_column("method", no_wrap=True)
    for head in list_table_heads(published):
        table.add_column(Text(clean_text(head)))
    for i in range(0, len(published.values), len(conditions)):
        cells = published.values[i : i + len(conditions)]
        table.add_row(
            Text(clean_text(paper.get_method_name(cells[0].method))),
            *map(_format_cell, cells),
        )
    return table


def _format_cell(value: PublishedValue) -> Text:
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
    yield from _render_comparisons(paper, claim_verdict)
    values = [line for finding in claim_verdict.findings for line in list_measured_values(paper, finding)]
    if footnotes := [
        *(line for finding in claim_verdict.findings for line in list_further_statements(claim_verdict, finding)),
        *values,
        *list_remarks(paper, claim_verdict),
    ]:
        yield render_footnotes(footnotes)


def _render_comparisons(paper: Paper, claim_verdict: ClaimVerdict) -> Iterator[RenderableType]:
    """The comparisons of a claim, in a table for each experiment, measure and tested region."""
    groups: dict[str, list[tuple[PairText, bool]]] = {}
    for finding in claim_verdict.findings:
        setup = f" on {finding.evidence.setup.id} (runs {finding.evidence.number})" if finding.evidence else ""
        for pair in finding.comparisons:
            cells = format_pair(paper, finding, pair)
            title = f"{cells.measure}{setup}, tested: {cells.region}, n = {cells.seeds}"
            groups.setdefault(title, []).append((cells, pair.is_ratio))
    for title, rows in groups.items():
        yield from (Text(clean_text(title)), _make_comparisons(rows))


def _make_comparisons(rows: Sequence[tuple[PairText, bool]]) -> Table:
    """A table without lines."""
    is_adjusted = any(cells.adjusted_p != UNDEFINED for cells, _ in rows)
    is_ratio = any(is_ratio for _, is_ratio in rows)
    adjusted = ["in claim"] * is_adjusted
    heads = ("", "ratio" if is_ratio else "difference", "95 % interval", "p", *adjusted, "result")
    table = Table(box=None, header_style="dim", padding=(0, 0, 0, 2))
    for head in heads:
        table.add_column(head, overflow="fold")
    for cells, is_ratio in rows:
        names = f"{cells.a} {'/' if is_ratio else '-'} {cells.b}"
        difference = cells.difference.removesuffix(" times")
        texts = (names, difference, cells.interval, cells.p, *[cells.adjusted_p] * is_adjusted, cells.result)
        table.add_row(*(Text(clean_text(text)) for text in texts))
    return table
