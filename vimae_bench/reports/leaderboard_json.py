"""Leaderboards as JSON, with everything that is known, for other programs."""

from collections.abc import Sequence
from dataclasses import asdict

from ..analysis.decision import MeasureDecision, PairDecision
from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..analysis.statements import describe_baselines, describe_caution, describe_leaders
from ..core.canonical import Json
from ..core.results import Estimate
from ..storage.atomic import format_json
from ..storage.store import RunResult

SCHEMA = 2


def format_leaderboards(leaderboards: Sequence[Leaderboard]) -> str:
    """All leaderboards, with all decisions, and every seed's estimate, state and folder below the results folder."""
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
        "decisions": {name: _decision_to_json(decision) for name, decision in leaderboard.decisions.items()},
        "rows": [_row_to_json(leaderboard, row) for row in leaderboard.rows],
        "references": {
            label: {name: _estimate(estimate) for name, estimate in estimates.items()}
            for label, estimates in leaderboard.baselines.items()
        },
        "notes": leaderboard.notes,
    }


def _decision_to_json(decision: MeasureDecision) -> Json:
    """The decisions on pairs of methods, and on methods and baselines; `draws` is their number behind the intervals."""
    against = [pair for method in decision.methods.values() for pair in method.baselines.values()]
    return {
        "seeds": decision.seeds,
        "draws": decision.draws,
        "margin": decision.margin,
        "ranked": decision.is_ranked,
        "caution": describe_caution(decision),
        "statements": [describe_leaders(decision), *(f"{text}." for text in describe_baselines(decision))],
        "pairs": [_pair_to_json(pair) for pair in decision.pairs.values()],
        "baseline_pairs": [_pair_to_json(pair) for pair in against],
    }


def _pair_to_json(pair: PairDecision) -> Json:
    """`difference` is a - b, or a / b on a log scale; `p` is adjusted, and `interval` that of this comparison alone."""
    return {
        "a": pair.a,
        "b": pair.b,
        "difference": pair.difference,
        "interval": pair.interval,
        "ratio": pair.is_ratio,
        "p": pair.p,
        "equivalence_p": pair.equivalence_p,
        "outcome": pair.outcome,
        "better": pair.better,
        "seeds_needed": pair.seeds_needed,
    }


def _row_to_json(leaderboard: Leaderboard, row: LeaderboardRow) -> Json:
    return {
        "method": row.label,
        "control_of": row.control_of,
        "complete": row.is_complete,
        "collapsed": row.collapsed_seeds,
        "absent": row.missing_seeds,
        "runs": [_run_to_json(seed, result) for seed, result in row.run_results.items()],
        "entries": {name: _summary_to_json(leaderboard, row, name) for name in row.summaries},
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


def _summary_to_json(leaderboard: Leaderboard, row: LeaderboardRow, measure: str) -> Json:
    """`state` is None without a decision, or with too few seeds for one."""
    entry, decision = row.summaries[measure], leaderboard.decisions.get(measure)
    method = entry.decision
    return {
        "mean": entry.mean,
        "interval": entry.interval,
        "covers": entry.covers,
        "complete": entry.is_complete,
        "state": decision.get_state(row.label) if decision else None,
        "reason": method.reason if method else "",
        "qualification": method.qualification if method else "",
        "unusual_spread": bool(method and method.has_unusual_spread),
        "better_than": method.better_than if method else (),
        "worse_than": method.worse_than if method else (),
        "equivalent_to": method.equivalent_to if method else (),
        "undecided_with": method.undecided_with if method else (),
        "seeds_needed": method.seeds_needed if method else None,
        "by_seed": {str(seed): _estimate(estimate) for seed, estimate in entry.estimates.items()},
    }


def _estimate(estimate: Estimate) -> Json:
    return {**estimate.as_json(), "parts": estimate.per_draw}
