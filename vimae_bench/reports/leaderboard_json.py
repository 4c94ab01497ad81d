"""Leaderboards as JSON, with everything that is known, for other programs."""

from collections.abc import Sequence
from dataclasses import asdict

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow, MeasureSummary
from ..core.canonical import Json
from ..core.results import Estimate
from ..storage.atomic import format_json
from ..storage.store import RunResult

SCHEMA = 1


def format_leaderboards(leaderboards: Sequence[Leaderboard]) -> str:
    """All leaderboards, with every seed's estimate, state and folder below the results folder."""
    value = {"schema": SCHEMA, "leaderboards": [_leaderboard_to_json(leaderboard) for leaderboard in leaderboards]}
    return format_json(value)


def _leaderboard_to_json(leaderboard: Leaderboard) -> Json:
    return {
        "title": leaderboard.title,
        "dataset": leaderboard.dataset.as_json(),
        "architecture": leaderboard.architecture.as_json(),
        "latent": leaderboard.latent,
        "training": asdict(leaderboard.training),
        "seeds": leaderboard.seeds,
        "measures": [asdict(measure) for measure in leaderboard.measures.values()],
        "columns": leaderboard.columns,
        "rank_by": leaderboard.rank_by,
        "test": leaderboard.test,
        "comparisons": leaderboard.comparisons,
        "rows": [_row_to_json(row) for row in leaderboard.rows],
        "references": {
            label: {name: _estimate(estimate) for name, estimate in estimates.items()}
            for label, estimates in leaderboard.baselines.items()
        },
        "notes": leaderboard.notes,
    }


def _row_to_json(row: LeaderboardRow) -> Json:
    return {
        "method": row.label,
        "complete": row.is_complete,
        "collapsed": row.collapsed_seeds,
        "absent": row.missing_seeds,
        "runs": [_run_to_json(seed, result) for seed, result in row.run_results.items()],
        "entries": {name: _summary_to_json(entry) for name, entry in row.summaries.items()},
    }


def _run_to_json(seed: int, result: RunResult) -> Json:
    return {
        "seed": seed,
        "key": result.entry.run.key,
        "folder": f"runs/{result.folder.name}",
        "status": result.status,
        "reason": result.reason,
        "collapsed": result.collapsed,
        "parameters": result.record.get("parameters"),
        "seconds": result.record.get("seconds"),
    }


def _summary_to_json(entry: MeasureSummary) -> Json:
    place = entry.shared_rank
    return {
        "mean": entry.mean,
        "interval": entry.interval,
        "complete": entry.is_complete,
        "rank": place.rank if place else None,
        "rank_interval": place.interval if place else None,
        "letters": place.letters if place else "",
        "top": place.is_best if place else False,
        "by_seed": {str(seed): _estimate(estimate) for seed, estimate in entry.estimates.items()},
    }


def _estimate(estimate: Estimate) -> Json:
    return {**estimate.as_json(), "parts": estimate.per_draw}
