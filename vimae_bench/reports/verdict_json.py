"""A verdict as JSON, with everything that is known, for other programs."""

from dataclasses import asdict
from math import exp, isfinite
from pathlib import Path

from ..claims.claims import ClaimVerdict, Finding
from ..claims.matching import Evidence
from ..claims.paired_comparisons import PairedComparison
from ..claims.published_tables import PublishedTable
from ..claims.verdict import PaperVerdict
from ..core.canonical import Json
from ..storage.atomic import format_json
from .claims_text import format_run_path

SCHEMA = 1


def format_verdict(verdict: PaperVerdict, start: Path) -> str:
    """All of a verdict, in full precision; paths of runs are relative to the folder `start`."""
    value = {
        "schema": SCHEMA,
        "source": asdict(verdict.paper.source),
        "methods": {name: verdict.paper.get_method_name(name) for name in verdict.paper.methods},
        "runs": [_evidence_to_json(evidence, start) for evidence in verdict.evidence],
        "tables": [_table_to_json(published) for published in verdict.tables],
        "claims": [_claim_to_json(claim_verdict, start) for claim_verdict in verdict.claims],
        "notes": verdict.notes,
    }
    return format_json(value)


def _evidence_to_json(evidence: Evidence, start: Path) -> Json:
    return {
        "number": evidence.number,
        "setup": evidence.setup.id,
        "title": evidence.title,
        "scale": evidence.scale_differences,
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
        "figures": [asdict(value) for value in published.values],
    }


def _claim_to_json(claim_verdict: ClaimVerdict, start: Path) -> Json:
    return {
        "id": claim_verdict.claim.id,
        "text": claim_verdict.claim.text,
        "where": claim_verdict.claim.where,
        "tested": claim_verdict.claim.tested,
        "note": claim_verdict.claim.note,
        "verdict": claim_verdict.verdict,
        "why": claim_verdict.reason,
        "at_published_scale": not claim_verdict.differs_in_scale,
        "lacking": claim_verdict.missing,
        "seeds_that_would_decide": claim_verdict.seeds_needed,
        "comparisons": claim_verdict.number_of_tests,
        "findings": [_finding_to_json(finding, start) for finding in claim_verdict.findings],
    }


def _finding_to_json(finding: Finding, start: Path) -> Json:
    return {
        "kind": finding.test.kind,
        "aside": finding.test.aside,
        "runs": finding.evidence.number if finding.evidence else None,
        "scale": finding.evidence.scale_differences if finding.evidence else (),
        "measure": finding.measure,
        "stands_in_for": finding.proxy.measure if finding.proxy else "",
        "verdict": finding.verdict,
        "said": finding.statements,
        "figures": [asdict(value) for value in finding.values],
        "pairs": [_pair_to_json(pair, start) for pair in finding.comparisons],
    }


def _pair_to_json(pair: PairedComparison, start: Path) -> Json:
    return {
        "a": pair.a,
        "b": pair.b,
        "ratio": pair.is_ratio,
        "claimed": [_bound_to_json(bound, logarithmic=pair.is_ratio) for bound in pair.region],
        "mean": pair.mean,
        "interval": pair.shown_interval,
        "by_seed": dict(zip(map(str, pair.seeds), map(float, pair.differences), strict=False)),
        "aa_spread": pair.aa_spread,
        "test": pair.test,
        "p": pair.p,
        "verdict": pair.verdict,
        "why": pair.reason,
        "seeds_that_would_decide": pair.seeds_needed,
        "runs": [format_run_path(result, start) for result in pair.runs],
    }


def _bound_to_json(bound: float, *, logarithmic: bool) -> float | None:
    return None if not isfinite(bound) else exp(bound) if logarithmic else bound
