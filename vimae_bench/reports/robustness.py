"""A figure of accuracy under one kind of corruption: a panel for each method, with the others in grey."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, zip_longest
from math import ceil
from typing import TYPE_CHECKING

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..analysis.measure_texts import describe_condition
from ..core.conditions import Condition
from ..core.results import Estimate, Measure
from .plot_axes import GREY, set_axis, style_axes, write_title
from .plot_style import (
    DASHES,
    DPI,
    METHOD_ID,
    TEXT_WIDTH,
    MethodStyle,
    MethodStyles,
    add_legend,
    create_dashed_line,
    format_method_name,
)
from .plot_text import FONT_SIZE, LINE_HEIGHT, wrap_text
from .table_format import clean_text, describe_seeds, format_axis_label, join_words
from .value_range import Span, choose_axis_limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KIND_NAMES = {
    "gauss": "noise",
    "gauss_clip": "clipped noise",
    "mask": "masking",
    "mask_pixel": "masking of pixels",
    "mask_grey": "grey masking",
}
STRENGTH_LABELS = {
    "gauss": "standard deviation of the noise",
    "gauss_clip": "standard deviation of the noise, clipped",
    "mask": "fraction of entries set to black",
    "mask_pixel": "fraction of pixels set to black",
    "mask_grey": "fraction of entries set to grey",
}
"""What the strength means for each kind of corruption."""

PANEL_WIDTH, PANEL_HEIGHT = 0.82, 0.85
"""The least width of a panel in inches, and its height without labels."""
LABEL_SPACE = 0.5
"""Inches for the label of the accuracy and its ticks."""
OTHERS = "#C4C4C4"
"""The colour of the methods that a panel is not about."""


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


def name_panel(panel: CorruptionPanel) -> str:
    """The classifier and the corruption, such as `SVM accuracy, noise`."""
    return f"{_name_classifier(panel)}, {KIND_NAMES[panel.kind]}"


def draw_robustness(
    leaderboard: Leaderboard, panel: CorruptionPanel, styles: MethodStyles, width: float = TEXT_WIDTH
) -> "Figure":
    """One classifier under one corruption in a figure of a width in inches.

    Each method that was tested has a panel with its mean and interval, over the means of the others.
    """
    from matplotlib.figure import Figure

    rows = _select_rows(leaderboard, panel)
    across = min(len(rows), max(1, int((width - LABEL_SPACE) / PANEL_WIDTH)))
    down = ceil(len(rows) / across)
    across = ceil(len(rows) / down)
    panel_width = (width - LABEL_SPACE) / across - 0.08
    figure = Figure((width, down * (PANEL_HEIGHT + LINE_HEIGHT) + 0.42), layout="constrained", dpi=DPI)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)  # pyright: ignore
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    baselines = dict(zip(_list_baselines(leaderboard, panel), cycle(DASHES), strict=False))
    limits = _choose_limits(leaderboard, panel, rows)
    for axes, row in zip_longest(grid.flat, rows):
        if row is None:
            axes.set_visible(False)
            continue
        style_axes(axes)
        for other in rows:
            if other is not row:
                levels, means = _list_means(panel, other)
                axes.plot(levels, means, color=OTHERS, linewidth=0.7)
        for label, dashes in baselines.items():
            _draw_baseline(axes, panel, leaderboard.baselines[label], dashes)
        axes.set_gid(METHOD_ID + clean_text(row.label))
        _draw_method(axes, panel, row, styles[row.label])
        write_title(axes, format_method_name(row), panel_width)
    levels = [level for level, _ in panel.conditions]
    for axes in grid.flat:
        set_axis(axes, "x", (-0.08 * levels[-1], 1.08 * levels[-1]), panel_width)
        set_axis(axes, "y", limits, PANEL_HEIGHT)
    figure.supxlabel(STRENGTH_LABELS[panel.kind], fontsize=FONT_SIZE, parse_math=False)
    label = format_axis_label(replace(panel.conditions[0][1], display_name=_name_classifier(panel)))
    figure.supylabel(wrap_text(label, figure.get_figheight() - 0.3), fontsize=FONT_SIZE, parse_math=False)
    add_legend(figure, [(label, create_dashed_line(dashes)) for label, dashes in baselines.items()])
    return figure


def describe_robustness(leaderboard: Leaderboard, panel: CorruptionPanel) -> str:
    """The caption."""
    outside = _list_outside(leaderboard, panel)
    left = f" Partly off the panels: {', '.join(outside)}." if outside else ""
    labels = _list_baselines(leaderboard, panel)
    lines = f" Dashed: {join_words(labels)}, without training." if labels else ""
    return (
        f"{describe_seeds(leaderboard)} {name_panel(panel)}: accuracy on the codes of corrupted images by strength. "
        f"Each panel shows one method over the others, in grey.{lines}{left}"
    )


def _name_classifier(panel: CorruptionPanel) -> str:
    """The measures of a panel without their condition, such as `SVM accuracy`."""
    measure = panel.conditions[0][1]
    return measure.display_name.removesuffix(f" ({describe_condition(measure)})") or panel.classifier


def _select_rows(leaderboard: Leaderboard, panel: CorruptionPanel) -> list[LeaderboardRow]:
    measures = {measure.name for _, measure in panel.conditions}
    return [row for row in leaderboard.rows if measures & row.summaries.keys()]


def _list_baselines(leaderboard: Leaderboard, panel: CorruptionPanel) -> list[str]:
    measures = {measure.name for _, measure in panel.conditions}
    return [label for label, estimates in leaderboard.baselines.items() if measures & estimates.keys()]


def _list_means(panel: CorruptionPanel, row: LeaderboardRow) -> tuple[list[float], list[float]]:
    """The strengths at which no seed of a method is missing, and its means there."""
    found = [(level, row.summaries[m.name]) for level, m in panel.conditions if m.name in row.summaries]
    complete = [(level, summary.mean) for level, summary in found if summary.is_complete]
    return [level for level, _ in complete], [mean for _, mean in complete]


def _choose_limits(leaderboard: Leaderboard, panel: CorruptionPanel, rows: Sequence[LeaderboardRow]) -> Span:
    spans = [_measure_span(row, panel) for row in rows if not row.collapsed_seeds] or [
        _measure_span(row, panel) for row in rows
    ]
    estimates = [leaderboard.baselines[label] for label in _list_baselines(leaderboard, panel)]
    others = [found[m.name].value for found in estimates for _, m in panel.conditions if m.name in found]
    return choose_axis_limits(spans, others, panel.conditions[0][1].scale)


def _measure_span(row: LeaderboardRow, panel: CorruptionPanel) -> Span:
    summaries = [row.summaries[m.name] for _, m in panel.conditions if m.name in row.summaries]
    values = [estimate.value for summary in summaries for estimate in summary.estimates.values()]
    values += [end for summary in summaries if summary.is_complete and summary.interval for end in summary.interval]
    return min(values), max(values)


def _list_outside(leaderboard: Leaderboard, panel: CorruptionPanel) -> list[str]:
    """Methods and baselines that are partly outside the panels, with their range."""
    rows = _select_rows(leaderboard, panel)
    low, high = _choose_limits(leaderboard, panel, rows)
    ranges = {row.label: means for row in rows if (means := _list_means(panel, row)[1])}
    for label in _list_baselines(leaderboard, panel):
        found = leaderboard.baselines[label]
        ranges[label] = [found[m.name].value for _, m in panel.conditions if m.name in found]
    return [
        f"{clean_text(label)} ({min(values):.3g} to {max(values):.3g})"
        for label, values in ranges.items()
        if min(values) < low or max(values) > high
    ]


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


def _draw_baseline(
    axes: "Axes", panel: CorruptionPanel, estimates: Mapping[str, Estimate], dashes: tuple[float, ...]
) -> None:
    points = [(level, estimates[m.name].value) for level, m in panel.conditions if m.name in estimates]
    if points:
        style = (0, dashes)
        axes.plot(*zip(*points, strict=True), color=GREY, marker=".", markersize=3, linewidth=1.2, linestyle=style)
