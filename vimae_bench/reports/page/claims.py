"""A verdict on a paper as a page shows it, in the words that its other formats have."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...claims.claims import ClaimVerdict
from ...claims.paper import Paper
from ...claims.published_tables import PublishedTable
from ...claims.published_tables import PublishedValue as Measured
from ...claims.verdict import PaperVerdict
from ..claims_text import (
    HEADS,
    explain_verdict,
    format_measured,
    format_pair,
    format_published,
    format_source,
    format_table_title,
    format_tally,
    list_further_statements,
    list_remarks,
    list_table_notes,
)
from ..table_format import UNDEFINED

CLASSES = {"supported": "good", "contradicted": "bad", "not compatible": "bad"}
"""How a word is set."""


@dataclass(frozen=True)
class PublishedValueView:
    """A printed figure beside the measured one."""

    printed: str
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
    """A claim with its verdict, and the comparisons it rests on."""

    id: str
    text: str
    verdict: str
    kind: str
    why: str
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class VerdictView:
    """All that is said on a paper."""

    title: str
    tally: str
    note: str
    tables: tuple[PublishedTableView, ...]
    claims: tuple[ClaimView, ...]
    notes: tuple[str, ...]
    heads: tuple[str, ...] = HEADS


def build_verdict_view(report: PaperVerdict) -> VerdictView:
    """A report on a paper, taken apart. Tables of which nothing is measured here are left out."""
    paper = report.paper
    sheets = tuple(_build_table_view(paper, sheet) for sheet in report.tables if sheet.evidence)
    claims = tuple(_build_claim_view(paper, judged) for judged in report.claims)
    return VerdictView(format_source(paper), format_tally(report), paper.source.note, sheets, claims, report.notes)


def _build_table_view(paper: Paper, sheet: PublishedTable) -> PublishedTableView:
    conditions = sheet.table.conditions or ("",)
    parts = [sheet.values[i : i + len(conditions)] for i in range(0, len(sheet.values), len(conditions))]
    rows = tuple((paper.get_method_name(part[0].method), tuple(_build_value_view(r) for r in part)) for part in parts)
    heads = ("method", *(name or sheet.table.measure for name in conditions))
    return PublishedTableView(format_table_title(sheet), heads, rows, tuple(list_table_notes(sheet)))


def _build_value_view(reading: Measured) -> PublishedValueView:
    there = UNDEFINED if reading.match == "not measured" else format_measured(reading)
    return PublishedValueView(format_published(reading), there, reading.match, CLASSES.get(reading.match, ""))


def _build_claim_view(paper: Paper, judged: ClaimVerdict) -> ClaimView:
    where = f" ({judged.claim.where})" if judged.claim.where else ""
    rows = tuple(format_pair(paper, finding, pair) for finding in judged.findings for pair in finding.comparisons)
    return ClaimView(
        judged.claim.id,
        judged.claim.text + where,
        judged.verdict,
        CLASSES.get(judged.verdict, ""),
        explain_verdict(judged),
        rows,
        tuple(_list_notes(paper, judged)),
    )


def _list_notes(paper: Paper, judged: ClaimVerdict) -> Iterator[str]:
    for finding in judged.findings:
        yield from list_further_statements(judged, finding)
    yield from list_remarks(paper, judged)
