"""A figure of win rates: for each measure, the share of seeds on which one method is better than another.

The share says how often, not whether: colours and frames come from the decision on each pair.
"""

from collections.abc import Sequence
from itertools import zip_longest
from math import ceil, nan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..analysis.decision import MeasureDecision, PairDecision
from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..analysis.statistics import win_rate
from ..core.results import Measure
from .plot_style import BLACK, BLUE, GREY, ORANGE, add_title, format_method_name
from .table_format import format_heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL_SIZE, LETTER_WIDTH, MAX_WIDTH = 0.33, 0.065, 12.0
"""The size of a cell, the width of a letter, and the greatest width of a row of panels, in inches."""
MAX_NUMBERED_METHODS = 12
"""With more methods than this, cells have half the size and no numbers."""
NOTE = (
    "share of seeds on which the row beats the column  ·  blue and bold: the row is better, orange: the column is  ·  "
    "dashed frame: equivalent  ·  no frame: undecided"
)
TINT = 0.35
"""The strength of the colour within a frame, from white to full."""

WinRates = NDArray[np.float64]


def select_measures(leaderboard: Leaderboard) -> list[Measure]:
    """The measures of a leaderboard under which pairs of methods are decided."""
    return [decision.measure for decision in leaderboard.column_decisions if decision.pairs]


def select_rows(leaderboard: Leaderboard) -> list[LeaderboardRow]:
    """The methods that can be compared under some measure."""
    compared = {label for decision in leaderboard.column_decisions for pair in decision.pairs for label in pair}
    return [row for row in leaderboard.rows if row.label in compared]


def compute_win_rates(leaderboard: Leaderboard, measure: Measure) -> WinRates:
    """P(row beats column) over seeds, ties counted half; NaN on the diagonal and where a method is not comparable."""
    sign = 1 if measure.better == "higher" else -1
    decision = leaderboard.decisions[measure.name]
    values = [_get_values(row, decision) * sign for row in select_rows(leaderboard)]
    return np.array([[nan if a is b or np.isnan(a - b).any() else win_rate(a - b) for b in values] for a in values])


def draw_win_rates(leaderboard: Leaderboard) -> "Figure":
    """A matrix for each ranked measure of a leaderboard that has some, all with the same rows."""
    from matplotlib.figure import Figure

    measures, methods = select_measures(leaderboard), select_rows(leaderboard)
    side = len(methods) * (CELL_SIZE if len(methods) <= MAX_NUMBERED_METHODS else CELL_SIZE / 2)
    label = 0.2 + LETTER_WIDTH * max(len(format_method_name(row)) for row in methods)
    columns = min(len(measures), max(1, int(MAX_WIDTH / side)))
    size = label + (side + 0.2) * columns, 0.5 + (label + side + 0.3) * ceil(len(measures) / columns)
    figure = Figure(size, layout="constrained", dpi=200)
    grid = figure.subplots(ceil(len(measures) / columns), columns, squeeze=False)
    for axes, measure in zip_longest(grid.flat, measures):
        axes.set_visible(measure is not None)
        if measure:
            rates = compute_win_rates(leaderboard, measure)
            _draw_matrix(axes, methods, leaderboard.decisions[measure.name], rates)
            axes.set_xlabel(format_heading(measure), fontsize=8, parse_math=False)
            axes.tick_params(labelleft=axes.get_subplotspec().is_first_col())  # pyright: ignore
    return add_title(figure, leaderboard.title, NOTE)


def describe_win_rates(leaderboard: Leaderboard) -> str:
    """The caption."""
    return (
        f"P(row beats column) over {len(leaderboard.seeds)} paired seeds, ties counted half. Solid frames: shown to "
        "differ (Holm-adjusted over the pairs of a measure), blue and bold if the row is better, orange if the column "
        "is. Dashed frames: shown to be equivalent. Without a frame, these seeds cannot tell."
    )


def _get_values(row: LeaderboardRow, decision: MeasureDecision) -> NDArray[np.float64]:
    """The values of a method by seed; NaN if it is in no pair."""
    if not any(row.label in pair for pair in decision.pairs):
        return np.full(len(decision.seeds), nan)
    estimates = row.summaries[decision.measure.name].estimates
    return np.array([estimates[seed].value for seed in decision.seeds])


def _draw_matrix(axes: "Axes", methods: Sequence[LeaderboardRow], decision: MeasureDecision, rates: WinRates) -> None:
    from matplotlib.colors import to_rgb

    colours = np.ones((*rates.shape, 3))
    for i, j in np.argwhere(np.isfinite(rates)):
        pair = decision.get_pair(methods[i].label, methods[j].label)
        if pair and pair.outcome != "undecided":
            colour = _choose_colour(pair)
            colours[i, j] = 1 - TINT * (1 - np.array(to_rgb(colour))) if pair.better else 1.0
            _draw_frame(axes, j, i, colour, "-" if pair.better else "--")
        if len(methods) <= MAX_NUMBERED_METHODS:
            text = axes.text(j, i, f"{rates[i, j]:.2f}", fontsize=7, ha="center", va="center", color=GREY)
            if pair and pair.outcome != "undecided":
                text.set(color=BLACK)
                if pair.better == pair.a:
                    text.set(fontweight="bold")
    axes.imshow(colours)
    for set_ticks in (axes.set_xticks, axes.set_yticks):
        set_ticks(range(len(methods)), [format_method_name(row) for row in methods])
        set_ticks(np.arange(len(methods) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.2)
    axes.tick_params(which="both", length=0, labeltop=True, labelbottom=False)
    axes.tick_params(axis="x", rotation=90)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set(fontsize=7, parse_math=False)
    axes.spines[:].set_visible(False)


def _choose_colour(pair: PairDecision) -> str:
    """Blue if the first is better, orange if the second is, black for an equivalent pair."""
    return BLACK if not pair.better else BLUE if pair.better == pair.a else ORANGE


def _draw_frame(axes: "Axes", x: int, y: int, colour: str, line: str) -> None:
    from matplotlib.patches import Rectangle

    corner, size = (x - 0.44, y - 0.44), 0.88
    axes.add_patch(Rectangle(corner, size, size, fill=False, linewidth=1, edgecolor=colour, linestyle=line))
