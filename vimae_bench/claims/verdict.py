"""All that a set of runs says on a paper: its tables beside what was measured, its claims with their verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..storage.store import RunResult
from .claims import Judged, judge
from .matching import Evidence, gather
from .paper import Paper
from .published_tables import Sheet, sheets


@dataclass(frozen=True)
class Report:
    """A paper judged. `notes` are sentences on results that belong to none of its experiments."""

    paper: Paper
    evidence: tuple[Evidence, ...]
    sheets: tuple[Sheet, ...]
    claims: tuple[Judged, ...]
    notes: tuple[str, ...]


def report(paper: Paper, run_results: Sequence[RunResult], chosen: Mapping[str, str] | None = None) -> Report:
    """Hold a paper against results; `chosen` as in `gather`, which says what is raised."""
    found, alien = gather(paper, run_results, chosen)
    claims = tuple(judge(paper, claim, found) for claim in paper.claim)
    return Report(paper, tuple(found), tuple(sheets(paper, found)), claims, tuple(alien))
