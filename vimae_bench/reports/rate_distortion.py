"""A figure of rate and distortion: what a code costs against what it loses, with a point for every seed.

Methods that differ in one number make a curve (Alemi et al., 1711.00464). The distortion is that of draws of the
posterior, where it is measured, so that lines of equal ELBO can be drawn; for a deterministic encoder these are the
codes themselves.
"""

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow, MeasureSummary
from ..analysis.sweeps import Sweep, find_error_weight, find_sweeps
from ..core.results import Measure, find_measure
from .plot_axes import GREY, label_axis, set_axis
from .plot_style import (
    COLOURS,
    TEXT_WIDTH,
    LegendEntries,
    MethodStyle,
    MethodStyles,
    add_legend,
    create_line,
    create_method_entries,
    create_panels,
    tag_method,
)
from .plot_text import FONT_SIZE, LINE_HEIGHT, format_rounded, format_tick
from .table_format import describe_seeds, format_axis_label, join_words
from .value_range import Span, choose_axis_limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABEL_SHARE = 0.1
"""The share of the width of a panel that the value of a setting takes at most."""
ELBO_LINES = 6
"""About so many lines of equal ELBO cross the panel."""
AXIS_SPACE = 0.45
"""Inches that the labels of an axis take."""


@dataclass(frozen=True)
class _Point:
    """A method in the plane: its rate and its distortion; `is_hollow` if its encoder is deterministic."""

    row: LeaderboardRow
    rate: MeasureSummary
    distortion: MeasureSummary
    is_hollow: bool

    @property
    def is_complete(self) -> bool:
        return self.rate.is_complete and self.distortion.is_complete


def select_rows(leaderboard: Leaderboard) -> list[LeaderboardRow]:
    """The methods that have both a rate and a distortion."""
    return [point.row for point in _list_points(leaderboard)]


def draw_rate_distortion(leaderboard: Leaderboard, styles: MethodStyles, width: float = TEXT_WIDTH) -> "Figure":
    """The rate-distortion plane of a table that has some row to show, in a figure of a width in inches.

    A deterministic encoder, which has a rate by convention only, is drawn hollow. What lies far from the others is an
    arrow at the edge.
    """
    points, sweeps = _list_points(leaderboard), _list_curves(leaderboard)
    if len(points) > len(COLOURS):
        styles = _share_styles(styles, sweeps)
    figure, (axes,) = create_panels(1, width, aspect=0.62)
    ordinary = [point for point in points if not point.row.collapsed_seeds] or points
    limits = _choose_limits(leaderboard, ordinary)
    inches = width - AXIS_SPACE, figure.get_figheight() - AXIS_SPACE
    rate, distortion = _find_axes(leaderboard)
    set_axis(axes, "x", limits[0], inches[0], rate.scale)
    set_axis(axes, "y", limits[1], inches[1], distortion.scale)
    label_axis(axes, "x", format_axis_label(rate), inches[0])
    label_axis(axes, "y", format_axis_label(distortion), inches[1])
    if weight := _find_weight(leaderboard):
        _draw_equal_elbo(axes, weight, limits)
    for sweep in sweeps:
        _draw_curve(axes, sweep, points, styles, figure.get_figheight() - AXIS_SPACE)
    for point in points:
        with tag_method(axes, point.row.label):
            _draw_point(axes, point, styles[point.row.label], limits)
    add_legend(figure, _create_entries(points, sweeps, styles))
    return figure


def describe_rate_distortion(leaderboard: Leaderboard) -> str:
    """The caption."""
    points, sweeps = _list_points(leaderboard), _list_curves(leaderboard)
    shown = {point.row.label for point in points}
    absent = [row.label for row in leaderboard.rows if row.label not in shown]
    parts = [
        describe_seeds(leaderboard),
        "Small: one seed; large: the mean. Towards the lower left, codes are cheaper and lose less.",
    ]
    if sweeps:
        parts.append(f"Lines: {join_words([sweep.name for sweep in sweeps])}, with the value at each point.")
    if weight := _find_weight(leaderboard):
        parts.append(
            f"Dotted: equal negative ELBO, rate + {weight:g} * distortion, for a Gaussian decoder with variance "
            f"{1 / (2 * weight):.3g}; lower is better."
        )
    if any(point.is_hollow for point in points):
        parts.append(
            "Hollow: a deterministic encoder, whose rate is a convention and can only be compared with those of other "
            "such encoders."
        )
    if absent:
        parts.append(f"Without a rate, and so not shown: {join_words(absent)}.")
    return " ".join(parts)


