"""A figure of who beats whom: for each measure, the share of seeds on which one method is better than another."""

import re
from collections.abc import Sequence
from itertools import zip_longest
from math import ceil, nan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..analysis.comparison import MIN_WIN_RATE
from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow, MeasureSummary
from ..analysis.statistics import win_rate
from ..core.results import Measure
from .intervals import COLLAPSE, OTHER, QUIET, TOP
from .plot_style import add_title, format_method_name
from .table_format import format_heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CELL_SIZE, LETTER_WIDTH, MAX_WIDTH = 0.33, 0.065, 12.0
"""The side of a cell, the width of a letter, and that of all panels side by side, in inches."""
MAX_NUMBERED_METHODS = 12
"""More methods than this get cells of half the size, without numbers."""
NOTE = (
    f"share of seeds on which the row beats the column  ·  white: not meaningful, below {MIN_WIN_RATE} either way  ·  "
    "frame: shown to differ, after Holm  ·  blank: not ranked"
)

WinRates = NDArray[np.float64]


def select_measures(board: Leaderboard) -> list[Measure]:
    """The measures of a board under which two methods or more were ranked, all pairs of which were tested."""
    return [board.measures[m] for m in board.columns if sum(_is_ranked(row, m) for row in board.rows) > 1]


def select_rows(board: Leaderboard) -> list[LeaderboardRow]:
    """The methods that are ranked by some measure."""
    return [row for row in board.rows if any(_is_ranked(row, measure) for measure in board.columns)]


def compute_win_rates(board: Leaderboard, measure: Measure) -> WinRates:
    """P(row beats column) over seeds, ties counted half; not a number on the diagonal and for what is not ranked."""
    sign = 1 if measure.better == "higher" else -1
    values = [_get_values(row, measure.name, board.seeds) * sign for row in select_rows(board)]
    return np.array([[nan if a is b or np.isnan(a - b).any() else win_rate(a - b) for b in values] for a in values])


def draw_win_rates(board: Leaderboard) -> "Figure":
    """The figure of a board that has some ranked measure: a matrix for each, all with the same rows."""
    from matplotlib.figure import Figure

    shown, methods = select_measures(board), select_rows(board)
    side = len(methods) * (CELL_SIZE if len(methods) <= MAX_NUMBERED_METHODS else CELL_SIZE / 2)
    label = 0.2 + LETTER_WIDTH * max(len(format_method_name(row)) for row in methods)
    across = min(len(shown), max(1, int(MAX_WIDTH / side)))
    size = label + (side + 0.2) * across, 0.5 + (label + side + 0.3) * ceil(len(shown) / across)
    figure = Figure(size, layout="constrained", dpi=200)
    grid = figure.subplots(ceil(len(shown) / across), across, squeeze=False)
    for axes, measure in zip_longest(grid.flat, shown):
        axes.set_visible(measure is not None)
        if measure:
            _draw_matrix(axes, methods, measure.name, compute_win_rates(board, measure))
            axes.set_xlabel(format_heading(measure), fontsize=8, parse_math=False)
            axes.tick_params(labelleft=axes.get_subplotspec().is_first_col())  # pyright: ignore
    return add_title(figure, board.title, NOTE)


def describe_win_rates(board: Leaderboard) -> str:
    """What to look for."""
    return (
        f"P(row beats column) over {len(board.seeds)} paired seeds, ties counted half. Framed pairs are shown to "
        f"differ ({board.test}, Holm-adjusted over all {board.comparisons} comparisons of the table); white "
        f"ones, below {MIN_WIN_RATE} either way, mean nothing."
    )


def _is_ranked(row: LeaderboardRow, measure: str) -> bool:
    return measure in row.summaries and row.summaries[measure].shared_rank is not None


def _get_values(row: LeaderboardRow, measure: str, seeds: Sequence[int]) -> NDArray[np.float64]:
    if not _is_ranked(row, measure):
        return np.full(len(seeds), nan)
    return np.array([row.summaries[measure].estimates[seed].value for seed in seeds])


def _draw_matrix(axes: "Axes", methods: Sequence[LeaderboardRow], measure: str, won: WinRates) -> None:
    axes.imshow(_compute_colours(won))
    for i, j in np.argwhere(np.isfinite(won)):
        if len(methods) <= MAX_NUMBERED_METHODS:
            _draw_number(axes, j, i, float(won[i, j]))
        if _is_shown_to_differ(methods[i].summaries[measure], methods[j].summaries[measure]):
            _draw_frame(axes, j, i)
    for set_ticks in (axes.set_xticks, axes.set_yticks):
        set_ticks(range(len(methods)), [format_method_name(row) for row in methods])
        set_ticks(np.arange(len(methods) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.2)
    axes.tick_params(which="both", length=0, labeltop=True, labelbottom=False)
    axes.tick_params(axis="x", rotation=90)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set(fontsize=7, parse_math=False)
    axes.spines[:].set_visible(False)


def _compute_colours(won: WinRates) -> NDArray[np.float64]:
    """Blue where the row wins and red where it loses, the stronger the more often; white where that means nothing."""
    from matplotlib.colors import to_rgb

    lead = np.abs(np.nan_to_num(won, nan=0.5) - 0.5)
    strength = np.where(lead >= MIN_WIN_RATE - 0.5, lead, 0.0)[..., None]
    colour = np.where((won > 0.5)[..., None], to_rgb(TOP), to_rgb(COLLAPSE))
    return 1 - strength * (1 - colour)


def _draw_number(axes: "Axes", x: int, y: int, share: float) -> None:
    meant = max(share, 1 - share) >= MIN_WIN_RATE
    axes.text(x, y, f"{share:.2f}", fontsize=6.5, ha="center", va="center", color=OTHER if meant else QUIET)


def _draw_frame(axes: "Axes", x: int, y: int) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x - 0.44, y - 0.44), 0.88, 0.88, fill=False, linewidth=1, edgecolor=OTHER))


def _is_shown_to_differ(a: MeasureSummary, b: MeasureSummary) -> bool:
    """Whether the table's test tells two methods apart: exactly then they share no letter."""
    return not (_split_letters(a) & _split_letters(b))


def _split_letters(entry: MeasureSummary) -> set[str]:
    return set(re.findall(r"[a-z]'*", entry.shared_rank.letters)) if entry.shared_rank else set()
