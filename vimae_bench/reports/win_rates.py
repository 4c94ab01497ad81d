"""A figure of pairs of methods: for each measure, which is better, and on which share of the seeds.

Colours come from the decision on each pair: what is not decided is white. The share says how often, not whether. Each
pair has one cell, and methods that are better than others come first.
"""

from collections.abc import Sequence
from math import ceil, nan
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..analysis.decision import MeasureDecision, PairDecision
from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..analysis.statistics import win_rate
from ..analysis.summary import select_key_columns
from ..core.results import Measure
from .plot_axes import BLACK, FAINT, GREY
from .plot_style import BLUE, DPI, ORANGE, TEXT_WIDTH, add_legend, format_method_name
from .plot_text import FONT_SIZE, LINE_HEIGHT, fit_name, measure_text, wrap_text
from .table_format import format_heading

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NUMBERED_CELL, SMALLEST_CELL, LARGEST_CELL = 0.235, 0.09, 0.3
"""Inches of a cell that has room for a share, and the least and the most of any."""
LAST_ROW = 0.55
"""The height of the last row, which has no cells, in cells."""
NAME_SHARE, GAP = 0.3, 0.12
"""The most of the width that names take, and the inches between matrices."""
EQUIVALENT_COLOUR = FAINT
ALL_MEASURES = "number of measures"

WinRates = NDArray[np.float64]


def select_measures(leaderboard: Leaderboard) -> list[Measure]:
    """The key measures under which pairs of methods are decided, those with the most different pairs first."""
    key = select_key_columns(leaderboard)
    decided = [d for d in leaderboard.column_decisions if d.pairs and (d.measure.name in key or not key)]
    decided.sort(key=lambda decision: -sum(pair.outcome == "different" for pair in decision.pairs.values()))
    return [decision.measure for decision in decided]


def select_rows(leaderboard: Leaderboard) -> list[LeaderboardRow]:
    """The methods that can be compared under some key measure, those that are better than others most often first."""
    decisions = [leaderboard.decisions[measure.name] for measure in select_measures(leaderboard)]
    compared = {label for decision in decisions for pair in decision.pairs for label in pair}
    rows = [row for row in leaderboard.rows if row.label in compared]
    return sorted(rows, key=lambda row: -sum(_count_lead(decision, row.label) for decision in decisions))


def compute_win_rates(leaderboard: Leaderboard, measure: Measure) -> WinRates:
    """P(row beats column) over seeds, ties counted half; NaN on the diagonal and where a method is not comparable."""
    sign = 1 if measure.better == "higher" else -1
    decision = leaderboard.decisions[measure.name]
    values = [_get_values(row, decision) * sign for row in select_rows(leaderboard)]
    return np.array([[nan if a is b or np.isnan(a - b).any() else win_rate(a - b) for b in values] for a in values])


