"""All figures that the results of a benchmark support. Nothing is drawn of what was not measured."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from ..analysis.across_tables import collect_cross_tables, explain_too_few_tables
from ..analysis.leaderboard import format_table_title, group_by_table
from ..analysis.leaderboard_data import Leaderboard
from ..analysis.load import BenchmarkResults
from ..storage.picture_data import ImageTable, ScatterPlot
from ..storage.store import RunResult
from . import (
    cross_table_figures,
    image_grid_figure,
    intervals,
    latent_code_figure,
    picture_walls,
    rate_distortion,
    robustness,
    training_curves,
    win_rates,
)
from .plot_style import TEXT_WIDTH, MethodStyles, assign_styles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_FILE_NAME_LENGTH = 120


class CaptionedFigure(NamedTuple):
    """A figure, its title, and a sentence or two on what to look for in it; its panels can stand alone."""

    title: str
    caption: str
    figure: "Figure"


class NamedFigure(NamedTuple):
    """A figure with a file name (without ending) that is unique among those of a benchmark."""

    name: str
    caption: str
    figure: "Figure"


def draw_named_figures(results: BenchmarkResults, width: float = TEXT_WIDTH) -> Iterator[NamedFigure]:
    """All figures of a benchmark, of a width in inches."""
    used = Counter[str]()
    figures = draw_figures(results.leaderboards, results.run_results, width=width)
    for one in chain(figures, draw_image_grids(results.run_results, width)):
        name = make_file_name(one.title)
        used[name] += 1
        yield NamedFigure(
            name if used[name] == 1 else f"{name}-{used[name]}", f"{one.title}. {one.caption}", one.figure
        )


def list_omissions(results: BenchmarkResults) -> list[str]:
    """Which figures there are not, and why, each in a sentence."""
    images = "no reconstructions and samples, since no run has kept images"
    short = f"no training curves, since its runs have fewer than {training_curves.MIN_EPOCHS} epochs"
    why = explain_too_few_tables(results.leaderboards)
    return [
        *([f"no critical differences and no performance profiles: {why}"] if why else []),
        *(f"{t.title}: {short}" for t in results.leaderboards if training_curves.has_short_histories(t)),
        *(f"{title}: {images}" for title in list_tables_without_images(results.run_results)),
    ]


def make_file_name(title: str) -> str:
    """The file name for a title: `training-mnist-d-2` for `Training, mnist, d = 2`."""
    return "-".join(re.findall(r"\w+", title.lower()))[:MAX_FILE_NAME_LENGTH] or "figure"


def draw_figures(
    leaderboards: Sequence[Leaderboard],
    run_results: Sequence[RunResult],
    styles: MethodStyles | None = None,
    *,
    with_intervals: bool = True,
    width: float = TEXT_WIDTH,
) -> Iterator[CaptionedFigure]:
    """The figures of each table in turn, then those over all tables; each is drawn when it is asked for.

    A method looks alike in all. `run_results` are those that the leaderboards were built from, `styles` those of the
    methods if the figures stand next to others, `width` is in inches. The figure of intervals is left out unless
    `with_intervals`.
    """
    styles = styles or assign_run_styles(run_results)
    for leaderboard, group in zip(leaderboards, group_by_table(run_results).values(), strict=True):
        for figure in _draw_table_figures(leaderboard, group, styles, width, with_intervals=with_intervals):
            yield figure._replace(title=f"{figure.title}, {leaderboard.title}")
    if tables := collect_cross_tables(leaderboards):
        caption = cross_table_figures.describe_critical_differences(tables)
        figure = cross_table_figures.draw_critical_differences(tables, width)
        yield CaptionedFigure("Critical differences", caption, figure)
        caption = cross_table_figures.describe_profiles(tables)
        yield CaptionedFigure("Performance profiles", caption, cross_table_figures.draw_profiles(tables, styles, width))


def assign_run_styles(run_results: Sequence[RunResult]) -> MethodStyles:
    """A style for each method of these runs."""
    controls = {result.entry.label for result in run_results if result.entry.control_of}
    return assign_styles((result.entry.label for result in run_results), controls)


def draw_image_grids(run_results: Sequence[RunResult], width: float = TEXT_WIDTH) -> Iterator[CaptionedFigure]:
    """A grid of reconstructions and samples for each table in which some run has kept images."""
    for title, group in _group_tables(run_results):
        if images := image_grid_figure.collect_images(group):
            yield CaptionedFigure(
                f"Reconstructions and samples, {title}",
                image_grid_figure.describe_image_grid(images),
                image_grid_figure.draw_image_grid(images, width),
            )
        for wall in picture_walls.collect_walls(group):
            if isinstance(wall.example, ImageTable) and f"{wall.name}.png" not in image_grid_figure.FILES:
                yield CaptionedFigure(f"{wall.title}, {title}", wall.caption, picture_walls.draw_wall(wall, width))


def list_tables_without_images(run_results: Sequence[RunResult]) -> list[str]:
    """The titles of the tables in which no run has kept readable images."""
    return [title for title, group in _group_tables(run_results) if not image_grid_figure.collect_images(group)]


def _group_tables(run_results: Sequence[RunResult]) -> list[tuple[str, list[RunResult]]]:
    """The title of each table and its results."""
    groups = list(group_by_table(run_results).values())
    runs = [group[0].entry.table_run for group in groups]
    return [(format_table_title(run, runs), group) for run, group in zip(runs, groups, strict=True)]


def _draw_table_figures(
    leaderboard: Leaderboard,
    run_results: Sequence[RunResult],
    styles: MethodStyles,
    width: float,
    *,
    with_intervals: bool,
) -> Iterator[CaptionedFigure]:
    if leaderboard.columns and with_intervals:
        caption, figure = intervals.describe_intervals(leaderboard), intervals.draw_intervals(leaderboard, (), width)
        yield CaptionedFigure("Key measures", caption, figure)
    if rate_distortion.select_rows(leaderboard):
        caption = rate_distortion.describe_rate_distortion(leaderboard)
        figure = rate_distortion.draw_rate_distortion(leaderboard, styles, width)
        yield CaptionedFigure("Rate and distortion", caption, figure)
    for panel in robustness.find_panels(leaderboard):
        caption = robustness.describe_robustness(leaderboard, panel)
        figure = robustness.draw_robustness(leaderboard, panel, styles, width)
        yield CaptionedFigure(f"Accuracy under corruption, {robustness.name_panel(panel)}", caption, figure)
    if win_rates.select_measures(leaderboard):
        caption, figure = win_rates.describe_win_rates(leaderboard), win_rates.draw_win_rates(leaderboard, width)
        yield CaptionedFigure("Win rates", caption, figure)
    if histories := training_curves.read_histories(leaderboard):
        caption = training_curves.describe_curves(leaderboard)
        figure = training_curves.draw_curves(leaderboard, styles, histories, width)
        yield CaptionedFigure("Training curves", caption, figure)
    has_plane = any(map(latent_code_figure.has_codes, run_results))
    if has_plane:
        caption = latent_code_figure.describe_codes(run_results)
        yield CaptionedFigure("Codes", caption, latent_code_figure.draw_codes(run_results, width=width))
    for wall in picture_walls.collect_walls(run_results):
        is_drawn_above = has_plane and isinstance(wall.example, ScatterPlot)
        if not isinstance(wall.example, ImageTable) and not is_drawn_above:
            yield CaptionedFigure(wall.title, wall.caption, picture_walls.draw_wall(wall, width))
