"""Leaderboards as one flat CSV: a row for each table, method and measure, and for each pair of methods and measure."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from ..analysis.decision import MeasureDecision, PairDecision
from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..analysis.statements import describe_caution
from .table_format import clean_text

COUNTS = ("done", "diverged", "failed", "missing")
TABLE_FIELDS = ("table", "dataset", "architecture", "latent", "epochs", "kind", "method")
MEASURE_FIELDS = ("measure", "unit", "better", "scale", "version")
METHOD_FIELDS = (
    *(*TABLE_FIELDS, *COUNTS, "collapsed", *MEASURE_FIELDS, "n", "mean", "low", "high", "covers", "state"),
    *("qualification", "caution", "better_than", "worse_than", "equivalent_to", "undecided_with", "seeds_needed"),
)
PAIR_FIELDS = (
    *(*TABLE_FIELDS, "other", *MEASURE_FIELDS, "n", "difference", "low", "high", "covers"),
    *("p", "equivalence_p", "margin", "outcome", "winner", "seeds_needed"),
)
FIELDS = tuple(dict.fromkeys((*METHOD_FIELDS, *PAIR_FIELDS)))
FORMULA_STARTS = ("=", "+", "-", "@")


def format_leaderboards(leaderboards: Sequence[Leaderboard]) -> str:
    """All measures of all leaderboards in full precision; text that a spreadsheet would run is quoted."""
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS, restval="", lineterminator="\n")
    writer.writeheader()
    rows = (row for leaderboard in leaderboards for row in (*list_rows(leaderboard), *list_pairs(leaderboard)))
    for row in rows:
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
    table = _table_fields(leaderboard)
    for row in leaderboard.rows:
        counts = {word: row.count_seeds(word) for word in COUNTS} | {"collapsed": len(row.collapsed_seeds)}
        common = {**table, "kind": "control" if row.control_of else "method", "method": row.label, **counts}
        for name in leaderboard.measures:
            yield {**common, **_measure_fields(leaderboard, name), **_summary_fields(leaderboard, row, name)}
    for label, estimates in leaderboard.baselines.items():
        common = {**table, "kind": "reference", "method": label}
        for name, estimate in estimates.items():
            yield {**common, **_measure_fields(leaderboard, name), "n": 1, "mean": estimate.value}


def list_pairs(leaderboard: Leaderboard) -> Iterator[dict[str, Any]]:
    """A row for each decision on two methods, then on a method and a baseline, without fields that have no value."""
    table = _table_fields(leaderboard)
    for name, decision in leaderboard.decisions.items():
        against = [pair for method in decision.methods.values() for pair in method.baselines.values()]
        common = {**table, **_measure_fields(leaderboard, name), "n": len(decision.seeds)}
        for kind, pairs in (("pair", decision.pairs.values()), ("reference pair", against)):
            for pair in pairs:
                yield {**common, "kind": kind, **_pair_fields(decision, pair)}


def _table_fields(leaderboard: Leaderboard) -> dict[str, Any]:
    return {
        "table": leaderboard.title,
        "dataset": leaderboard.dataset.title,
        "architecture": leaderboard.architecture.title,
        "latent": leaderboard.latent,
        "epochs": leaderboard.training.epochs,
    }


def _measure_fields(leaderboard: Leaderboard, name: str) -> dict[str, Any]:
    measure = leaderboard.measures[name]
    return {
        "measure": name,
        "unit": measure.unit,
        "better": measure.better,
        "scale": measure.scale,
        "version": measure.version,
    }


def _summary_fields(leaderboard: Leaderboard, row: LeaderboardRow, name: str) -> dict[str, Any]:
    """The numbers of a summary and the state of its method, or a count of 0 if there is none."""
    summary, decision = row.summaries.get(name), leaderboard.decisions.get(name)
    if summary is None:
        return {"n": 0}
    low, high = summary.interval or (None, None)
    numbers = {"n": len(summary.estimates), "mean": summary.mean, "low": low, "high": high, "covers": summary.covers}
    method = summary.decision
    if decision is None or method is None:
        return numbers
    return {
        **numbers,
        "state": decision.get_state(row.label),
        "qualification": method.qualification,
        "caution": describe_caution(decision),
        "better_than": _join_labels(method.better_than),
        "worse_than": _join_labels(method.worse_than),
        "equivalent_to": _join_labels(method.equivalent_to),
        "undecided_with": _join_labels(method.undecided_with),
        "seeds_needed": method.seeds_needed,
    }


def _pair_fields(decision: MeasureDecision, pair: PairDecision) -> dict[str, Any]:
    low, high = pair.interval or (None, None)
    return {
        "method": pair.a,
        "other": pair.b,
        "difference": pair.difference,
        "low": low,
        "high": high,
        "covers": "seeds and draws" if decision.draws else "seeds",
        "p": pair.p,
        "equivalence_p": pair.equivalence_p,
        "margin": decision.margin if pair.equivalence_p is not None else None,
        "outcome": pair.outcome,
        "winner": pair.better,
        "seeds_needed": pair.seeds_needed,
    }


def _join_labels(labels: Sequence[str]) -> str:
    """Labels in one cell; none of them can contain a line break."""
    return "; ".join(labels)
