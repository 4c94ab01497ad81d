"""A figure of training: the total loss and each of its terms by epoch, as means over the epoch's batches."""

from collections.abc import Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..core.canonical import Json
from ..storage.run_folder import RunFolder
from ..storage.store import RunResult
from .plot_style import MethodStyle, MethodStyles, add_legend, add_title, create_panels, format_method_name
from .table_format import shorten_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOG_SCALE_RATIO = 10
"""Positive values that are further apart than this many times are drawn by their logarithms."""
NOTE = (
    "line: mean over seeds  ·  band: least to largest  ·  thin: one seed, where some are lacking  ·  cross: cut short"
)

Curve = dict[int, float]
"""Values by epoch."""
Histories = dict[str, dict[str, list[tuple[RunResult, Curve]]]]
"""For each term and each method, the runs with their curves."""


def read_histories(board: Leaderboard) -> Histories:
    """The terms of all runs of a board that have told of two epochs or more, in the order in which they are met."""
    found: Histories = {}
    for row in board.rows:
        for result in row.run_results.values():
            history = RunFolder(result.folder).read_history()
            for term, curve in _split_terms(history).items() if len(history) > 1 else ():
                found.setdefault(term, {}).setdefault(row.label, []).append((result, curve))
    return found


def draw_curves(board: Leaderboard, looks: MethodStyles, histories: Histories) -> "Figure":
    """The figure of a board from what was read of it; `looks` are those of all methods of the comparison."""
    trained = {label for methods in histories.values() for label in methods}
    shown = [row for row in board.rows if row.label in trained]
    figure, grid = create_panels(len(histories), (2.9, 2.4), legend_lines=len(shown))
    for axes, (term, methods) in zip(grid, histories.items(), strict=True):
        for row in shown:
            _draw_method(axes, row, methods.get(row.label, []), looks[row.label])
        _set_scale(axes, [run for runs in methods.values() for run in runs])
        axes.set_title(shorten_name(term), fontsize=8, parse_math=False)
        axes.set_xlabel("epoch", fontsize=8)
    add_legend(figure, {row.label: looks[row.label] for row in shown}, [format_method_name(row) for row in shown])
    return add_title(figure, board.title, NOTE)


def describe_curves(board: Leaderboard) -> str:
    """What to look for."""
    seeds = "One seed" if len(board.seeds) == 1 else f"Means over {len(board.seeds)} seeds with the range between them"
    return (
        f"{seeds}, of what was minimised by epoch. A curve that still falls at its end was trained too briefly; "
        "totals of different objectives do not compare."
    )


def _split_terms(history: Sequence[Json]) -> dict[str, Curve]:
    found: dict[str, Curve] = {}
    for line in history:
        for term, value in line["terms"].items():
            found.setdefault(term, {})[line["epoch"]] = nan if value is None else float(value)
    return found


def _draw_method(axes: "Axes", row: LeaderboardRow, runs: Sequence[tuple[RunResult, Curve]], look: MethodStyle) -> None:
    if not row.complete:
        for result, curve in runs:
            _draw_seed(axes, result, curve, look)
    elif runs:
        _draw_mean(axes, [curve for _, curve in runs], look)


def _draw_mean(axes: "Axes", curves: Sequence[Curve], look: MethodStyle) -> None:
    """The mean of seeds that were all trained to the end, and how far they lie apart."""
    epochs = [epoch for epoch in curves[0] if all(epoch in curve for curve in curves)]
    values = np.array([[curve[epoch] for epoch in epochs] for curve in curves])
    every = max(1, len(epochs) // 8)
    (line,) = axes.plot(epochs, values.mean(0), look.marker, color=look.colour, markersize=3.5, markevery=every)
    line.set(linestyle="-", linewidth=1)
    axes.fill_between(epochs, values.min(0), values.max(0), color=look.colour, alpha=0.15, linewidth=0)


def _draw_seed(axes: "Axes", result: RunResult, curve: Curve, look: MethodStyle) -> None:
    every = max(1, len(curve) // 4)
    (line,) = axes.plot([*curve], [*curve.values()], look.marker, color=look.colour, markersize=3, markevery=every)
    line.set(linestyle="-", linewidth=0.6, markerfacecolor="none")
    there = [(epoch, value) for epoch, value in curve.items() if isfinite(value)]
    if result.status != "done" and there:
        axes.plot(*there[-1], "x", color=look.colour, markersize=5)


def _set_scale(axes: "Axes", runs: Sequence[tuple[RunResult, Curve]]) -> None:
    """Room for all that was trained to the end; what diverged may leave the panel."""
    done = [curve for result, curve in runs if result.status == "done"] or [curve for _, curve in runs]
    values = [value for curve in done for value in curve.values() if isfinite(value)]
    low, high = min(values, default=0.0), max(values, default=0.0)
    if 0 < LOG_SCALE_RATIO * low < high:
        room = (high / low) ** 0.05
        axes.set(yscale="log", ylim=(low / room, high * room))
    elif low < high:
        room = 0.05 * (high - low)
        axes.set_ylim(low - room, high + room)
    axes.locator_params(axis="x", integer=True)
