"""A figure of training: the total loss and each of its terms by epoch, as means over the batches of an epoch."""

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..core.canonical import Json
from ..storage.run_folder import RunFolder
from ..storage.store import RunResult
from .plot_axes import label_axis, set_axis, write_text, write_title
from .plot_style import (
    TEXT_WIDTH,
    MethodStyle,
    MethodStyles,
    add_legend,
    create_method_entries,
    create_panels,
    tag_method,
)
from .plot_text import format_rounded
from .table_format import shorten_name
from .value_range import Span, choose_axis_limits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MIN_EPOCHS = 5
"""Fewer epochs than this make no curve."""
UNSETTLED_SHARE = 0.1
"""The share of epochs at the start whose values, far above the others, do not decide on the limits of a panel."""
AXIS_SPACE = 0.45
"""Inches that the labels of an axis take."""

Curve = dict[int, float]
"""Values by epoch."""
Histories = dict[str, dict[str, list[tuple[RunResult, Curve]]]]
"""For each term and each method, the runs with their curves."""


def read_histories(leaderboard: Leaderboard) -> Histories:
    """The terms of all runs of a leaderboard with a history of five epochs or more, in order of appearance."""
    histories: Histories = {}
    for row in leaderboard.rows:
        for result in row.run_results.values():
            history = RunFolder(result.folder).read_history()
            for term, curve in _split_terms(history).items() if len(history) >= MIN_EPOCHS else ():
                histories.setdefault(term, {}).setdefault(row.label, []).append((result, curve))
    return histories


def has_short_histories(leaderboard: Leaderboard) -> bool:
    """Whether some run has a history, but none has enough epochs for a curve."""
    runs = [result for row in leaderboard.rows for result in row.run_results.values()]
    lengths = [len(RunFolder(result.folder).read_history()) for result in runs]
    return 0 < max(lengths, default=0) < MIN_EPOCHS


def draw_curves(
    leaderboard: Leaderboard, styles: MethodStyles, histories: Histories, width: float = TEXT_WIDTH
) -> "Figure":
    """A panel for each term of the histories of a leaderboard, in a figure of a width in inches."""
    trained = {label for methods in histories.values() for label in methods}
    rows = [row for row in leaderboard.rows if row.label in trained]
    figure, panels = create_panels(len(histories), width)
    first = panels[0].get_subplotspec()
    columns, lines = (first.get_gridspec().ncols, first.get_gridspec().nrows) if first else (1, 1)
    inches = width / columns - AXIS_SPACE, figure.get_figheight() / lines - AXIS_SPACE
    for axes, (term, methods) in zip(panels, histories.items(), strict=True):
        for row in rows:
            with tag_method(axes, row.label):
                _draw_method(axes, row, methods.get(row.label, []), styles[row.label])
        runs = [run for found in methods.values() for run in found]
        last = max(max(curve) for _, curve in runs)
        set_axis(axes, "x", (0, last * 1.03), inches[0])
        limits = _choose_limits(methods)
        set_axis(axes, "y", limits, inches[1])
        _name_outside(axes, rows, methods, styles, limits)
        write_title(axes, term, inches[0])
        label_axis(axes, "x", "epoch", inches[0])
    add_legend(figure, create_method_entries(rows, styles))
    return figure


def describe_curves(leaderboard: Leaderboard) -> str:
    """The caption."""
    count = len(leaderboard.seeds)
    seeds = "One seed" if count == 1 else f"Means over {count} seeds with the range between them"
    lost = any(not row.is_complete for row in leaderboard.rows)
    incomplete = " Of methods that lack a seed, each seed; a cross: stopped early." if lost else ""
    return (
        f"{seeds}: training loss and its terms by epoch; the first epochs may lie above a panel. A curve that still "
        f"falls at its end was trained too briefly; totals of different objectives cannot be compared.{incomplete}"
    )


def _split_terms(history: Sequence[Json]) -> dict[str, Curve]:
    curves: dict[str, Curve] = {}
    for line in history:
        for term, value in line["terms"].items():
            curves.setdefault(term, {})[line["epoch"]] = nan if value is None else float(value)
    return curves


def _draw_method(
    axes: "Axes", row: LeaderboardRow, runs: Sequence[tuple[RunResult, Curve]], style: MethodStyle
) -> None:
    if not row.is_complete:
        for result, curve in runs:
            _draw_seed(axes, result, curve, style)
    elif runs:
        _draw_mean(axes, [curve for _, curve in runs], style)


def _draw_mean(axes: "Axes", curves: Sequence[Curve], style: MethodStyle) -> None:
    """The mean of seeds that were all trained to the end, and the range of their values."""
    epochs = [epoch for epoch in curves[0] if all(epoch in curve for curve in curves)]
    values = np.array([[curve[epoch] for epoch in epochs] for curve in curves])
    every = max(1, len(epochs) // 8)
    (line,) = axes.plot(epochs, values.mean(0), style.marker, color=style.colour, markersize=3.5, markevery=every)
    line.set(linestyle="-", linewidth=1)
    axes.fill_between(epochs, values.min(0), values.max(0), color=style.colour, alpha=0.15, linewidth=0)


def _draw_seed(axes: "Axes", result: RunResult, curve: Curve, style: MethodStyle) -> None:
    every = max(1, len(curve) // 4)
    (line,) = axes.plot([*curve], [*curve.values()], style.marker, color=style.colour, markersize=3, markevery=every)
    line.set(linestyle="-", linewidth=0.6, markerfacecolor="none")
    finite = [(epoch, value) for epoch, value in curve.items() if isfinite(value)]
    if result.status != "done" and finite:
        axes.plot(*finite[-1], "x", color=style.colour, markersize=5)


def _name_outside(
    axes: "Axes",
    rows: Sequence[LeaderboardRow],
    methods: Mapping[str, Sequence[tuple[RunResult, Curve]]],
    styles: MethodStyles,
    limits: Span,
) -> None:
    """Write where methods end that end outside of a panel, at its right."""
    heights = {True: 0.97, False: 0.03}
    for row in rows:
        ends = [curve[max(curve)] for _, curve in methods.get(row.label, []) if isfinite(curve[max(curve)])]
        if not ends or limits[0] <= (mean := sum(ends) / len(ends)) <= limits[1]:
            continue
        is_above = mean > limits[1]
        text = f"{shorten_name(row.label)} {format_rounded(mean, 3)} {'↑' if is_above else '↓'}"
        with tag_method(axes, row.label):
            write_text(
                axes,
                0.98,
                heights[is_above],
                text,
                transform=axes.transAxes,
                color=styles[row.label].colour,
                ha="right",
                va="top" if is_above else "bottom",
            )
        heights[is_above] += -0.11 if is_above else 0.11


def _choose_limits(methods: Mapping[str, Sequence[tuple[RunResult, Curve]]]) -> Span:
    """Room for the runs that were trained to the end; those that diverged may leave the panel."""
    spans = list[Span]()
    for runs in methods.values():
        done = [curve for result, curve in runs if result.status == "done"] or [curve for _, curve in runs]
        start = UNSETTLED_SHARE * max(map(max, done))
        values = [v for curve in done for epoch, v in curve.items() if isfinite(v) and epoch > start]
        spans += [(min(values), max(values))] if values else []
    return choose_axis_limits(spans)
