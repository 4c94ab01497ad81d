"""A verdict as JSON: everything that is known, for other programs."""

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


def format_verdict(report: PaperVerdict, start: Path) -> str:
    """All of a verdict, in full precision; paths of runs lead from the folder `start`."""
    value = {
        "schema": SCHEMA,
        "source": asdict(report.paper.source),
        "methods": {name: report.paper.get_method_name(name) for name in report.paper.methods},
        "runs": [_evidence_to_json(evidence, start) for evidence in report.evidence],
        "tables": [_table_to_json(sheet) for sheet in report.tables],
        "claims": [_claim_to_json(judged, start) for judged in report.claims],
        "notes": report.notes,
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
                for seed, result in side.items()
            }
            for method, side in evidence.methods.items()
        },
        "controls": {
            method: {str(seed): format_run_path(result, start) for seed, result in side.items()}
            for method, side in evidence.controls.items()
        },
    }


def _table_to_json(sheet: PublishedTable) -> Json:
    return {
        "table": sheet.table.id,
        "title": sheet.table.title,
        "unit": sheet.table.unit,
        "half_width": sheet.table.half_width,
        "only_order": sheet.table.only_order,
        "runs": sheet.evidence.number if sheet.evidence else None,
        "figures": [asdict(reading) for reading in sheet.values],
    }


def _claim_to_json(judged: ClaimVerdict, start: Path) -> Json:
    return {
        "id": judged.claim.id,
        "text": judged.claim.text,
        "where": judged.claim.where,
        "tested": judged.claim.tested,
        "note": judged.claim.note,
        "verdict": judged.verdict,
        "why": judged.reason,
        "at_published_scale": not judged.differs_in_scale,
        "lacking": judged.missing,
        "seeds_that_would_decide": judged.seeds_needed,
        "comparisons": judged.number_of_tests,
        "findings": [_finding_to_json(finding, start) for finding in judged.findings],
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
        "figures": [asdict(reading) for reading in finding.values],
        "pairs": [_pair_to_json(pair, start) for pair in finding.comparisons],
    }


def _pair_to_json(pair: PairedComparison, start: Path) -> Json:
    return {
        "a": pair.a,
        "b": pair.b,
        "ratio": pair.is_ratio,
        "claimed": [_bound_to_json(end, logarithmic=pair.is_ratio) for end in pair.region],
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


def _bound_to_json(end: float, *, logarithmic: bool) -> float | None:
    return None if not isfinite(end) else exp(end) if logarithmic else end
