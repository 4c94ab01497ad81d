"""Leaderboards as one flat CSV: a row for each table, method and measure."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from ..analysis.leaderboard_data import Leaderboard, MeasureSummary
from .table_format import clean_text

COUNTS = ("done", "diverged", "failed", "missing")
FIELDS = (
    *("table", "dataset", "architecture", "latent", "epochs", "kind", "method", *COUNTS, "collapsed"),
    *("measure", "unit", "better", "version", "n", "mean", "low", "high"),
    *("rank", "rank_low", "rank_high", "letters", "top"),
)
FORMULA_STARTS = ("=", "+", "-", "@")


def format_leaderboards(leaderboards: Sequence[Leaderboard]) -> str:
    """All measures of all leaderboards in full precision; text that a spreadsheet would run is quoted."""
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in (row for leaderboard in leaderboards for row in list_rows(leaderboard)):
        writer.writerow({field: guard_against_formula(value) for field, value in row.items()})
    return out.getvalue()


def guard_against_formula(value: object) -> object:
    """Text without control characters that no spreadsheet runs; other values as they are, nothing for None."""
    if not isinstance(value, str):
        return value
    text = clean_text(value).strip()
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def list_rows(leaderboard: Leaderboard) -> Iterator[dict[str, Any]]:
    """A row for each method and measure, then one for each reference and measure; FIELDS without a value left out."""
    table = {
        "table": leaderboard.title,
        "dataset": leaderboard.dataset.name,
        "architecture": leaderboard.architecture.name,
        "latent": leaderboard.latent,
        "epochs": leaderboard.training.epochs,
    }
    for row in leaderboard.rows:
        counts = {word: row.count(word) for word in COUNTS} | {"collapsed": len(row.collapsed_seeds)}
        head = {**table, "kind": "method", "method": row.label, **counts}
        for name in leaderboard.measures:
            yield {**head, **_measure_fields(leaderboard, name), **_entry_fields(row.summaries.get(name))}
    for label, estimates in leaderboard.references.items():
        head = {**table, "kind": "reference", "method": label}
        for name, estimate in estimates.items():
            yield {**head, **_measure_fields(leaderboard, name), "n": 1, "mean": estimate.value}


def _measure_fields(leaderboard: Leaderboard, name: str) -> dict[str, Any]:
    measure = leaderboard.measures[name]
    return {"measure": name, "unit": measure.unit, "better": measure.better, "version": measure.version}


def _entry_fields(entry: MeasureSummary | None) -> dict[str, Any]:
    """The numbers of an entry; only a count of 0 for one that is not there."""
    if entry is None:
        return {"n": 0}
    low, high = entry.interval or (None, None)
    numbers = {"n": len(entry.estimates), "mean": entry.mean, "low": low, "high": high}
    if entry.shared_rank is None:
        return numbers
    rank_low, rank_high = entry.shared_rank.interval or (None, None)
    ranks = {"rank": entry.shared_rank.rank, "rank_low": rank_low, "rank_high": rank_high}
    return {**numbers, **ranks, "letters": entry.shared_rank.letters, "top": int(entry.shared_rank.is_best)}
