"""A verdict on a paper as a page shows it, in the words that its other formats have."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...claims.claims import Judged
from ...claims.paper import Paper
from ...claims.published_tables import Reading as Measured
from ...claims.published_tables import Sheet
from ...claims.verdict import Report
from ..claims_text import HEADS, below, heading, measured, printed, reason, remarks, row, said_of, tally, title
from ..table_format import UNDEFINED

CLASSES = {"supported": "good", "contradicted": "bad", "not compatible": "bad"}
"""How a word is set."""


@dataclass(frozen=True)
class Reading:
    """A printed figure beside the measured one."""

    printed: str
    measured: str
    match: str
    kind: str


@dataclass(frozen=True)
class Printed:
    """A table of the paper."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Reading, ...]], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """A claim with its verdict, and the comparisons it rests on."""

    id: str
    text: str
    verdict: str
    kind: str
    why: str
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """All that is said on a paper."""

    title: str
    tally: str
    note: str
    tables: tuple[Printed, ...]
    claims: tuple[Claim, ...]
    notes: tuple[str, ...]
    heads: tuple[str, ...] = HEADS


def view(report: Report) -> Verdict:
    """A report on a paper, taken apart. Tables of which nothing is measured here are left out."""
    paper = report.paper
    sheets = tuple(_printed(paper, sheet) for sheet in report.sheets if sheet.evidence)
    claims = tuple(_claim(paper, judged) for judged in report.claims)
    return Verdict(title(paper), tally(report), paper.source.note, sheets, claims, report.notes)


def _printed(paper: Paper, sheet: Sheet) -> Printed:
    conditions = sheet.table.conditions or ("",)
    parts = [sheet.readings[i : i + len(conditions)] for i in range(0, len(sheet.readings), len(conditions))]
    rows = tuple((paper.name(part[0].method), tuple(_reading(r) for r in part)) for part in parts)
    heads = ("method", *(name or sheet.table.measure for name in conditions))
    return Printed(heading(sheet), heads, rows, tuple(below(sheet)))


def _reading(reading: Measured) -> Reading:
    there = UNDEFINED if reading.match == "not measured" else measured(reading)
    return Reading(printed(reading), there, reading.match, CLASSES.get(reading.match, ""))


def _claim(paper: Paper, judged: Judged) -> Claim:
    where = f" ({judged.claim.where})" if judged.claim.where else ""
    rows = tuple(row(paper, finding, pair) for finding in judged.findings for pair in finding.pairs)
    return Claim(
        judged.claim.id,
        judged.claim.text + where,
        judged.verdict,
        CLASSES.get(judged.verdict, ""),
        reason(judged),
        rows,
        tuple(_notes(paper, judged)),
    )


def _notes(paper: Paper, judged: Judged) -> Iterator[str]:
    for finding in judged.findings:
        yield from said_of(judged, finding)
    yield from remarks(paper, judged)