def _list_points(leaderboard: Leaderboard) -> list[_Point]:
    axes = _find_axes(leaderboard)
    if len(axes) < 2:
        return []
    rate, distortion = axes
    of_means = find_measure(leaderboard.measures.values(), "distortion")
    points = list[_Point]()
    for row in leaderboard.rows:
        found = row.summaries.get(distortion.name)
        is_sampled = distortion.family == "sampled distortion" and found is not None
        found = found or (row.summaries.get(of_means.name) if of_means else None)
        if found and rate.name in row.summaries:
            hollow = not is_sampled and distortion.family == "sampled distortion"
            points.append(_Point(row, row.summaries[rate.name], found, hollow))
    return points


def _find_axes(leaderboard: Leaderboard) -> list[Measure]:
    """The rate and the distortion of a leaderboard, as far as it has them: that of draws if any method has it."""
    measured = {name for row in leaderboard.rows for name in row.summaries}
    measures = [measure for name, measure in leaderboard.measures.items() if name in measured]
    distortion = find_measure(measures, "sampled distortion") or find_measure(measures, "distortion")
    return [measure for measure in (find_measure(measures, "rate"), distortion) if measure]


def _find_weight(leaderboard: Leaderboard) -> float | None:
    """The weight of the distortion in the ELBO; None where no line of equal ELBO can be drawn."""
    is_sampled = any(measure.family == "sampled distortion" for measure in _find_axes(leaderboard))
    return find_error_weight(leaderboard) if is_sampled else None


def _list_curves(leaderboard: Leaderboard) -> list[Sweep]:
    """The sweeps of which enough methods have a rate and a distortion."""
    shown = {point.row.label for point in _list_points(leaderboard)}
    return [sweep for sweep in find_sweeps(leaderboard) if shown.issuperset(sweep.labels.values())]


def _share_styles(styles: MethodStyles, sweeps: list[Sweep]) -> MethodStyles:
    """The styles of methods, with one for all methods of a curve: that of its first."""
    shared = {label: styles[next(iter(s.labels.values()))] for s in reversed(sweeps) for label in s.labels.values()}
    return {**styles, **shared}


def _choose_limits(leaderboard: Leaderboard, points: list[_Point]) -> tuple[Span, Span]:
    spans = [[_measure_span(summary) for summary in (point.rate, point.distortion)] for point in points]
    rate, distortion = _find_axes(leaderboard)
    x, y = ([span[i] for span in spans] for i in (0, 1))
    return choose_axis_limits(x, scale=rate.scale), choose_axis_limits(y, scale=distortion.scale)


def _measure_span(summary: MeasureSummary) -> Span:
    values = [estimate.value for estimate in summary.estimates.values()]
    return min(values), max(values)


def _draw_equal_elbo(axes: "Axes", weight: float, limits: tuple[Span, Span]) -> None:
    """Lines on which rate + weight * distortion is the same, each with its value at its lower end."""
    from matplotlib.ticker import MaxNLocator

    (x_low, x_high), (y_low, y_high) = limits
    x = np.linspace(x_low, x_high, 200)
    lowest, highest = x_low + weight * y_low, x_high + weight * y_high
    for value in MaxNLocator(ELBO_LINES).tick_values(lowest, highest):
        y = (value - x) / weight
        inside = (y >= y_low) & (y <= y_high)
        if inside.any():
            axes.plot(x[inside], y[inside], color=GREY, linewidth=0.7, linestyle=(0, (1, 2)), zorder=1)
            where = (x[inside][-1], y[inside][-1])
            axes.annotate(
                format_tick(float(value)),
                where,
                (-2, 2),
                textcoords="offset points",
                fontsize=FONT_SIZE,
                color=GREY,
                ha="right",
                va="bottom",
                annotation_clip=True,
            )


