"""A figure of a leaderboard: a panel for each measure with every seed, the mean, its interval and the state."""

from collections.abc import Mapping, Sequence
from itertools import cycle, zip_longest
from math import ceil
from typing import TYPE_CHECKING

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..analysis.marks import LEADING, TIED, explain_marks, join_marks, list_marks
from ..analysis.summary import describe_omitted_columns, select_key_columns
from ..core.results import Measure
from .plot_axes import BLACK, GREY, label_axis, set_axis, style_axes, write_outside
from .plot_style import BLUE, DASHES, DPI, ORANGE, TEXT_WIDTH, LegendEntries, add_legend, create_dashed_line
from .plot_text import FONT_SIZE, LINE_HEIGHT, fit_name, format_rounded, measure_text
from .table_format import describe_seeds, format_axis_label, format_label, format_seed_count, join_words
from .value_range import Span, choose_axis_limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW_HEIGHT, PANEL_WIDTH = 0.2, 1.0
"""Inches for a method, and the least for a panel."""
NAME_SHARE = 0.3
"""The most of the width that names of methods take."""
MARK_WIDTH = 0.2
"""Inches at the right of a panel for the marks of states, at least."""


def draw_intervals(leaderboard: Leaderboard, columns: Sequence[str] = (), width: float = TEXT_WIDTH) -> "Figure":
    """The figure of a leaderboard; `columns` are the measures to show (empty: its key columns).

    `width` is in inches. Methods have rows, baselines are lines.
    """
    from matplotlib.figure import Figure

    measures = _select_measures(leaderboard, columns)
    names = [fit_name(name, NAME_SHARE * width) for name in map(format_label, leaderboard.rows)]
    name_width = max(map(measure_text, [*names, *map(_describe_missing_seeds, leaderboard.rows)]), default=0.0) + 0.1
    across = max(1, int((width - name_width) / PANEL_WIDTH))
    down = max(ceil(len(measures) / across), 1)
    across = max(ceil(len(measures) / down), 1)
    dashes = _choose_dashes(leaderboard, measures)
    mark_width = max([MARK_WIDTH, *(measure_text(marks) + 0.08 for marks in _list_marks(leaderboard, measures))])
    panel_width = (width - name_width) / across - mark_width
    panels = [_Panel(leaderboard, measure, dashes, panel_width, mark_width) for measure in measures]
    slots = max((len(panel.list_outside()) for panel in panels), default=0)
    lines = len(leaderboard.rows) + slots
    figure = Figure((width, down * (lines * ROW_HEIGHT + 4 * LINE_HEIGHT)), layout="constrained", dpi=DPI)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)  # pyright: ignore
    grid = figure.subplots(down, across, sharey=True, squeeze=False)
    for axes, panel in zip_longest(grid.flat, panels):
        if panel:
            panel.draw(axes)
        else:
            axes.set_visible(False)
    for first in grid[:, 0]:
        _label_rows(first, leaderboard, names, lines)
    add_legend(figure, _create_entries(leaderboard, dashes))
    return figure


def describe_intervals(leaderboard: Leaderboard, columns: Sequence[str] = ()) -> str:
    """The caption, for the same `columns` as the figure."""
    parts, measures = [describe_seeds(leaderboard)], _select_measures(leaderboard, columns)
    if any(decision.is_ranked for decision in leaderboard.column_decisions):
        shown = [leaderboard.decisions.get(measure.name) for measure in measures]
        marks = {mark for one in shown for row in leaderboard.rows for mark in list_marks(one, row.label)}
        parts += ["Blue: leads."] * bool(marks & {LEADING, TIED}) + [f"{'; '.join(explain_marks(marks))}."]
    if dashes := _choose_dashes(leaderboard, measures):
        parts.append(f"Dashed: {join_words([*dashes])}.")
    if any(_Panel(leaderboard, measure, dashes, TEXT_WIDTH).has_arrows() for measure in measures):
        parts.append("Arrows: values outside the panel.")
    if not columns and (omitted := describe_omitted_columns(leaderboard)):
        parts.append(omitted)
    return " ".join(parts)


def _select_measures(leaderboard: Leaderboard, columns: Sequence[str]) -> list[Measure]:
    shown = columns or select_key_columns(leaderboard) or leaderboard.columns
    return [leaderboard.measures[name] for name in shown if name in leaderboard.measures]


