"""A figure of a leaderboard: a panel for each measure with every seed, the mean, its interval and the state."""

from collections.abc import Sequence
from itertools import zip_longest
from math import ceil
from typing import TYPE_CHECKING

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..analysis.statements import LEADING, NOT_COMPARABLE, UNDECIDED, choose_marks
from ..core.results import Measure
from .plot_style import BLACK, BLUE, FAINT, GREY, MAX_COLUMNS, ORANGE, add_title
from .table_format import describe_seeds, format_axis_label, format_label, format_seed_count, shorten_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DIRECTIONS = {"lower": "← lower is better", "higher": "higher is better →", None: ""}
LEGEND = ("circle: one seed", "bar: mean and 95 % interval", "cross: collapsed")
STATES = (
    f"{LEADING} blue: better than or equivalent to every other",
    "black: worse than some other",
    f"{UNDECIDED} undecided",
    f"{NOT_COMPARABLE} not comparable",
)


def draw_intervals(leaderboard: Leaderboard, columns: Sequence[str] = ()) -> "Figure":
    """The figure of a leaderboard; `columns` are the measures to show (empty: those of its table)."""
    from matplotlib.figure import Figure

    measures = [leaderboard.measures[name] for name in columns or leaderboard.columns if name in leaderboard.measures]
    lines, columns_used = len(leaderboard.rows) + len(leaderboard.baselines), min(max(len(measures), 1), MAX_COLUMNS)
    rows = max(ceil(len(measures) / MAX_COLUMNS), 1)
    figure = Figure((1.3 + 2.2 * columns_used, 0.5 + (0.8 + 0.3 * lines) * rows), layout="constrained", dpi=200)
    is_ranked = any(decision.is_ranked for decision in leaderboard.decisions.values())
    lines_of_note = [LEGEND, STATES] if is_ranked else [LEGEND]
    note = "\n".join(("  ·  " if columns_used > 2 else "\n").join(line) for line in lines_of_note)
    add_title(figure, leaderboard.title, note)
    grid = figure.subplots(rows, columns_used, sharey=True, squeeze=False)
    for axes, measure in zip_longest(grid.flat, measures):
        if measure:
            _draw_panel(axes, leaderboard, measure)
        else:
            axes.set_visible(False)
    for first in grid[:, 0]:
        _label_rows(first, leaderboard)
    return figure


def describe_intervals(leaderboard: Leaderboard) -> str:
    """The caption."""
    if not any(decision.is_ranked for decision in leaderboard.column_decisions):
        return describe_seeds(leaderboard)
    return (
        f"{describe_seeds(leaderboard)} {LEADING} marks methods that are better than or equivalent to every other, "
        f"{UNDECIDED} those on which these seeds cannot tell."
    )


def _draw_panel(axes: "Axes", leaderboard: Leaderboard, measure: Measure) -> None:
    for y in range(0, len(leaderboard.rows) + len(leaderboard.baselines), 2):
        axes.axhspan(y - 0.5, y + 0.5, color="#F5F5F5", linewidth=0)
    for y, row in enumerate(leaderboard.rows):
        _draw_method(axes, y, row, measure, choose_marks(leaderboard.decisions.get(measure.name), row.label))
    for y, estimates in enumerate(leaderboard.baselines.values(), start=len(leaderboard.rows)):
        if measure.name in estimates:
            axes.plot(estimates[measure.name].value, y, "D", color=GREY, markersize=4)
    axes.set_xlabel(f"{format_axis_label(measure)}\n{DIRECTIONS[measure.better]}", fontsize=8, parse_math=False)
    axes.tick_params(labelsize=7, length=2)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.margins(x=0.08)
    axes.locator_params(axis="x", nbins=5)


def _draw_method(axes: "Axes", y: int, row: LeaderboardRow, measure: Measure, marks: str) -> None:
    summary = row.summaries.get(measure.name)
    if summary is None:
        return
    colour = BLUE if LEADING in marks else GREY if row.control_of or not row.is_comparable else BLACK
    collapsed = set(row.collapsed_seeds)
    for marker, marker_colour, seeds in (("o", colour, summary.estimates.keys() - collapsed), ("x", ORANGE, collapsed)):
        values = [estimate.value for seed, estimate in summary.estimates.items() if seed in seeds]
        heights = [y + 0.16] * len(values)
        axes.plot(values, heights, marker, color=marker_colour, markersize=3, mfc="none", markeredgewidth=0.7)
    if summary.interval and summary.is_complete:
        axes.plot(summary.interval, (y - 0.12, y - 0.12), color=colour, linewidth=1.6, solid_capstyle="butt")
    axes.plot(summary.mean, y - 0.12, marker="|", color=colour, markersize=8, markeredgewidth=1.8)
    across = axes.get_yaxis_transform()  # the right edge of the panel, at the height of the row
    axes.text(1.0, y, marks, transform=across, fontsize=7, color=colour, ha="left", va="center", parse_math=False)


def _label_rows(axes: "Axes", leaderboard: Leaderboard) -> None:
    """Write the names of methods and their missing seeds on the left, and the baselines below them."""
    names = [f"{format_label(row, shorten_name(row.label))}{_describe_missing_seeds(row)}" for row in leaderboard.rows]
    labels = [*names, *map(shorten_name, leaderboard.baselines)]
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    is_grey = [bool(row.control_of) or not row.is_comparable for row in leaderboard.rows] + [True] * len(
        leaderboard.baselines
    )
    for label, grey in zip(axes.get_yticklabels(), is_grey, strict=True):
        label.set(fontsize=8, color=GREY if grey else BLACK, parse_math=False)


def _describe_missing_seeds(row: LeaderboardRow) -> str:
    if row.is_complete:
        return ""
    counts = [f"{n} {status}" for status in ("diverged", "failed", "missing") if (n := row.count_seeds(status))]
    return f"\n{format_seed_count(row)}: {', '.join(counts)}"
