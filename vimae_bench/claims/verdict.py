"""Check a paper against results: its tables and its claims."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..storage.store import RunResult
from .claims import ClaimVerdict, evaluate_claim
from .matching import Evidence, gather_evidence
from .paper import Paper
from .published_tables import PublishedTable, compare_tables


@dataclass(frozen=True)
class PaperVerdict:
    """The verdict on a paper; `notes` are sentences on results that belong to none of its experiments."""

    paper: Paper
    evidence: tuple[Evidence, ...]
    tables: tuple[PublishedTable, ...]
    claims: tuple[ClaimVerdict, ...]
    notes: tuple[str, ...]


def evaluate_paper(
    paper: Paper, run_results: Sequence[RunResult], chosen: Mapping[str, str] | None = None
) -> PaperVerdict:
    """Check a paper against results; `chosen` and errors are those of `gather_evidence`."""
    found, unmatched = gather_evidence(paper, run_results, chosen)
    claims = tuple(evaluate_claim(paper, claim, found) for claim in paper.claim)
    return PaperVerdict(paper, tuple(found), tuple(compare_tables(paper, found)), claims, tuple(unmatched))
