"""A figure of a leaderboard: a panel for each measure, with every seed, the mean and its interval, method by method."""

from collections.abc import Sequence
from itertools import zip_longest
from math import ceil
from typing import TYPE_CHECKING

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..core.results import Measure
from .table_format import COLLAPSED, clean_text, describe_seeds, format_axis_label, format_seed_count, shorten_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TOP, OTHER, COLLAPSE, QUIET = "#0072B2", "#222222", "#D55E00", "#8C8C8C"
"""Colours of Okabe and Ito, which the colour-blind can tell apart, and greys."""

ACROSS = 4
"""Panels side by side."""

DIRECTIONS = {"lower": "← lower is better", "higher": "higher is better →", None: ""}
LEGEND = ("circle: one seed", "bar: mean and 95 % interval", "blue: none is shown to be better", "cross: collapsed")


def draw_intervals(board: Leaderboard, columns: Sequence[str] = ()) -> "Figure":
    """The figure of a board; `columns` are the measures to be shown (none: those of its table)."""
    from matplotlib.figure import Figure

    measures = [board.measures[name] for name in columns or board.columns if name in board.measures]
    lines, across = len(board.rows) + len(board.references), min(max(len(measures), 1), ACROSS)
    rows = max(ceil(len(measures) / ACROSS), 1)
    figure = Figure((1.3 + 2.2 * across, 0.5 + (0.8 + 0.3 * lines) * rows), layout="constrained", dpi=200)
    figure.suptitle(clean_text(board.title), fontsize=9, fontweight="bold", parse_math=False)
    figure.supxlabel(("  ·  " if across > 1 else "\n").join(LEGEND), fontsize=6.5, color=QUIET)
    grid = figure.subplots(rows, across, sharey=True, squeeze=False)
    for axes, measure in zip_longest(grid.flat, measures):
        if measure:
            _draw_panel(axes, board, measure)
        else:
            axes.set_visible(False)
    for first in grid[:, 0]:
        _label_rows(first, board)
    return figure


def describe_intervals(board: Leaderboard) -> str:
    """What to look for."""
    top = " Under each measure, methods in blue are those to which none is shown to be better." if board.test else ""
    return describe_seeds(board) + top


def _draw_panel(axes: "Axes", board: Leaderboard, measure: Measure) -> None:
    for y in range(0, len(board.rows) + len(board.references), 2):
        axes.axhspan(y - 0.5, y + 0.5, color="#F5F5F5", linewidth=0)
    for y, row in enumerate(board.rows):
        _draw_method(axes, y, row, measure)
    for y, estimates in enumerate(board.references.values(), start=len(board.rows)):
        if measure.name in estimates:
            axes.plot(estimates[measure.name].value, y, "D", color=QUIET, markersize=4)
    axes.set_xlabel(f"{format_axis_label(measure)}\n{DIRECTIONS[measure.better]}", fontsize=8, parse_math=False)
    axes.tick_params(labelsize=7, length=2)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.margins(x=0.08)
    axes.locator_params(axis="x", nbins=5)


def _draw_method(axes: "Axes", y: int, row: LeaderboardRow, measure: Measure) -> None:
    entry = row.summaries.get(measure.name)
    if entry is None:
        return
    colour = QUIET if not row.complete else TOP if entry.shared_rank and entry.shared_rank.is_best else OTHER
    collapsed = set(row.collapsed_seeds)
    for marker, shade, shown in (("o", colour, entry.estimates.keys() - collapsed), ("x", COLLAPSE, collapsed)):
        values = [estimate.value for seed, estimate in entry.estimates.items() if seed in shown]
        places = [y + 0.16] * len(values)
        axes.plot(values, places, marker, color=shade, markersize=3, mfc="none", markeredgewidth=0.7)
    if entry.interval and entry.complete:
        axes.plot(entry.interval, (y - 0.12, y - 0.12), color=colour, linewidth=1.6, solid_capstyle="butt")
    axes.plot(entry.mean, y - 0.12, marker="|", color=colour, markersize=8, markeredgewidth=1.8)


def _label_rows(axes: "Axes", board: Leaderboard) -> None:
    """Methods down the side, with what there is to say of them, and references below a line."""
    names = [
        f"{shorten_name(row.label)}{f' {COLLAPSED}' if row.collapsed_seeds else ''}{_describe_missing_seeds(row)}"
        for row in board.rows
    ]
    labels = [*names, *map(shorten_name, board.references)]
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    quiet = [not row.complete for row in board.rows] + [True] * len(board.references)
    for label, grey in zip(axes.get_yticklabels(), quiet, strict=True):
        label.set(fontsize=8, color=QUIET if grey else OTHER, parse_math=False)


def _describe_missing_seeds(row: LeaderboardRow) -> str:
    if row.complete:
        return ""
    words = [f"{n} {word}" for word in ("diverged", "failed", "missing") if (n := row.count(word))]
    return f"\n{format_seed_count(row)}: {', '.join(words)}"
