"""A verdict as JSON, with everything that is known, for other programs."""

from dataclasses import asdict
from math import exp, isfinite
from pathlib import Path

from ..claims.claims import ClaimVerdict, Finding, ReadingVerdict, SeedForecast
from ..claims.comparisons import ClaimComparison
from ..claims.matching import Evidence
from ..claims.paper import Paper
from ..claims.published_tables import PublishedTable
from ..claims.verdict import PaperVerdict
from ..core.canonical import Json
from ..storage.atomic import format_json
from .claims_text import format_badge, format_run_path, list_limits, list_summary_notes

SCHEMA = 2


def format_verdict(verdict: PaperVerdict, start: Path) -> str:
    """All of a verdict, in full precision; paths of runs are relative to the folder `start`."""
    value = {
        "schema": SCHEMA,
        "source": asdict(verdict.paper.source),
        "methods": {name: verdict.paper.get_method_name(name) for name in verdict.paper.methods},
        "runs": [_evidence_to_json(evidence, start) for evidence in verdict.evidence],
        "tables": [_table_to_json(published) for published in verdict.tables],
        "claims": [_claim_to_json(verdict.paper, claim_verdict, start) for claim_verdict in verdict.claims],
        "summary": list(list_summary_notes(verdict)),
        "notes": verdict.notes,
    }
    return format_json(value)


def _evidence_to_json(evidence: Evidence, start: Path) -> Json:
    return {
        "number": evidence.number,
        "setup": evidence.setup.id,
        "title": evidence.title,
        "scale": [difference.text for difference in evidence.scale_differences],
        "notes": evidence.notes,
        "methods": {
            method: {
                str(seed): {
                    "label": result.entry.label,
                    "folder": format_run_path(result, start),
                    "status": result.status,
                    "reason": result.reason,
                    "collapsed": result.collapsed,
                }
                for seed, result in by_seed.items()
            }
            for method, by_seed in evidence.methods.items()
        },
        "controls": {
            method: {str(seed): format_run_path(result, start) for seed, result in by_seed.items()}
            for method, by_seed in evidence.controls.items()
        },
    }


def _table_to_json(published: PublishedTable) -> Json:
    return {
        "table": published.table.id,
        "title": published.table.title,
        "unit": published.table.unit,
        "half_width": published.table.half_width,
        "only_order": published.table.only_order,
        "runs": published.evidence.number if published.evidence else None,
        "reading": published.reading.label if published.reading else "",
        "readings_not_measured": [option.label for option in published.unmeasured],
        "figures": [asdict(value) for value in published.values],
    }


def _claim_to_json(paper: Paper, claim_verdict: ClaimVerdict, start: Path) -> Json:
    return {
        "id": claim_verdict.claim.id,
        "text": claim_verdict.claim.text,
        "where": claim_verdict.claim.where,
        "tested": claim_verdict.claim.tested,
        "note": claim_verdict.claim.note,
        "verdict": claim_verdict.verdict,
        "badge": format_badge(claim_verdict),
        "limits": list_limits(paper, claim_verdict),
        "why": claim_verdict.reason,
        "readings_of": claim_verdict.reading_of,
        "at_published_scale": not claim_verdict.scale_differences,
        "lacking": claim_verdict.missing,
        **_forecast_to_json(claim_verdict.forecast),
        "comparisons": claim_verdict.number_of_tests,
        "readings": [_reading_to_json(reading, start) for reading in claim_verdict.readings],
    }


def _reading_to_json(reading: ReadingVerdict, start: Path) -> Json:
    return {
        "reading": reading.label,
        "verdict": reading.verdict,
        "why": reading.reason,
        **_forecast_to_json(reading.forecast),
        "family": reading.family,
        "findings": [_finding_to_json(finding, start) for finding in reading.findings],
    }


def _forecast_to_json(forecast: SeedForecast | None) -> Json:
    """More seeds may be able to decide it, and how many would; neither if something else is in the way."""
    return {
        "more_seeds_may_decide": forecast is not None,
        "seeds_that_would_decide": forecast.seeds if forecast else None,
    }


def _finding_to_json(finding: Finding, start: Path) -> Json:
    return {
        "kind": finding.test.kind,
        "aside": finding.test.aside,
        "runs": finding.evidence.number if finding.evidence else None,
        "measure": finding.measure,
        "change_from": finding.change_from,
        "stands_in_for": finding.proxy.measure if finding.proxy else "",
        "verdict": finding.verdict,
        "said": finding.statements,
        "figures": [asdict(value) for value in finding.values],
        "pairs": [_pair_to_json(pair, start) for pair in finding.comparisons],
    }


def _pair_to_json(pair: ClaimComparison, start: Path) -> Json:
    return {
        "a": pair.a,
        "b": pair.b,
        "value": None if pair.b else pair.value,
        "ratio": pair.is_ratio,
        "tested": [_bound_to_json(bound, logarithmic=pair.is_ratio) for bound in pair.region],
        "mean": pair.mean,
        "interval": pair.shown_interval,
        "draws": pair.draws,
        "by_seed": dict(zip(map(str, pair.seeds), map(float, pair.differences), strict=False)),
        "p": pair.p,
        "p_in_the_claim": pair.adjusted_p,
        "verdict": pair.verdict,
        "counted_apart": pair.apart,
        "why": pair.reason,
        "runs": [format_run_path(result, start) for result in pair.runs],
    }


def _bound_to_json(bound: float, *, logarithmic: bool) -> float | None:
    return None if not isfinite(bound) else exp(bound) if logarithmic else bound
