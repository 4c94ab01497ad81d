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
    """Text without control characters that no spreadsheet runs as a formula; other values unchanged."""
    if not isinstance(value, str):
        return value
    text = clean_text(value).strip()
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def list_rows(leaderboard: Leaderboard) -> Iterator[dict[str, Any]]:
    """A row for each method and measure, then one for each baseline and measure, without fields that have no value."""
    table = {
        "table": leaderboard.title,
        "dataset": leaderboard.dataset.name,
        "architecture": leaderboard.architecture.name,
        "latent": leaderboard.latent,
        "epochs": leaderboard.training.epochs,
    }
    for row in leaderboard.rows:
        counts = {word: row.count_seeds(word) for word in COUNTS} | {"collapsed": len(row.collapsed_seeds)}
        common = {**table, "kind": "method", "method": row.label, **counts}
        for name in leaderboard.measures:
            yield {**common, **_measure_fields(leaderboard, name), **_summary_fields(row.summaries.get(name))}
    for label, estimates in leaderboard.baselines.items():
        common = {**table, "kind": "reference", "method": label}
        for name, estimate in estimates.items():
            yield {**common, **_measure_fields(leaderboard, name), "n": 1, "mean": estimate.value}


def _measure_fields(leaderboard: Leaderboard, name: str) -> dict[str, Any]:
    measure = leaderboard.measures[name]
    return {"measure": name, "unit": measure.unit, "better": measure.better, "version": measure.version}


def _summary_fields(summary: MeasureSummary | None) -> dict[str, Any]:
    """The numbers of a summary, or a count of 0 if there is none."""
    if summary is None:
        return {"n": 0}
    low, high = summary.interval or (None, None)
    numbers = {"n": len(summary.estimates), "mean": summary.mean, "low": low, "high": high}
    if summary.shared_rank is None:
        return numbers
    rank_low, rank_high = summary.shared_rank.interval or (None, None)
    ranks = {"rank": summary.shared_rank.rank, "rank_low": rank_low, "rank_high": rank_high}
    return {**numbers, **ranks, "letters": summary.shared_rank.letters, "top": int(summary.shared_rank.is_best)}
