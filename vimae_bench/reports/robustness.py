"""A figure of accuracy under corruption: a row of panels for each classifier, a panel for each kind of corruption."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import TYPE_CHECKING

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..analysis.measure_texts import describe_condition
from ..core.conditions import Condition
from ..core.results import Estimate, Measure
from .plot_style import (
    GREY,
    MethodStyle,
    MethodStyles,
    add_legend,
    add_title,
    format_method_name,
    style_axes,
    tag_method,
)
from .table_format import describe_seeds, format_axis_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

STRENGTH_LABELS = {
    "gauss": "standard deviation of the noise",
    "gauss_clip": "standard deviation of the noise, clipped",
    "mask": "share of entries set to black",
    "mask_pixel": "share of pixels set to black",
    "mask_grey": "share of entries set to grey",
}
"""What the strength means for each kind of corruption."""

DASHES = ((4, 2), (1, 1.5), (6, 2, 1, 2), (2, 2))
DASH_NAMES = ("dashed", "dotted", "dash-dotted", "finely dashed")
NOTE = "line: mean over seeds  ·  band: 95 % interval  ·  dashed: baseline without training, one value"


@dataclass(frozen=True)
class CorruptionPanel:
    """One classifier under one kind of corruption: a measure for each strength, with clean images at 0."""

    classifier: str
    kind: str
    conditions: tuple[tuple[float, Measure], ...]


def find_panels(leaderboard: Leaderboard) -> list[CorruptionPanel]:
    """The panels for a leaderboard's measures: `svm clean`, `svm gauss_0.2` and `svm gauss_0.4` make one."""
    found = [(m, corruption) for m in leaderboard.measures.values() if (corruption := _parse_corruption(m.condition))]
    panels = dict.fromkeys((measure.family, corruption.kind) for measure, corruption in found if corruption.level)
    return [CorruptionPanel(*panel, _collect_conditions(*panel, found)) for panel in panels]


def draw_robustness(leaderboard: Leaderboard, styles: MethodStyles) -> "Figure":
    """The figure of a leaderboard that has some panel."""
    panels = find_panels(leaderboard)
    measures = {measure.name for panel in panels for _, measure in panel.conditions}
    rows = [row for row in leaderboard.rows if measures & row.summaries.keys()]
    baselines = _create_baseline_lines(leaderboard, measures)
    figure, grid = _create_panel_grid(panels, legend_lines=len(rows) + len(baselines))
    for axes, panel in grid:
        for row in rows:
            with tag_method(axes, row.label):
                _draw_method(axes, panel, row, styles[row.label])
        for label, dashes in zip(baselines, cycle(DASHES), strict=False):
            _draw_baseline(axes, panel, leaderboard.baselines[label], dashes)
        axes.set_xlabel(STRENGTH_LABELS[panel.kind], fontsize=8)
        axes.set_xticks(sorted({level for level, _ in panel.conditions}))
        axes.margins(x=0.06)
    names = [format_method_name(row) for row in rows]
    add_legend(figure, {row.label: styles[row.label] for row in rows}, names, baselines)
    return add_title(figure, leaderboard.title, NOTE)


def describe_robustness(leaderboard: Leaderboard) -> str:
    """The caption."""
    return (
        f"{describe_seeds(leaderboard)} The accuracy of a classifier on the codes of corrupted images. Below a "
        f"baseline, encoding does more harm than good.{_describe_baselines(leaderboard)}"
    )


def _describe_baselines(leaderboard: Leaderboard) -> str:
    """Which line is which baseline, for a page without the legend."""
    measures = {measure.name for panel in find_panels(leaderboard) for _, measure in panel.conditions}
    labels = [label for label, estimates in leaderboard.baselines.items() if measures & estimates.keys()]
    lines = [f"{dashes} {label}" for label, dashes in zip(labels, cycle(DASH_NAMES), strict=False)]
    return f" Grey lines: {', '.join(lines)}." if lines else ""


