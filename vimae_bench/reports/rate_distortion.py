"""A figure of rate and distortion: what a code costs against what it loses, every seed a point."""

from typing import TYPE_CHECKING

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow, MeasureSummary
from .plot_style import Look, Looks, headed, legend, name, panels
from .table_format import axis, seeds_said

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RATE, DISTORTION, DRAWN = "rate", "sse", "sse sampled"
"""The last is not there for a deterministic encoder, whose rate is a convention and is drawn hollow."""

NOTE = "small: one seed  ·  large: mean, with 95 % intervals  ·  hollow: deterministic encoder, push-forward rate"


def rows(board: Leaderboard) -> list[LeaderboardRow]:
    """The methods that have both a rate and an error."""
    return [row for row in board.rows if {RATE, DISTORTION} <= row.summaries.keys()]


def draw(board: Leaderboard, looks: Looks) -> "Figure":
    """The plane of a board, beside it without collapsed methods where there are any, as these lie far from the others.

    `looks` are those of all methods of the comparison.
    """
    shown, told = rows(board), DRAWN in board.measures
    alive = [row for row in shown if not row.collapsed_seeds]
    views = [shown, alive] if 0 < len(alive) < len(shown) else [shown]
    figure, grid = panels(len(views), (3.9, 3.4), beside=len(shown))
    for axes, view in zip(grid, views, strict=True):
        for row in view:
            hollow = told and DRAWN not in row.summaries
            _method(axes, row.summaries[RATE], row.summaries[DISTORTION], looks[row.label], hollow=hollow)
        axes.set_xlabel(axis(board.measures[RATE]), fontsize=8, parse_math=False)
        axes.set_ylabel(axis(board.measures[DISTORTION]), fontsize=8, parse_math=False)
        axes.set_title("" if view is shown else "without collapsed methods", fontsize=8)
        axes.margins(0.06)
    legend(figure, {row.label: looks[row.label] for row in shown}, [name(row) for row in shown])
    return headed(figure, board.title, NOTE)


def caption(board: Leaderboard) -> str:
    """What to look for."""
    return (
        f"{seeds_said(board)} Towards the lower left, less is lost for a cheaper code. The rate of "
        "a deterministic encoder (hollow) is a convention, and compares with its like only."
    )


def _method(axes: "Axes", rate: MeasureSummary, error: MeasureSummary, look: Look, *, hollow: bool) -> None:
    seeds = rate.estimates.keys() & error.estimates.keys()
    x, y = ([entry.estimates[seed].value for seed in sorted(seeds)] for entry in (rate, error))
    axes.plot(x, y, look.marker, color=look.colour, markersize=3, mfc="none", markeredgewidth=0.7)
    if rate.complete and error.complete:
        _mean(axes, rate, error, look, hollow=hollow)


def _mean(axes: "Axes", rate: MeasureSummary, error: MeasureSummary, look: Look, *, hollow: bool) -> None:
    if rate.interval and error.interval:
        axes.plot(rate.interval, (error.mean, error.mean), color=look.colour, linewidth=1.2)
        axes.plot((rate.mean, rate.mean), error.interval, color=look.colour, linewidth=1.2)
    face = "white" if hollow else look.colour
    axes.plot(rate.mean, error.mean, look.marker, color=look.colour, mfc=face, markersize=7, markeredgewidth=1.2)