def _list_marks(leaderboard: Leaderboard, measures: Sequence[Measure]) -> list[str]:
    """The marks of each method under each measure."""
    decisions = [leaderboard.decisions.get(measure.name) for measure in measures]
    return [join_marks(list_marks(one, row.label)) for one in decisions for row in leaderboard.rows]


def _choose_dashes(leaderboard: Leaderboard, measures: Sequence[Measure]) -> dict[str, tuple[float, ...]]:
    """The dashes of each baseline that has one of the measures."""
    names = {measure.name for measure in measures}
    dashes = zip(leaderboard.baselines.items(), cycle(DASHES), strict=False)
    return {label: dash for (label, found), dash in dashes if found.keys() & names}


class _Panel:
    """One measure of a leaderboard, in a panel of a width in inches; baselines are lines with these dashes.

    `mark_width` is that of the marks to its right.
    """

    def __init__(
        self,
        leaderboard: Leaderboard,
        measure: Measure,
        dashes: Mapping[str, tuple[float, ...]],
        width: float,
        mark_width: float = MARK_WIDTH,
    ) -> None:
        self.leaderboard, self.measure, self.dashes = leaderboard, measure, dashes
        self.width, self.mark_width = width, mark_width
        self.baselines = {
            label: leaderboard.baselines[label][measure.name].value
            for label in dashes
            if measure.name in leaderboard.baselines[label]
        }
        rows = [row for row in leaderboard.rows if measure.name in row.summaries]
        ordinary = [row for row in rows if not (row.collapsed_seeds or _is_qualified(row, measure))] or rows
        spans = [_measure_span(row, measure) for row in ordinary]
        self.limits = choose_axis_limits(spans, self.baselines.values(), measure.scale)

    def list_outside(self) -> list[str]:
        """The baselines that lie outside the panel."""
        return [label for label, value in self.baselines.items() if not self._holds(value)]

    def has_arrows(self) -> bool:
        """Whether a baseline or the mean of a method lies outside the panel."""
        summaries = [row.summaries.get(self.measure.name) for row in self.leaderboard.rows]
        return bool(self.list_outside()) or not all(self._holds(found.mean) for found in summaries if found)

    def draw(self, axes: "Axes") -> None:
        style_axes(axes)
        for y in range(0, len(self.leaderboard.rows), 2):
            axes.axhspan(y - 0.5, y + 0.5, color="#F5F5F5", linewidth=0)
        for label, value in self.baselines.items():
            if self._holds(value):
                axes.axvline(value, color=GREY, linewidth=0.9, linestyle=(0, self.dashes[label]), zorder=1)
        decision = self.leaderboard.decisions.get(self.measure.name)
        for y, row in enumerate(self.leaderboard.rows):
            leads = bool(decision and decision.is_evidently_leading(row.label))
            self._draw_method(axes, y, row, join_marks(list_marks(decision, row.label)), leads=leads)
        for y, label in enumerate(self.list_outside(), len(self.leaderboard.rows)):
            self._draw_outside_baseline(axes, y, label)
        set_axis(axes, "x", self.limits, self.width, self.measure.scale)
        label_axis(axes, "x", format_axis_label(self.measure), self.width + self.mark_width)
        if direction := _describe_direction(self.measure):
            axes.set_xlabel(f"{axes.get_xlabel()}\n{direction}")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)

    def _holds(self, value: float) -> bool:
        return self.limits[0] <= value <= self.limits[1]

    def _draw_method(self, axes: "Axes", y: int, row: LeaderboardRow, marks: str, *, leads: bool) -> None:
        summary = row.summaries.get(self.measure.name)
        if summary is None:
            return
        colour = BLUE if leads else GREY if row.control_of or not row.is_comparable else BLACK
        collapsed = set(row.collapsed_seeds)
        seeds_of = (("o", colour, summary.estimates.keys() - collapsed), ("x", ORANGE, collapsed))
        for marker, marker_colour, seeds in seeds_of:
            values = [estimate.value for seed, estimate in summary.estimates.items() if seed in seeds]
            shown = [value for value in values if self._holds(value)]
            heights = [y + 0.22] * len(shown)
            axes.plot(shown, heights, marker, color=marker_colour, markersize=2.5, mfc="none", markeredgewidth=0.6)
        if summary.interval and summary.is_complete and self._holds(summary.mean):
            low, high = (min(max(end, self.limits[0]), self.limits[1]) for end in summary.interval)
            if low < high:
                axes.plot((low, high), (y - 0.12, y - 0.12), color=colour, linewidth=1.4, solid_capstyle="butt")
        if self._holds(summary.mean):
            axes.plot(summary.mean, y - 0.12, marker="|", color=colour, markersize=6, markeredgewidth=1.4)
        else:
            write_outside(axes, y - 0.1, summary.mean, is_above=summary.mean > self.limits[1], colour=colour)
        across = axes.get_yaxis_transform()  # the right edge of the panel, at the height of the row
        style = {"fontsize": FONT_SIZE, "color": colour, "ha": "left", "va": "center", "parse_math": False}
        axes.text(1.01, y, marks, transform=across, **style)  # pyright: ignore

    def _draw_outside_baseline(self, axes: "Axes", y: int, label: str) -> None:
        """A piece of the baseline's line next to its value, below the methods."""
        value = self.baselines[label]
        is_above = value > self.limits[1]
        write_outside(axes, y, value, is_above=is_above, colour=GREY)
        room = measure_text(f"{format_rounded(value)} →") / self.width + 0.05
        ends = (1 - room - 0.22, 1 - room) if is_above else (room, room + 0.22)
        style = {"color": GREY, "linewidth": 0.9, "linestyle": (0, self.dashes[label])}
        axes.plot(ends, (y, y), transform=axes.get_yaxis_transform(), **style)  # pyright: ignore


