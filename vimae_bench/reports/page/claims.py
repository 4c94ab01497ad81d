"""A verdict on a paper as a page shows it, in the same words as its other formats."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...claims.claims import ClaimVerdict
from ...claims.paper import Paper
from ...claims.published_tables import PublishedTable, PublishedValue
from ...claims.verdict import PaperVerdict
from ..claims_text import (
    HEADS,
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
    list_measured_values,
    list_remarks,
    list_summary_notes,
    list_table_heads,
    list_table_notes,
)
from ..table_format import UNDEFINED

CLASSES = {"supported": "good", "contradicted": "bad", "not compatible": "bad"}
"""The style of a word."""


@dataclass(frozen=True)
class PublishedValueView:
    """A published value and the measured one."""

    published: str
    measured: str
    match: str
    kind: str


@dataclass(frozen=True)
class PublishedTableView:
    """A table of the paper."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[PublishedValueView, ...]], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ClaimView:
    """A claim with its verdict, and the comparisons it is based on."""

    id: str
    text: str
    verdict: str
    kind: str
    why: str
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class VerdictView:
    """The verdict on a paper; `untested` are claims that these results cannot test."""

    title: str
    tally: str
    note: str
    tables: tuple[PublishedTableView, ...]
    claims: tuple[ClaimView, ...]
    untested: tuple[ClaimView, ...]
    notes: tuple[str, ...]
    summary: tuple[str, ...]
    heads: tuple[str, ...] = HEADS


def build_verdict_view(verdict: PaperVerdict) -> VerdictView:
    """The verdict on a paper, without the tables of which nothing is measured."""
    paper = verdict.paper
    tables = tuple(_build_table_view(paper, table) for table in verdict.tables if table.evidence)
    tested, untested = (
        tuple(_build_claim_view(paper, one) for one in verdict.claims if (one.verdict == "not testable") == is_untested)
        for is_untested in (False, True)
    )
    summary = tuple(list_summary_notes(verdict))
    return VerdictView(
        format_source(paper), format_tally(verdict), paper.source.note, tables, tested, untested, verdict.notes, summary
    )


def _build_table_view(paper: Paper, table: PublishedTable) -> PublishedTableView:
    conditions = table.table.conditions or ("",)
    parts = [table.values[i : i + len(conditions)] for i in range(0, len(table.values), len(conditions))]
    rows = tuple((paper.get_method_name(part[0].method), tuple(_build_value_view(r) for r in part)) for part in parts)
    heads = ("method", *list_table_heads(table))
    return PublishedTableView(format_table_title(table), heads, rows, tuple(list_table_notes(table)))


def _build_value_view(value: PublishedValue) -> PublishedValueView:
    shown = ", ".join(filter(None, (format_measured(value), format_prediction(value))))
    measured = UNDEFINED if value.match == "not measured" else shown
    return PublishedValueView(format_published(value), measured, value.match, CLASSES.get(value.match, ""))


def _build_claim_view(paper: Paper, claim_verdict: ClaimVerdict) -> ClaimView:
    where = f" ({claim_verdict.claim.where})" if claim_verdict.claim.where else ""
    rows = tuple(
        format_pair(paper, finding, pair) for finding in claim_verdict.findings for pair in finding.comparisons
    )
    return ClaimView(
        claim_verdict.claim.id,
        claim_verdict.claim.text + where,
        format_badge(claim_verdict),
        CLASSES.get(claim_verdict.verdict, ""),
        explain_verdict(paper, claim_verdict),
        rows,
        tuple(_list_notes(paper, claim_verdict)),
    )


def _list_notes(paper: Paper, claim_verdict: ClaimVerdict) -> Iterator[str]:
    for finding in claim_verdict.findings:
        yield from list_further_statements(claim_verdict, finding)
        yield from list_measured_values(paper, finding)
    yield from list_remarks(paper, claim_verdict)
