"""A figure of rate and distortion: what a code costs against what it loses, with a point for every seed."""

from typing import TYPE_CHECKING

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow, MeasureSummary
from .plot_style import MethodStyle, MethodStyles, add_legend, add_title, create_panels, format_method_name
from .table_format import describe_seeds, format_axis_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RATE, DISTORTION, SAMPLED_DISTORTION = "rate", "sse", "sse sampled"
"""A deterministic encoder has no sampled distortion; its rate is a convention, and its mean is drawn hollow."""

NOTE = "small: one seed  ·  large: mean, with 95 % intervals  ·  hollow: deterministic encoder, push-forward rate"


def select_rows(leaderboard: Leaderboard) -> list[LeaderboardRow]:
    """The methods that have both a rate and a distortion."""
    return [row for row in leaderboard.rows if {RATE, DISTORTION} <= row.summaries.keys()]


def draw_rate_distortion(leaderboard: Leaderboard, styles: MethodStyles) -> "Figure":
    """The rate-distortion plane of a table that has some row to show.

    If some methods collapsed, a second panel leaves them out, since they lie far from the others.
    """
    rows, is_sampled = select_rows(leaderboard), SAMPLED_DISTORTION in leaderboard.measures
    not_collapsed = [row for row in rows if not row.collapsed_seeds]
    views = [rows, not_collapsed] if 0 < len(not_collapsed) < len(rows) else [rows]
    figure, panels = create_panels(len(views), (3.9, 3.4), legend_lines=len(rows))
    for axes, view in zip(panels, views, strict=True):
        for row in view:
            hollow = is_sampled and SAMPLED_DISTORTION not in row.summaries
            _draw_method(axes, row.summaries[RATE], row.summaries[DISTORTION], styles[row.label], hollow=hollow)
        axes.set_xlabel(format_axis_label(leaderboard.measures[RATE]), fontsize=8, parse_math=False)
        axes.set_ylabel(format_axis_label(leaderboard.measures[DISTORTION]), fontsize=8, parse_math=False)
        axes.set_title("" if view is rows else "without collapsed methods", fontsize=8)
        axes.margins(0.06)
    add_legend(figure, {row.label: styles[row.label] for row in rows}, [format_method_name(row) for row in rows])
    return add_title(figure, leaderboard.title, NOTE)


def describe_rate_distortion(leaderboard: Leaderboard) -> str:
    """The caption."""
    return (
        f"{describe_seeds(leaderboard)} Towards the lower left, codes are cheaper and lose less. The rate of a "
        "deterministic encoder (hollow) is a convention, and can only be compared with those of other such encoders."
    )


def _draw_method(
    axes: "Axes", rate: MeasureSummary, distortion: MeasureSummary, style: MethodStyle, *, hollow: bool
) -> None:
    seeds = sorted(rate.estimates.keys() & distortion.estimates.keys())
    x, y = ([summary.estimates[seed].value for seed in seeds] for summary in (rate, distortion))
    axes.plot(x, y, style.marker, color=style.colour, markersize=3, mfc="none", markeredgewidth=0.7)
    if rate.complete and distortion.complete:
        _draw_mean(axes, rate, distortion, style, hollow=hollow)


def _draw_mean(
    axes: "Axes", rate: MeasureSummary, distortion: MeasureSummary, style: MethodStyle, *, hollow: bool
) -> None:
    if rate.interval and distortion.interval:
        axes.plot(rate.interval, (distortion.mean, distortion.mean), color=style.colour, linewidth=1.2)
        axes.plot((rate.mean, rate.mean), distortion.interval, color=style.colour, linewidth=1.2)
    face = "white" if hollow else style.colour
    axes.plot(rate.mean, distortion.mean, style.marker, color=style.colour, mfc=face, markersize=7, markeredgewidth=1.2)
