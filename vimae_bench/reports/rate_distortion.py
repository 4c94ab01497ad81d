"""A figure of rate and distortion: what a code costs against what it loses, with a point for every seed."""

from typing import TYPE_CHECKING

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow, MeasureSummary
from ..core.results import Measure, find_measure
from .plot_style import MethodStyle, MethodStyles, add_legend, add_title, create_panels, format_method_name, tag_method
from .table_format import describe_seeds, format_axis_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NOTE = "small: one seed  ·  large: mean, with 95 % intervals  ·  hollow: deterministic encoder, push-forward rate"


def select_rows(leaderboard: Leaderboard) -> list[LeaderboardRow]:
    """The methods that have both a rate and a distortion."""
    measures = _find_axes(leaderboard)
    names = {measure.name for measure in measures}
    return [row for row in leaderboard.rows if names <= row.summaries.keys()] if len(measures) == 2 else []


def draw_rate_distortion(leaderboard: Leaderboard, styles: MethodStyles) -> "Figure":
    """The rate-distortion plane of a table that has some row to show.

    If some methods collapsed, a second panel leaves them out, since they lie far from the others. A deterministic
    encoder, which has no sampled distortion, has a rate by convention only; its mean is drawn hollow.
    """
    rows, (rate, distortion) = select_rows(leaderboard), _find_axes(leaderboard)
    sampled = find_measure(leaderboard.measures.values(), "sampled distortion")
    not_collapsed = [row for row in rows if not row.collapsed_seeds]
    views = [rows, not_collapsed] if 0 < len(not_collapsed) < len(rows) else [rows]
    figure, panels = create_panels(len(views), (2.75, 2.6), legend_lines=len(rows))
    for axes, view in zip(panels, views, strict=True):
        for row in view:
            hollow = sampled is not None and sampled.name not in row.summaries
            summaries = row.summaries[rate.name], row.summaries[distortion.name]
            with tag_method(axes, row.label):
                _draw_method(axes, *summaries, styles[row.label], hollow=hollow)
        axes.set_xlabel(format_axis_label(rate), fontsize=8, parse_math=False)
        axes.set_ylabel(format_axis_label(distortion), fontsize=8, parse_math=False)
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


def _find_axes(leaderboard: Leaderboard) -> list[Measure]:
    """The rate and the distortion of a leaderboard, as far as it has them."""
    found = (find_measure(leaderboard.measures.values(), family) for family in ("rate", "distortion"))
    return [measure for measure in found if measure]


def _draw_method(
    axes: "Axes", rate: MeasureSummary, distortion: MeasureSummary, style: MethodStyle, *, hollow: bool
) -> None:
    seeds = sorted(rate.estimates.keys() & distortion.estimates.keys())
    x, y = ([summary.estimates[seed].value for seed in seeds] for summary in (rate, distortion))
    axes.plot(x, y, style.marker, color=style.colour, markersize=3, mfc="none", markeredgewidth=0.7)
    if rate.is_complete and distortion.is_complete:
        _draw_mean(axes, rate, distortion, style, hollow=hollow)


def _draw_mean(
    axes: "Axes", rate: MeasureSummary, distortion: MeasureSummary, style: MethodStyle, *, hollow: bool
) -> None:
    if rate.interval and distortion.interval:
        axes.plot(rate.interval, (distortion.mean, distortion.mean), color=style.colour, linewidth=1.2)
        axes.plot((rate.mean, rate.mean), distortion.interval, color=style.colour, linewidth=1.2)
    face = "white" if hollow else style.colour
    axes.plot(rate.mean, distortion.mean, style.marker, color=style.colour, mfc=face, markersize=7, markeredgewidth=1.2)
