"""All figures that the results of a comparison support. Nothing is drawn of what was not measured."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..analysis.leaderboard import format_table_title, group_by_table
from ..analysis.leaderboard_data import Leaderboard
from ..storage.store import RunResult
from . import image_grid_figure, intervals, robustness
from .latent_codes import CAPTION, draw_codes, has_codes
from .plot_style import MethodStyles, assign_styles
from .rate_distortion import describe_rate_distortion, draw_rate_distortion, select_rows
from .training_curves import describe_curves, draw_curves, read_histories
from .win_rates import describe_win_rates, draw_win_rates, select_measures

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class CaptionedFigure(NamedTuple):
    """A figure, what it is of, and a sentence or two on what to look for in it."""

    title: str
    caption: str
    figure: "Figure"


def draw_figures(boards: Sequence[Leaderboard], run_results: Sequence[RunResult]) -> Iterator[CaptionedFigure]:
    """The figures of each table in turn, drawn when they are asked for; a method looks the same in all of them.

    `run_results` are those that the boards were made of.
    """
    shown = assign_styles(result.entry.label for result in run_results)
    for board, group in zip(boards, group_by_table(run_results).values(), strict=True):
        for made in _draw_table_figures(board, group, shown):
            yield made._replace(title=f"{made.title}, {board.title}")


def draw_image_grids(run_results: Sequence[RunResult]) -> Iterator[CaptionedFigure]:
    """A wall of reconstructions and samples for each table of which some run has drawn any."""
    for name, table in _group_tables(run_results):
        if hung := image_grid_figure.collect_images(table):
            yield CaptionedFigure(
                f"Reconstructions and samples, {name}",
                image_grid_figure.describe_image_grid(hung),
                image_grid_figure.draw_image_grid(hung, name),
            )


def list_tables_without_images(run_results: Sequence[RunResult]) -> list[str]:
    """The titles of the tables of which no run has kept readable images."""
    return [name for name, table in _group_tables(run_results) if not image_grid_figure.collect_images(table)]


def _group_tables(run_results: Sequence[RunResult]) -> list[tuple[str, list[RunResult]]]:
    """The title of each table and its results."""
    groups = list(group_by_table(run_results).values())
    runs = [group[0].entry.table_run for group in groups]
    return [(format_table_title(run, runs), group) for run, group in zip(runs, groups, strict=True)]


def _draw_table_figures(
    board: Leaderboard, run_results: Sequence[RunResult], shown: MethodStyles
) -> Iterator[CaptionedFigure]:
    if board.columns:
        yield CaptionedFigure("Every measure", intervals.describe_intervals(board), intervals.draw_intervals(board))
    if select_rows(board):
        yield CaptionedFigure(
            "Rate and distortion", describe_rate_distortion(board), draw_rate_distortion(board, shown)
        )
    if robustness.find_panels(board):
        yield CaptionedFigure(
            "Accuracy under corruption", robustness.describe_robustness(board), robustness.draw_robustness(board, shown)
        )
    if select_measures(board):
        yield CaptionedFigure("Who beats whom", describe_win_rates(board), draw_win_rates(board))
    if histories := read_histories(board):
        yield CaptionedFigure("Training", describe_curves(board), draw_curves(board, shown, histories))
    if any(map(has_codes, run_results)):
        yield CaptionedFigure("Codes", CAPTION, draw_codes(run_results))
