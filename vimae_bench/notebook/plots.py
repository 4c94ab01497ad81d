"""The figures of results, by what they show."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..analysis.across_tables import CrossTable, collect_cross_tables, explain_too_few_tables
from ..analysis.leaderboard_data import Leaderboard
from ..core.errors import BenchError, suggest_similar
from ..reports import (
    cross_table_figures,
    image_grid_figure,
    intervals,
    latent_code_figure,
    rate_distortion,
    robustness,
    training_curves,
    win_rates,
)
from ..reports.all_figures import assign_run_styles
from ..reports.plot_style import MethodStyles, parse_width
from ..storage.store import RunResult
from .benchmark_results import LoadedBenchmark
from .display import Captioned, Figures


@dataclass(frozen=True)
class Plots:
    """Figures, one for each table that has what they show. Each method raises BenchError if no table has it.

    A method of the benchmark has the same colour and marker in all figures. `width` is that in print, in inches, or
    `column` (3.25) or `text` (5.5), at which all text has 7 points.
    """

    benchmarks: Sequence[LoadedBenchmark]

    def intervals(self, *measures: str, width: str | float = "text") -> Figures:
        """Every seed, the mean and its 95 % interval: a panel for each of `measures` (none: the key ones)."""
        known = {name for leaderboard, _ in self._list_tables() for name in leaderboard.measures}
        for name in measures:
            if name not in known:
                raise BenchError(f"no measure here is called '{name}'{suggest_similar(name, known)}")

        def draw(leaderboard: Leaderboard, _: Sequence[RunResult]) -> Captioned | None:
            if not leaderboard.columns:
                return None
            figure = intervals.draw_intervals(leaderboard, measures, parse_width(width))
            return figure, intervals.describe_intervals(leaderboard, measures)

        return self._draw_each_table(draw, "measures")

    def rate_distortion(self, width: str | float = "text") -> Figures:
        """Rate against distortion: every seed and the mean of each method."""

        def draw(leaderboard: Leaderboard, _: Sequence[RunResult]) -> Captioned | None:
            if not rate_distortion.select_rows(leaderboard):
                return None
            figure = rate_distortion.draw_rate_distortion(leaderboard, self._styles, parse_width(width))
            return figure, rate_distortion.describe_rate_distortion(leaderboard)

        return self._draw_each_table(draw, "methods with rate and distortion")

    def corruption(self, width: str | float = "text") -> Figures:
        """Accuracy on the codes of corrupted images by strength: a figure for each classifier and corruption."""
        found = [
            (robustness.draw_robustness(table, panel, self._styles, parse_width(width)), caption)
            for table, _ in self._list_tables()
            for panel in robustness.find_panels(table)
            for caption in [robustness.describe_robustness(table, panel)]
        ]
        if not found:
            raise BenchError("no table here has accuracies under corruption")
        return Figures(found)

    def win_rates(self, width: str | float = "text") -> Figures:
        """The share of seeds on which each method is better than each other one."""

        def draw(leaderboard: Leaderboard, _: Sequence[RunResult]) -> Captioned | None:
            if not win_rates.select_measures(leaderboard):
                return None
            figure = win_rates.draw_win_rates(leaderboard, parse_width(width))
            return figure, win_rates.describe_win_rates(leaderboard)

        return self._draw_each_table(draw, "two methods that can be compared")

    def curves(self, width: str | float = "text") -> Figures:
        """The terms of the loss, epoch by epoch."""

        def draw(leaderboard: Leaderboard, _: Sequence[RunResult]) -> Captioned | None:
            if not (histories := training_curves.read_histories(leaderboard)):
                return None
            figure = training_curves.draw_curves(leaderboard, self._styles, histories, parse_width(width))
            return figure, training_curves.describe_curves(leaderboard)

        return self._draw_each_table(draw, f"runs of {training_curves.MIN_EPOCHS} epochs or more")

    def codes(self, *measures: str, seed: int | None = None, width: str | float = "text") -> Figures:
        """The two-dimensional codes of the test images: a panel for each method, with `measures` written above it.

        `seed` is the lowest that has codes unless it is given.
        """

        def draw(_: Leaderboard, run_results: Sequence[RunResult]) -> Captioned | None:
            if not any(map(latent_code_figure.has_codes, run_results)):
                return None
            figure = latent_code_figure.draw_codes(run_results, measures, seed, parse_width(width))
            return figure, latent_code_figure.describe_codes(run_results, seed)

        return self._draw_each_table(draw, "two-dimensional codes")

    def image_grids(self, width: str | float = "text") -> Figures:
        """What each method makes of the same images and of the same noise."""

        def draw(_: Leaderboard, run_results: Sequence[RunResult]) -> Captioned | None:
            if not (images := image_grid_figure.collect_images(run_results)):
                return None
            figure = image_grid_figure.draw_image_grid(images, parse_width(width))
            return figure, image_grid_figure.describe_image_grid(images)

        return self._draw_each_table(draw, "images")

    def critical_differences(self, width: str | float = "text") -> Figures:
        """Mean ranks over the tables with their critical difference, for five tables or more."""
        tables = self._collect_cross_tables()
        figure = cross_table_figures.draw_critical_differences(tables, parse_width(width))
        return Figures([(figure, cross_table_figures.describe_critical_differences(tables))])

    def performance_profiles(self, width: str | float = "text") -> Figures:
        """The share of runs above each score, for five tables or more."""
        tables = self._collect_cross_tables()
        figure = cross_table_figures.draw_profiles(tables, self._styles, parse_width(width))
        return Figures([(figure, cross_table_figures.describe_profiles(tables))])

    def _collect_cross_tables(self) -> list[CrossTable]:
        boards = [board for board, _ in self._list_tables()]
        if why := explain_too_few_tables(boards):
            raise BenchError(why)
        return collect_cross_tables(boards)

    def _draw_each_table(
        self, draw: Callable[[Leaderboard, Sequence[RunResult]], Captioned | None], content: str
    ) -> Figures:
        figures = [figure for table, run_results in self._list_tables() if (figure := draw(table, run_results))]
        if not figures:
            raise BenchError(f"no table here has {content}")
        return Figures(figures)

    @property
    def _styles(self) -> MethodStyles:
        return assign_run_styles([result for benchmark in self.benchmarks for result in benchmark.run_results])

    def _list_tables(self) -> Iterator[tuple[Leaderboard, list[RunResult]]]:
        for benchmark in self.benchmarks:
            yield from zip(benchmark.leaderboards, [results for _, results in benchmark.tables], strict=True)
