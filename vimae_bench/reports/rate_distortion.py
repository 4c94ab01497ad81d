"""A figure of rate and distortion: what a code costs against what it loses, every seed a point."""

from typing import TYPE_CHECKING

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow, MeasureSummary
from .plot_style import MethodStyle, MethodStyles, add_legend, add_title, create_panels, format_method_name
from .table_format import describe_seeds, format_axis_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RATE, DISTORTION, DRAWN = "rate", "sse", "sse sampled"
"""The last is not there for a deterministic encoder, whose rate is a convention and is drawn hollow."""

NOTE = "small: one seed  ·  large: mean, with 95 % intervals  ·  hollow: deterministic encoder, push-forward rate"


def select_rows(board: Leaderboard) -> list[LeaderboardRow]:
    """The methods that have both a rate and an error."""
    return [row for row in board.rows if {RATE, DISTORTION} <= row.summaries.keys()]


def draw_rate_distortion(board: Leaderboard, looks: MethodStyles) -> "Figure":
    """The plane of a board, beside it without collapsed methods where there are any, as these lie far from the others.

    `looks` are those of all methods of the comparison.
    """
    shown, told = select_rows(board), DRAWN in board.measures
    alive = [row for row in shown if not row.collapsed_seeds]
    views = [shown, alive] if 0 < len(alive) < len(shown) else [shown]
    figure, grid = create_panels(len(views), (3.9, 3.4), legend_lines=len(shown))
    for axes, view in zip(grid, views, strict=True):
        for row in view:
            hollow = told and DRAWN not in row.summaries
            _draw_method(axes, row.summaries[RATE], row.summaries[DISTORTION], looks[row.label], hollow=hollow)
        axes.set_xlabel(format_axis_label(board.measures[RATE]), fontsize=8, parse_math=False)
        axes.set_ylabel(format_axis_label(board.measures[DISTORTION]), fontsize=8, parse_math=False)
        axes.set_title("" if view is shown else "without collapsed methods", fontsize=8)
        axes.margins(0.06)
    add_legend(figure, {row.label: looks[row.label] for row in shown}, [format_method_name(row) for row in shown])
    return add_title(figure, board.title, NOTE)


def describe_rate_distortion(board: Leaderboard) -> str:
    """What to look for."""
    return (
        f"{describe_seeds(board)} Towards the lower left, less is lost for a cheaper code. The rate of "
        "a deterministic encoder (hollow) is a convention, and compares with its like only."
    )


def _draw_method(axes: "Axes", rate: MeasureSummary, error: MeasureSummary, look: MethodStyle, *, hollow: bool) -> None:
    seeds = rate.estimates.keys() & error.estimates.keys()
    x, y = ([entry.estimates[seed].value for seed in sorted(seeds)] for entry in (rate, error))
    axes.plot(x, y, look.marker, color=look.colour, markersize=3, mfc="none", markeredgewidth=0.7)
    if rate.complete and error.complete:
        _draw_mean(axes, rate, error, look, hollow=hollow)


def _draw_mean(axes: "Axes", rate: MeasureSummary, error: MeasureSummary, look: MethodStyle, *, hollow: bool) -> None:
    if rate.interval and error.interval:
        axes.plot(rate.interval, (error.mean, error.mean), color=look.colour, linewidth=1.2)
        axes.plot((rate.mean, rate.mean), error.interval, color=look.colour, linewidth=1.2)
    face = "white" if hollow else look.colour
    axes.plot(rate.mean, error.mean, look.marker, color=look.colour, mfc=face, markersize=7, markeredgewidth=1.2)
