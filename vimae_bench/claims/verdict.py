"""All that a set of runs says on a paper: its tables beside what was measured, its claims with their verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..storage.store import RunResult
from .claims import ClaimVerdict, evaluate_claim
from .matching import Evidence, gather_evidence
from .paper import Paper
from .published_tables import PublishedTable, compare_tables


@dataclass(frozen=True)
class PaperVerdict:
    """A paper judged. `notes` are sentences on results that belong to none of its experiments."""

    paper: Paper
    evidence: tuple[Evidence, ...]
    tables: tuple[PublishedTable, ...]
    claims: tuple[ClaimVerdict, ...]
    notes: tuple[str, ...]


def evaluate_paper(
    paper: Paper, run_results: Sequence[RunResult], chosen: Mapping[str, str] | None = None
) -> PaperVerdict:
    """Hold a paper against results; `chosen` as in `gather_evidence`, which says what is raised."""
    found, alien = gather_evidence(paper, run_results, chosen)
    claims = tuple(evaluate_claim(paper, claim, found) for claim in paper.claim)
    return PaperVerdict(paper, tuple(found), tuple(compare_tables(paper, found)), claims, tuple(alien))