def _draw_curve(axes: "Axes", sweep: Sweep, points: list[_Point], styles: MethodStyles, height: float) -> None:
    """A line through the means, with the value of the setting at each, in a panel of a height in inches."""
    by_label = {point.row.label: point for point in points}
    shown = [(value, by_label[label]) for value, label in sweep.labels.items() if by_label[label].is_complete]
    own = {styles[label].colour for label in sweep.labels.values()}
    colour = own.pop() if len(own) == 1 else GREY
    axes.plot([p.rate.mean for _, p in shown], [p.distortion.mean for _, p in shown], color=colour, linewidth=0.9)
    taken = list[tuple[float, float]]()
    for value, point in shown:
        place = point.rate.mean, point.distortion.mean
        x, y = axes.transAxes.inverted().transform(axes.transData.transform(place))
        above = 3.0
        while any(
            abs(x - a) < LABEL_SHARE and abs(y + above / 72 / height - b) * height < LINE_HEIGHT for a, b in taken
        ):
            above += 1.0
        taken.append((x, y + above / 72 / height))
        axes.annotate(
            f"{value:g}",
            place,
            (4, above),
            textcoords="offset points",
            fontsize=FONT_SIZE,
            color=colour,
            annotation_clip=True,
        )


def _draw_point(axes: "Axes", point: _Point, style: MethodStyle, limits: tuple[Span, Span]) -> None:
    seeds = sorted(point.rate.estimates.keys() & point.distortion.estimates.keys())
    x, y = ([summary.estimates[seed].value for seed in seeds] for summary in (point.rate, point.distortion))
    axes.plot(x, y, style.marker, color=style.colour, markersize=2.5, mfc="none", markeredgewidth=0.6)
    if point.is_complete:
        _draw_mean(axes, point, style, limits)


def _draw_mean(axes: "Axes", point: _Point, style: MethodStyle, limits: tuple[Span, Span]) -> None:
    place = point.rate.mean, point.distortion.mean
    if not all(low <= value <= high for value, (low, high) in zip(place, limits, strict=True)):
        _draw_outside(axes, place, style, limits)
        return
    if point.rate.interval and point.distortion.interval:
        axes.plot(point.rate.interval, (place[1], place[1]), color=style.colour, linewidth=1)
        axes.plot((place[0], place[0]), point.distortion.interval, color=style.colour, linewidth=1)
    face = "white" if point.is_hollow else style.colour
    axes.plot(*place, style.marker, color=style.colour, mfc=face, markersize=5, markeredgewidth=1)


def _draw_outside(axes: "Axes", place: Span, style: MethodStyle, limits: tuple[Span, Span]) -> None:
    """An arrow at the edge towards a mean outside the panel, with its rate and distortion."""
    if not all(map(isfinite, place)):
        return
    edge = min(max(place[0], limits[0][0]), limits[0][1]), min(max(place[1], limits[1][0]), limits[1][1])
    on_right, on_top = place[0] > limits[0][1], place[1] > limits[1][1]
    marker = "^" if on_top else "v" if place[1] < limits[1][0] else ">" if on_right else "<"
    axes.plot(*edge, marker, color=style.colour, markersize=5, clip_on=False)
    text = f"({format_rounded(place[0], 3)}, {format_rounded(place[1], 3)})"
    is_right_half = edge[0] > (limits[0][0] + limits[0][1]) / 2
    axes.annotate(
        text,
        edge,
        (-5 if is_right_half else 5, 0),
        textcoords="offset points",
        fontsize=FONT_SIZE,
        color=style.colour,
        ha="right" if is_right_half else "left",
        va="center",
    )


def _create_entries(points: list[_Point], sweeps: list[Sweep], styles: MethodStyles) -> LegendEntries:
    swept = {label for sweep in sweeps for label in sweep.labels.values()}
    curves = [(sweep.name, create_line(styles[next(iter(sweep.labels.values()))])) for sweep in sweeps]
    if len(points) <= len(COLOURS):
        swept, curves = set[str](), []
    return [*curves, *create_method_entries([p.row for p in points if p.row.label not in swept], styles)]
