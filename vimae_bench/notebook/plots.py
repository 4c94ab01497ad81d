"""The figures of results, by what they show."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import BenchError, did_you_mean
from ..render import codes, intervals
from ..results.board import Board
from ..results.store import Outcome
from .benches import Bench
from .pictures import Figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Plots:
    """Figures, one for each table that has what they show. Each raises BenchError where none has."""

    benches: Sequence[Bench]

    def intervals(self, *measures: str) -> Figures:
        """Every seed, mean and 95 % interval, a panel for each measure (none named: those of the table)."""
        known = {name for board, _ in self._tables() for name in board.measures}
        for name in measures:
            if name not in known:
                raise BenchError(f"no measure here is called '{name}'{did_you_mean(name, known)}")
        return self._drawn("measures", lambda board, _: intervals.draw(board, measures) if board.columns else None)

    def codes(self, *measures: str, seed: int | None = None) -> Figures:
        """The two-dimensional codes of the test images, a panel for each method; from the lowest seed unless told."""
        shown = measures or ("mmd2", "rate", "sse")
        return self._drawn(
            "two-dimensional codes",
            lambda _, group: codes.draw(group, shown, seed) if any(map(codes.kept_by, group)) else None,
        )

    def _drawn(self, what: str, draw: "Callable[[Board, Sequence[Outcome]], Figure | None]") -> Figures:
        found = [figure for board, group in self._tables() if (figure := draw(board, group))]
        if not found:
            raise BenchError(f"no table here has {what}")
        return Figures(found)

    def _tables(self) -> Iterator[tuple[Board, list[Outcome]]]:
        for bench in self.benches:
            yield from zip(bench.boards, bench.tables.values(), strict=True)
