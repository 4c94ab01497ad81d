"""The figures of results, by what they show."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..analysis.leaderboard_data import Leaderboard
from ..core.errors import BenchError, did_you_mean
from ..reports import image_grid_figure as wall
from ..reports import intervals, robustness
from ..reports import latent_codes as codes
from ..reports import rate_distortion as plane
from ..reports import training_curves as curves
from ..reports import win_rates as wins
from ..reports.plot_style import Looks, looks
from ..storage.store import RunResult
from .benchmark_results import Bench
from .pictures import Captioned, Figures


@dataclass(frozen=True)
class Plots:
    """Figures, one for each table that has what they show. Each raises BenchError where none has.

    A method has the same colour and mark in all of them.
    """

    benches: Sequence[Bench]

    def intervals(self, *measures: str) -> Figures:
        """Every seed, the mean and its 95 % interval, a panel for each measure (none named: those of the table)."""
        known = {name for board, _ in self._tables() for name in board.measures}
        for name in measures:
            if name not in known:
                raise BenchError(f"no measure here is called '{name}'{did_you_mean(name, known)}")

        def draw(board: Leaderboard, _: Sequence[RunResult]) -> Captioned | None:
            return (intervals.draw(board, measures), intervals.caption(board)) if board.columns else None

        return self._drawn("measures", draw)

    def rate_distortion(self) -> Figures:
        """Rate against distortion, every seed and the mean of each method."""

        def draw(board: Leaderboard, _: Sequence[RunResult]) -> Captioned | None:
            return (plane.draw(board, self._looks), plane.caption(board)) if plane.rows(board) else None

        return self._drawn("methods with rate and distortion", draw)

    def corruption(self) -> Figures:
        """The accuracy that classifiers reach from the codes of damaged images, by how damaged they are."""

        def draw(board: Leaderboard, _: Sequence[RunResult]) -> Captioned | None:
            return (robustness.draw(board, self._looks), robustness.caption(board)) if robustness.found(board) else None

        return self._drawn("accuracies under corruption", draw)

    def wins(self) -> Figures:
        """On what share of the seeds each method beats each other."""

        def draw(board: Leaderboard, _: Sequence[RunResult]) -> Captioned | None:
            return (wins.draw(board), wins.caption(board)) if wins.measures(board) else None

        return self._drawn("two methods to hold against each other", draw)

    def curves(self) -> Figures:
        """The terms of the loss, epoch by epoch."""

        def draw(board: Leaderboard, _: Sequence[RunResult]) -> Captioned | None:
            found = curves.read(board)
            return (curves.draw(board, self._looks, found), curves.caption(board)) if found else None

        return self._drawn("epochs", draw)

    def codes(self, *measures: str, seed: int | None = None) -> Figures:
        """The two-dimensional codes of the test images, a panel for each method; of the lowest seed unless told.

        `measures` are written above them.
        """
        shown = measures or ("mmd2", "rate", "sse")

        def draw(_: Leaderboard, group: Sequence[RunResult]) -> Captioned | None:
            return (codes.draw(group, shown, seed), codes.CAPTION) if any(map(codes.kept_by, group)) else None

        return self._drawn("two-dimensional codes", draw)

    def walls(self) -> Figures:
        """What each method makes of the same images and of the same noise."""

        def draw(board: Leaderboard, group: Sequence[RunResult]) -> Captioned | None:
            hung = wall.hang(group)
            return (wall.draw(hung, board.title), wall.caption(hung)) if hung else None

        return self._drawn("kept pictures", draw)

    def _drawn(self, what: str, draw: Callable[[Leaderboard, Sequence[RunResult]], Captioned | None]) -> Figures:
        found = [made for board, group in self._tables() if (made := draw(board, group))]
        if not found:
            raise BenchError(f"no table here has {what}")
        return Figures(found)

    @property
    def _looks(self) -> Looks:
        return looks(result.cell.label for bench in self.benches for result in bench.run_results)

    def _tables(self) -> Iterator[tuple[Leaderboard, list[RunResult]]]:
        for bench in self.benches:
            yield from zip(bench.boards, [group for _, group in bench.tables], strict=True)