def _parse_corruption(condition: str) -> Condition | None:
    """The corruption of this name; None if there is none, since a file of results may hold any text."""
    try:
        return Condition.parse(condition)
    except ValueError:
        return None


def _collect_conditions(
    classifier: str, kind: str, found: Sequence[tuple[Measure, Condition]]
) -> tuple[tuple[float, Measure], ...]:
    conditions = [(c.level, m) for m, c in found if m.family == classifier and c.kind in (kind, "clean")]
    return tuple(sorted(conditions, key=lambda condition: condition[0]))


def _create_panel_grid(
    panels: Sequence[CorruptionPanel], legend_lines: int
) -> "tuple[Figure, list[tuple[Axes, CorruptionPanel]]]":
    """A row of axes for each classifier, high enough for the legend."""
    from matplotlib.figure import Figure

    classifiers = dict.fromkeys(panel.classifier for panel in panels)
    rows = [[panel for panel in panels if panel.classifier == classifier] for classifier in classifiers]
    columns = max(map(len, rows))
    size = 2.7 * columns + 1.8, max(2.6 * len(rows) + 0.5, 0.17 * legend_lines + 0.6)
    figure, grid = Figure(size, layout="constrained", dpi=200), list[tuple["Axes", CorruptionPanel]]()
    subplots = figure.subplots(len(rows), columns, sharey="row", squeeze=False)
    for axes_of_row, row in zip(subplots, rows, strict=True):
        measure = row[0].conditions[0][1]
        title = measure.title.removesuffix(f" ({describe_condition(measure)})")
        measure = replace(measure, name=row[0].classifier, display_name=title if measure.display_name else "")
        axes_of_row[0].set_ylabel(format_axis_label(measure), fontsize=8, parse_math=False)
        grid += zip(map(style_axes, axes_of_row), row, strict=False)
        for axes in axes_of_row[len(row) :]:
            axes.set_visible(False)
    return figure, grid


def _draw_method(axes: "Axes", panel: CorruptionPanel, row: LeaderboardRow, style: MethodStyle) -> None:
    """Draw the mean over seeds where none is missing, single seeds elsewhere."""
    summaries = [(level, row.summaries[m.name]) for level, m in panel.conditions if m.name in row.summaries]
    complete = [(level, summary) for level, summary in summaries if summary.is_complete]
    levels, means = [level for level, _ in complete], [summary.mean for _, summary in complete]
    axes.plot(levels, means, style.marker, color=style.colour, linestyle="-", markersize=4, linewidth=1)
    intervals = [(level, summary.interval) for level, summary in complete if summary.interval]
    low, high = ([interval[end] for _, interval in intervals] for end in (0, 1))
    axes.fill_between([level for level, _ in intervals], low, high, color=style.colour, alpha=0.13, linewidth=0)
    for level, summary in summaries:
        if not summary.is_complete:
            values = [estimate.value for estimate in summary.estimates.values()]
            axes.plot([level] * len(values), values, style.marker, color=style.colour, markersize=3, mfc="none")


def _create_baseline_lines(leaderboard: Leaderboard, measures: set[str]) -> "dict[str, Line2D]":
    """A dashed legend line for each baseline that has some of the measures."""
    from matplotlib.lines import Line2D

    labels = [label for label, estimates in leaderboard.baselines.items() if measures & estimates.keys()]
    return {
        label: Line2D([], [], color=GREY, linewidth=1.2, linestyle=(0, dashes))
        for label, dashes in zip(labels, cycle(DASHES), strict=False)
    }


def _draw_baseline(
    axes: "Axes", panel: CorruptionPanel, estimates: Mapping[str, Estimate], dashes: tuple[float, ...]
) -> None:
    points = [(level, estimates[m.name].value) for level, m in panel.conditions if m.name in estimates]
    if points:
        style = (0, dashes)
        axes.plot(*zip(*points, strict=True), color=GREY, marker=".", markersize=3, linewidth=1.2, linestyle=style)