def _describe_direction(measure: Measure) -> str:
    if measure.better:
        return "← better" if measure.better == "lower" else "better →"
    return "" if measure.target is None else f"best at {measure.target:g}"


def _is_qualified(row: LeaderboardRow, measure: Measure) -> bool:
    decision = row.summaries[measure.name].decision
    return bool(decision and decision.qualification)


def _measure_span(row: LeaderboardRow, measure: Measure) -> Span:
    """From the least to the greatest value that a row has to show."""
    summary = row.summaries[measure.name]
    values = [estimate.value for estimate in summary.estimates.values()]
    if summary.interval and summary.is_complete and (measure.scale == "linear" or summary.interval[0] > 0):
        values += summary.interval
    return min(values), max(values)


def _create_entries(leaderboard: Leaderboard, dashes: Mapping[str, tuple[float, ...]]) -> LegendEntries:
    from matplotlib.lines import Line2D

    entries = [("one seed", Line2D([], [], color=BLACK, marker="o", markersize=3, mfc="none", linestyle=""))]
    if any(summary.interval for row in leaderboard.rows for summary in row.summaries.values()):
        bar = Line2D([], [], color=BLACK, marker="|", markersize=6, markeredgewidth=1.4, linewidth=1.4)
        entries.append(("mean, 95 % interval", bar))
    if any(row.collapsed_seeds for row in leaderboard.rows):
        entries.append(("collapsed", Line2D([], [], color=ORANGE, marker="x", markersize=3, linestyle="")))
    return [*entries, *((label, create_dashed_line(dash)) for label, dash in dashes.items())]


def _label_rows(axes: "Axes", leaderboard: Leaderboard, names: Sequence[str], lines: int) -> None:
    """Write the names of methods and their missing seeds on the left."""
    labels = [
        f"{name}\n{missing}" if (missing := _describe_missing_seeds(row)) else name
        for name, row in zip(names, leaderboard.rows, strict=True)
    ]
    axes.set_yticks(range(len(labels)), labels, parse_math=False)
    axes.set_ylim(lines - 0.5, -0.5)
    for label, row in zip(axes.get_yticklabels(), leaderboard.rows, strict=True):
        grey = row.control_of or not row.is_comparable
        label.set(fontsize=FONT_SIZE, color=GREY if grey else BLACK, linespacing=0.95)


def _describe_missing_seeds(row: LeaderboardRow) -> str:
    if row.is_complete:
        return ""
    counts = [f"{n} {status}" for status in ("diverged", "failed", "missing") if (n := row.count_seeds(status))]
    return f"{format_seed_count(row)}: {', '.join(counts)}"
