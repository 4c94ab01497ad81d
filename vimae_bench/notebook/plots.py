"""The figures of results, by what they show."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..analysis.leaderboard_data import Leaderboard
from ..core.errors import BenchError, suggest_similar
from ..reports import intervals, latent_codes, robustness, training_curves
from ..reports.image_grid_figure import collect_images, describe_image_grid, draw_image_grid
from ..reports.plot_style import MethodStyles, assign_styles
from ..reports.rate_distortion import describe_rate_distortion, draw_rate_distortion, select_rows
from ..reports.win_rates import describe_win_rates, draw_win_rates, select_measures
from ..storage.store import RunResult
from .benchmark_results import LoadedBenchmark
from .pictures import Captioned, Figures


@dataclass(frozen=True)
class Plots:
    """Figures, one for each table that has what they show. Each raises BenchError where none has.

    A method has the same colour and mark in all of them.
    """

    benchmarks: Sequence[LoadedBenchmark]

    def intervals(self, *measures: str) -> Figures:
        """Every seed, the mean and its 95 % interval, a panel for each measure (none named: those of the table)."""
        known = {name for board, _ in self._list_tables() for name in board.measures}
        for name in measures:
            if name not in known:
                raise BenchError(f"no measure here is called '{name}'{suggest_similar(name, known)}")

        def draw(board: Leaderboard, _: Sequence[RunResult]) -> Captioned | None:
            return (
                (intervals.draw_intervals(board, measures), intervals.describe_intervals(board))
                if board.columns
                else None
            )

        return self._draw_each_table("measures", draw)

    def rate_distortion(self) -> Figures:
        """Rate against distortion, every seed and the mean of each method."""

        def draw(board: Leaderboard, _: Sequence[RunResult]) -> Captioned | None:
            return (
                (draw_rate_distortion(board, self._styles), describe_rate_distortion(board))
                if select_rows(board)
                else None
            )

        return self._draw_each_table("methods with rate and distortion", draw)

    def corruption(self) -> Figures:
        """The accuracy that classifiers reach from the codes of damaged images, by how damaged they are."""

        def draw(board: Leaderboard, _: Sequence[RunResult]) -> Captioned | None:
            return (
                (robustness.draw_robustness(board, self._styles), robustness.describe_robustness(board))
                if robustness.find_panels(board)
                else None
            )

        return self._draw_each_table("accuracies under corruption", draw)

    def win_rates(self) -> Figures:
        """On what share of the seeds each method beats each other."""

        def draw(board: Leaderboard, _: Sequence[RunResult]) -> Captioned | None:
            return (draw_win_rates(board), describe_win_rates(board)) if select_measures(board) else None

        return self._draw_each_table("two methods to hold against each other", draw)

    def curves(self) -> Figures:
        """The terms of the loss, epoch by epoch."""

        def draw(board: Leaderboard, _: Sequence[RunResult]) -> Captioned | None:
            found = training_curves.read_histories(board)
            return (
                (training_curves.draw_curves(board, self._styles, found), training_curves.describe_curves(board))
                if found
                else None
            )

        return self._draw_each_table("epochs", draw)

    def codes(self, *measures: str, seed: int | None = None) -> Figures:
        """The two-dimensional codes of the test images, a panel for each method; of the lowest seed unless told.

        `select_measures` are written above them.
        """
        shown = measures or ("mmd2", "rate", "sse")

        def draw(_: Leaderboard, group: Sequence[RunResult]) -> Captioned | None:
            return (
                (latent_codes.draw_codes(group, shown, seed), latent_codes.CAPTION)
                if any(map(latent_codes.has_codes, group))
                else None
            )

        return self._draw_each_table("two-dimensional codes", draw)

    def image_grids(self) -> Figures:
        """What each method makes of the same images and of the same noise."""

        def draw(board: Leaderboard, group: Sequence[RunResult]) -> Captioned | None:
            hung = collect_images(group)
            return (draw_image_grid(hung, board.title), describe_image_grid(hung)) if hung else None

        return self._draw_each_table("kept pictures", draw)

    def _draw_each_table(
        self, what: str, draw: Callable[[Leaderboard, Sequence[RunResult]], Captioned | None]
    ) -> Figures:
        found = [made for board, group in self._list_tables() if (made := draw(board, group))]
        if not found:
            raise BenchError(f"no table here has {what}")
        return Figures(found)

    @property
    def _styles(self) -> MethodStyles:
        return assign_styles(result.entry.label for bench in self.benchmarks for result in bench.run_results)

    def _list_tables(self) -> Iterator[tuple[Leaderboard, list[RunResult]]]:
        for bench in self.benchmarks:
            yield from zip(bench.boards, [group for _, group in bench.tables], strict=True)
