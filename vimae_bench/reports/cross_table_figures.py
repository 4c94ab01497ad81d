"""Figures of methods over several tables: diagrams of critical differences, and performance profiles."""

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from ..analysis.across_tables import (
    CrossTable,
    bootstrap_profile,
    compute_profile,
    critical_difference,
    find_cliques,
    friedman_p_value,
)
from ..analysis.statements import format_p
from ..analysis.statistics import ALPHA
from ..core.results import Measure
from .plot_axes import BLACK, GREY, label_axis, set_axis, write_text, write_title
from .plot_style import DPI, TEXT_WIDTH, MethodStyles, add_legend, create_line, create_panels, tag_method
from .plot_text import LINE_HEIGHT, fit_name, measure_text
from .table_format import format_heading, shorten_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DIAGRAM_WIDTH, NAME_SHARE = 2.5, 0.3
"""The least width of a diagram in inches, and the greatest share of it that names take on each side."""
AXIS_SPACE = 0.45
"""Inches that the labels of an axis take."""
THRESHOLDS = 101


def draw_critical_differences(tables: Sequence[CrossTable], width: float = TEXT_WIDTH) -> "Figure":
    """A diagram for each measure: mean ranks, with a bar over methods that do not differ significantly."""
    from matplotlib.figure import Figure

    across = min(len(tables), max(1, int(width / DIAGRAM_WIDTH)))
    down = ceil(len(tables) / across)
    cell = width / across
    heights = [_measure_height(table) for table in tables]
    high = max(heights)
    figure = Figure((width, down * high), dpi=DPI)
    for i, table in enumerate(tables):
        left, bottom = i % across * cell / width, 1 - (i // across + 1) / down
        axes = figure.add_axes((left, bottom, 1 / across, 1 / down), xlim=(0, cell), ylim=(high, 0))
        axes.set_axis_off()
        _draw_diagram(axes, table, cell)
    return figure


def describe_critical_differences(tables: Sequence[CrossTable]) -> str:
    """The caption."""
    tests = ", ".join(f"{table.measure.title}: {format_p(friedman_p_value(table.ranks))}" for table in tables)
    return (
        f"Mean ranks over {_describe_counts(tables)}, the best at the right. Methods under one bar do not differ "
        f"significantly by Nemenyi's test at {100 * ALPHA:g} %; CD: that which would (Demšar, 2006). Friedman's "
        f"test of any difference: {tests}. Tables of one data set count as independent."
    )


def draw_profiles(tables: Sequence[CrossTable], styles: MethodStyles, width: float = TEXT_WIDTH) -> "Figure":
    """A performance profile for each measure: the share of runs above each score, with its interval."""
    figure, panels = create_panels(len(tables), width)
    spec = panels[0].get_subplotspec()
    columns, lines = (spec.get_gridspec().ncols, spec.get_gridspec().nrows) if spec else (1, 1)
    inches = width / columns - AXIS_SPACE, figure.get_figheight() / lines - AXIS_SPACE
    labels = list(dict.fromkeys(label for table in tables for label in table.labels))
    thresholds = np.linspace(0, 1, THRESHOLDS)
    for axes, table in zip(panels, tables, strict=True):
        profile, (low, high) = compute_profile(table.scores, thresholds), bootstrap_profile(table.scores, thresholds)
        for i, label in enumerate(table.labels):
            style = styles[label]
            with tag_method(axes, label):
                (line,) = axes.plot(
                    thresholds, profile[i], style.marker, color=style.colour, markevery=20, markersize=3
                )
                line.set(linestyle="-", linewidth=1)
                axes.fill_between(thresholds, low[i], high[i], color=style.colour, alpha=0.13, linewidth=0)
        set_axis(axes, "x", (0, 1), inches[0])
        set_axis(axes, "y", (0, 1.02), inches[1])
        write_title(axes, format_heading(table.measure), inches[0])
        label_axis(axes, "x", "score", inches[0])
    panels[0].set_ylabel("share of runs above", fontsize=panels[0].xaxis.label.get_fontsize())
    add_legend(figure, [(shorten_name(label), create_line(styles[label])) for label in labels])
    return figure


def describe_profiles(tables: Sequence[CrossTable]) -> str:
    """The caption."""
    return (
        f"The share of runs whose score is above each value, a mean over {_describe_counts(tables)}, with 95 % "
        "intervals from runs drawn anew within each table (Agarwal et al., 2021). A score is 0 for the worst run of a "
        "table and 1 for the best, on the scale on which the measure is tested. Higher curves are better."
    )


def _describe_counts(tables: Sequence[CrossTable]) -> str:
    counts = sorted({len(table.titles) for table in tables})
    return f"{counts[0]} tables" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} tables"


def _measure_height(table: CrossTable) -> float:
    lines = ceil(len(table.labels) / 2)
    bars = len(find_cliques(table.mean_ranks, critical_difference(len(table.labels), len(table.titles))))
    return (5 + lines) * LINE_HEIGHT + 0.09 * bars + 0.1


def _draw_diagram(axes: "Axes", table: CrossTable, width: float) -> None:
    """Ranks from the worst at the left to the best at the right, names at both sides."""
    count = len(table.labels)
    names = min(NAME_SHARE * width, max(map(measure_text, table.labels)) + 0.2)
    difference = critical_difference(count, len(table.titles))

    def place(rank: float) -> float:
        return width - names - (rank - 1) / (count - 1) * (width - 2 * names)

    write_text(axes, 0.03, LINE_HEIGHT / 2 + 0.02, _format_title(table.measure, width), weight="bold")
    top = 2.2 * LINE_HEIGHT
    span = difference / (count - 1) * (width - 2 * names)
    start = width - names - span
    axes.plot((start, width - names), (top, top), color=BLACK, linewidth=1, marker="|", markersize=4)
    write_text(axes, start - 0.05, top, f"CD {difference:.2f}", ha="right")
    line = top + 1.9 * LINE_HEIGHT
    axes.plot((place(count), place(1)), (line, line), color=BLACK, linewidth=0.8)
    for rank in range(1, count + 1):
        axes.plot((place(rank),) * 2, (line - 0.04, line), color=BLACK, linewidth=0.8)
        write_text(axes, place(rank), line - 0.05, str(rank), ha="center", va="bottom")
    cliques = find_cliques(table.mean_ranks, difference)
    for i, group in enumerate(cliques):
        ends = [place(float(table.mean_ranks[j])) for j in (group[0], group[-1])]
        y = line + 0.07 + 0.09 * i
        axes.plot((ends[0] + 0.03, ends[1] - 0.03), (y, y), color=BLACK, linewidth=2.2, solid_capstyle="butt")
    order = [int(i) for i in np.argsort(table.mean_ranks, kind="stable")]
    half = ceil(count / 2)
    first = line + 0.09 * len(cliques) + 0.15
    for side, members in (("right", order[:half]), ("left", order[half:][::-1])):
        for row, i in enumerate(members):
            y, x = first + row * LINE_HEIGHT, place(float(table.mean_ranks[i]))
            end = width - names + 0.05 if side == "right" else names - 0.05
            axes.plot((x, x, end), (line, y, y), color=GREY, linewidth=0.6)
            shown = fit_name(table.labels[i], names - 0.12)
            write_text(
                axes, end + (0.03 if side == "right" else -0.03), y, shown, ha="left" if side == "right" else "right"
            )


def _format_title(measure: Measure, width: float) -> str:
    text = format_heading(measure)
    return text if measure_text(text) < width / 1.15 else fit_name(text, width / 1.15)
