"""A figure of win rates: for each measure, the share of seeds on which one method is better than another."""

import re
from collections.abc import Sequence
from itertools import zip_longest
from math import ceil, nan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..analysis.comparison import MIN_WIN_RATE
from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow, MeasureSummary
from ..analysis.legacy_statistics import win_rate
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
    f"share of seeds on which the row beats the column  ·  white: not meaningful, below {MIN_WIN_RATE} either way  ·  "
    "frame: shown to differ (Holm-adjusted)  ·  blank: not ranked"
)

WinRates = NDArray[np.float64]


def select_measures(leaderboard: Leaderboard) -> list[Measure]:
    """The measures of a leaderboard by which two methods or more are ranked; all pairs of these were tested."""
    return [
        leaderboard.measures[m] for m in leaderboard.columns if sum(_is_ranked(row, m) for row in leaderboard.rows) > 1
    ]


def select_rows(leaderboard: Leaderboard) -> list[LeaderboardRow]:
    """The methods that are ranked by some measure."""
    return [row for row in leaderboard.rows if any(_is_ranked(row, measure) for measure in leaderboard.columns)]


def compute_win_rates(leaderboard: Leaderboard, measure: Measure) -> WinRates:
    """P(row beats column) over seeds, ties counted half; NaN on the diagonal and for methods that are not ranked."""
    sign = 1 if measure.better == "higher" else -1
    values = [_get_values(row, measure.name, leaderboard.seeds) * sign for row in select_rows(leaderboard)]
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
            _draw_matrix(axes, methods, measure.name, compute_win_rates(leaderboard, measure))
            axes.set_xlabel(format_heading(measure), fontsize=8, parse_math=False)
            axes.tick_params(labelleft=axes.get_subplotspec().is_first_col())  # pyright: ignore
    return add_title(figure, leaderboard.title, NOTE)


def describe_win_rates(leaderboard: Leaderboard) -> str:
    """The caption."""
    return (
        f"P(row beats column) over {len(leaderboard.seeds)} paired seeds, ties counted half. Framed pairs are shown to "
        f"differ ({leaderboard.test}, Holm-adjusted over all {leaderboard.comparisons} comparisons of the table); "
        f"white cells, below {MIN_WIN_RATE} either way, are not meaningful."
    )


def _is_ranked(row: LeaderboardRow, measure: str) -> bool:
    return measure in row.summaries and row.summaries[measure].shared_rank is not None


def _get_values(row: LeaderboardRow, measure: str, seeds: Sequence[int]) -> NDArray[np.float64]:
    if not _is_ranked(row, measure):
        return np.full(len(seeds), nan)
    return np.array([row.summaries[measure].estimates[seed].value for seed in seeds])


def _draw_matrix(axes: "Axes", methods: Sequence[LeaderboardRow], measure: str, rates: WinRates) -> None:
    axes.imshow(_compute_colours(rates))
    for i, j in np.argwhere(np.isfinite(rates)):
        if len(methods) <= MAX_NUMBERED_METHODS:
            _draw_number(axes, j, i, float(rates[i, j]))
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


def _compute_colours(rates: WinRates) -> NDArray[np.float64]:
    """Blue where the row wins and orange where it loses, stronger if more often; white if that is not meaningful."""
    from matplotlib.colors import to_rgb

    lead = np.abs(np.nan_to_num(rates, nan=0.5) - 0.5)
    strength = np.where(lead >= MIN_WIN_RATE - 0.5, lead, 0.0)[..., None]
    colour = np.where((rates > 0.5)[..., None], to_rgb(BLUE), to_rgb(ORANGE))
    return 1 - strength * (1 - colour)


def _draw_number(axes: "Axes", x: int, y: int, share: float) -> None:
    is_meaningful = max(share, 1 - share) >= MIN_WIN_RATE
    axes.text(x, y, f"{share:.2f}", fontsize=6.5, ha="center", va="center", color=BLACK if is_meaningful else GREY)


def _draw_frame(axes: "Axes", x: int, y: int) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x - 0.44, y - 0.44), 0.88, 0.88, fill=False, linewidth=1, edgecolor=BLACK))


def _is_shown_to_differ(a: MeasureSummary, b: MeasureSummary) -> bool:
    """Whether the table's test shows two methods to differ, which it does exactly if they share no letter."""
    return not (_split_letters(a) & _split_letters(b))


def _split_letters(summary: MeasureSummary) -> set[str]:
    return set(re.findall(r"[a-z]'*", summary.shared_rank.letters)) if summary.shared_rank else set()