def draw_win_rates(leaderboard: Leaderboard, width: float = TEXT_WIDTH) -> "Figure":
    """A triangle for each measure of a leaderboard that has pairs, after one over all of them, in the same order."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    measures, methods = select_measures(leaderboard), select_rows(leaderboard)
    numbered = [f"{format_method_name(row)}  {n}" for n, row in enumerate(methods, 1)]
    names = [fit_name(name, NAME_SHARE * width) for name in numbered]
    left = max(map(measure_text, names)) + 0.1
    count, side = len(measures) + (len(measures) > 1), max(len(methods) - 1, 1)
    across, cell = _arrange_triangles(count, side, width - left)
    down = ceil(count / across)
    titles = [wrap_text(title, cell * side - 0.1) for title in _list_titles(measures)]
    title_lines = max(title.count("\n") + 1 for title in titles)
    block = cell * side, cell * (side + LAST_ROW) + (title_lines + 1) * LINE_HEIGHT + GAP
    figure = Figure((width, down * block[1]), dpi=DPI)
    entries = [
        ("row better", Patch(color=BLUE)),
        ("column better", Patch(color=ORANGE)),
        ("equivalent", Patch(color=EQUIVALENT_COLOUR)),
        ("undecided", Patch(facecolor="white", edgecolor=GREY, linewidth=0.5)),
    ]
    legend = LINE_HEIGHT * 2 if width < 4 else LINE_HEIGHT * 1.4
    height = figure.get_figheight() + legend
    add_legend(figure, entries)
    figure.set_figheight(height)
    matrices = [leaderboard.decisions[measure.name] for measure in measures]
    for i, title in enumerate(titles):
        x = left + (i % across) * (block[0] + GAP)
        size = block[0], cell * (side + LAST_ROW)
        y = height - legend - (i // across) * block[1] - (title_lines + 1) * LINE_HEIGHT - size[1]
        axes = figure.add_axes((x / width, y / height, size[0] / width, size[1] / height))
        _prepare_axes(axes, names, side, has_names=i % across == 0)
        axes.set_title(title, fontsize=FONT_SIZE, fontweight="bold", loc="left", y=1, pad=12, parse_math=False)
        if len(titles) > len(matrices):
            if i == 0:
                _draw_summary(axes, methods, matrices, with_numbers=cell >= NUMBERED_CELL)
                continue
            decision = matrices[i - 1]
        else:
            decision = matrices[i]
        rates = compute_win_rates(leaderboard, decision.measure)
        _draw_measure(axes, methods, decision, rates, with_numbers=cell >= NUMBERED_CELL)
    return figure


def describe_win_rates(leaderboard: Leaderboard) -> str:
    """The caption."""
    count = len(select_measures(leaderboard))
    first = (
        f" First: the number of these {count} measures on which the row is better, and the column." if count > 1 else ""
    )
    return (
        f"Pairs of methods over {len(leaderboard.seeds)} paired seeds. Blue: the row is better, orange: the column "
        "(Holm-adjusted over the pairs of a measure); grey: equivalent; white: these seeds cannot tell. Numbers: the "
        f"share of seeds on which the row beats the column, ties counted half.{first}"
    )


def _count_lead(decision: MeasureDecision, label: str) -> int:
    method = decision.methods.get(label)
    return len(method.better_than) - len(method.worse_than) if method else 0


def _arrange_triangles(count: int, side: int, width: float) -> tuple[int, float]:
    """How many triangles are in a row of this width, and the size of a cell: with room for numbers if possible."""
    fitting = [n for n in range(1, count + 1) if (width - GAP * (n - 1)) / n / side >= NUMBERED_CELL]
    across = max(fitting, default=0)
    if across < min(2, count):
        across = max((n for n in range(1, 4) if (width - GAP * (n - 1)) / n / side >= SMALLEST_CELL), default=1)
        across = min(across, 2, count)
    across = ceil(count / ceil(count / across))
    return across, min((width - 0.05 - GAP * (across - 1)) / across / side, LARGEST_CELL)


def _list_titles(measures: Sequence[Measure]) -> list[str]:
    titles = [format_heading(measure) for measure in measures]
    return [ALL_MEASURES, *titles] if len(titles) > 1 else titles


def _get_values(row: LeaderboardRow, decision: MeasureDecision) -> NDArray[np.float64]:
    """The values of a method by seed; NaN if it is in no pair."""
    if not any(row.label in pair for pair in decision.pairs):
        return np.full(len(decision.seeds), nan)
    estimates = row.summaries[decision.measure.name].estimates
    return np.array([estimates[seed].value for seed in decision.seeds])


def _prepare_axes(axes: "Axes", names: Sequence[str], side: int, *, has_names: bool) -> None:
    """Rows of all methods, the last of which is empty, and columns of all but the first, which have numbers only."""
    axes.set(xlim=(0.5, side + 0.5), ylim=(side - 0.5 + LAST_ROW, -0.5))
    axes.set_xticks(range(1, side + 1), [str(n + 1) for n in range(1, side + 1)])
    axes.set_yticks([*range(side), side - 0.5 + LAST_ROW / 2], names, parse_math=False)
    axes.tick_params(length=0, labeltop=True, labelbottom=False, labelsize=FONT_SIZE, pad=2, labelleft=has_names)
    axes.spines[:].set_visible(False)


def _draw_measure(
    axes: "Axes", methods: Sequence[LeaderboardRow], decision: MeasureDecision, rates: WinRates, *, with_numbers: bool
) -> None:
    for i in range(len(methods)):
        for j in range(i + 1, len(methods)):
            pair = decision.get_pair(methods[i].label, methods[j].label)
            if pair is None:
                continue
            _draw_cell(axes, j, i, _choose_colour(pair), f"{rates[i, j]:.2f}" if with_numbers else "")


def _draw_summary(
    axes: "Axes", methods: Sequence[LeaderboardRow], decisions: Sequence[MeasureDecision], *, with_numbers: bool
) -> None:
    """On how many measures the row is better, and the column: the colour of the one that is better on more."""
    for i in range(len(methods)):
        for j in range(i + 1, len(methods)):
            found = [decision.get_pair(methods[i].label, methods[j].label) for decision in decisions]
            better = [pair.better for pair in found if pair and pair.better]
            row, column = (better.count(method.label) for method in (methods[i], methods[j]))
            colour = "white" if row == column else BLUE if row > column else ORANGE
            _draw_cell(axes, j, i, colour, f"{row}:{column}" if with_numbers and better else "")


def _draw_cell(axes: "Axes", x: int, y: int, colour: str, text: str) -> None:
    from matplotlib.patches import Rectangle

    corner = x - 0.46, y - 0.46
    axes.add_patch(Rectangle(corner, 0.92, 0.92, facecolor=colour, edgecolor=FAINT, linewidth=0.5))
    if text:
        is_dark = colour in (BLUE, ORANGE)
        ink = "white" if is_dark else GREY if colour == "white" else BLACK
        axes.text(x, y, text, fontsize=FONT_SIZE, ha="center", va="center_baseline", color=ink)


def _choose_colour(pair: PairDecision) -> str:
    """Blue if the row is better, orange if the column is, grey for an equivalent pair, white for an undecided one."""
    if pair.outcome == "equivalent":
        return EQUIVALENT_COLOUR
    return "white" if not pair.better else BLUE if pair.better == pair.a else ORANGE
