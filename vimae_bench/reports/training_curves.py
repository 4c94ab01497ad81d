"""A figure of training: the total loss and each of its terms by epoch, as means over the batches of an epoch."""

from collections.abc import Sequence
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..core.canonical import Json
from ..storage.run_folder import RunFolder
from ..storage.store import RunResult
from .plot_style import MethodStyle, MethodStyles, add_legend, add_title, create_panels, format_method_name, tag_method
from .table_format import shorten_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOG_SCALE_RATIO = 10
"""Positive values whose extremes differ by more than this factor are drawn on a logarithmic scale."""
NOTE = (
    "line: mean over seeds  ·  band: least to greatest  ·  thin: one seed, if some are missing  ·  cross: stopped early"
)

Curve = dict[int, float]
"""Values by epoch."""
Histories = dict[str, dict[str, list[tuple[RunResult, Curve]]]]
"""For each term and each method, the runs with their curves."""


def read_histories(leaderboard: Leaderboard) -> Histories:
    """The terms of all runs of a leaderboard with a history of two epochs or more, in order of appearance."""
    histories: Histories = {}
    for row in leaderboard.rows:
        for result in row.run_results.values():
            history = RunFolder(result.folder).read_history()
            for term, curve in _split_terms(history).items() if len(history) > 1 else ():
                histories.setdefault(term, {}).setdefault(row.label, []).append((result, curve))
    return histories


def draw_curves(leaderboard: Leaderboard, styles: MethodStyles, histories: Histories) -> "Figure":
    """A panel for each term of the histories of a leaderboard."""
    trained = {label for methods in histories.values() for label in methods}
    rows = [row for row in leaderboard.rows if row.label in trained]
    figure, panels = create_panels(len(histories), (2.9, 2.4), legend_lines=len(rows))
    for axes, (term, methods) in zip(panels, histories.items(), strict=True):
        for row in rows:
            with tag_method(axes, row.label):
                _draw_method(axes, row, methods.get(row.label, []), styles[row.label])
        _set_scale(axes, [run for runs in methods.values() for run in runs])
        axes.set_title(shorten_name(term), fontsize=8, parse_math=False)
        axes.set_xlabel("epoch", fontsize=8)
    add_legend(figure, {row.label: styles[row.label] for row in rows}, [format_method_name(row) for row in rows])
    return add_title(figure, leaderboard.title, NOTE)


def describe_curves(leaderboard: Leaderboard) -> str:
    """The caption."""
    count = len(leaderboard.seeds)
    seeds = "One seed" if count == 1 else f"Means over {count} seeds with the range between them"
    return (
        f"{seeds}: the loss that was minimised, by epoch. A curve that still falls at its end was trained too briefly; "
        "totals of different objectives cannot be compared."
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


def _set_scale(axes: "Axes", runs: Sequence[tuple[RunResult, Curve]]) -> None:
    """Make room for all runs that were trained to the end; those that diverged may leave the panel."""
    done = [curve for result, curve in runs if result.status == "done"] or [curve for _, curve in runs]
    values = [value for curve in done for value in curve.values() if isfinite(value)]
    low, high = min(values, default=0.0), max(values, default=0.0)
    if 0 < LOG_SCALE_RATIO * low < high:
        margin = (high / low) ** 0.05
        axes.set(yscale="log", ylim=(low / margin, high * margin))
    elif low < high:
        margin = 0.05 * (high - low)
        axes.set_ylim(low - margin, high + margin)
    axes.locator_params(axis="x", integer=True)
