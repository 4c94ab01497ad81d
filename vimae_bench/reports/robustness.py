"""A figure of accuracy under damage: a row of panels for each classifier, a panel for each kind of corruption."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import TYPE_CHECKING

from ..analysis.leaderboard_data import Leaderboard, LeaderboardRow
from ..core.results import Estimate, Measure
from ..data.corruptions import Corruption
from .intervals import QUIET
from .plot_style import MethodStyle, MethodStyles, add_legend, add_title, format_method_name, style_axes
from .table_format import describe_seeds, format_axis_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

STRENGTH_LABELS = {
    "gauss": "standard deviation of the noise",
    "gauss_clip": "standard deviation of the noise, clipped",
    "mask": "share of entries set to black",
    "mask_pixel": "share of pixels set to black",
    "mask_grey": "share of entries set to grey",
}
"""What the strength of each kind of corruption is."""

DASHES = ((4, 2), (1, 1.5), (6, 2, 1, 2), (2, 2))
NOTE = "line: mean over seeds  ·  band: 95 % interval  ·  broken: no training, one value"


@dataclass(frozen=True)
class CorruptionPanel:
    """What one classifier reads under one kind of corruption: a measure for each strength, clean ones at 0."""

    probe: str
    kind: str
    conditions: tuple[tuple[float, Measure], ...]


def find_panels(board: Leaderboard) -> list[CorruptionPanel]:
    """The panels that a board's measures make: `svm clean`, `svm gauss_0.2` and `svm gauss_0.4` make one."""
    read = [(*said, measure) for measure in board.measures.values() if (said := parts(measure.name))]
    pairs = dict.fromkeys((probe, kind) for probe, kind, level, _ in read if level)
    return [CorruptionPanel(*pair, _collect_conditions(*pair, read)) for pair in pairs]


def draw_robustness(board: Leaderboard, looks: MethodStyles) -> "Figure":
    """The figure of a board that has some panel; `looks` are those of all methods of the comparison."""
    shown = find_panels(board)
    measured = {measure.name for panel in shown for _, measure in panel.conditions}
    rows, beside = (
        [row for row in board.rows if measured & row.summaries.keys()],
        _create_baseline_lines(board, measured),
    )
    figure, grid = _create_panel_grid(shown, len(rows) + len(beside))
    for axes, panel in grid:
        for row in rows:
            _draw_method(axes, panel, row, looks[row.label])
        for label, dashes in zip(beside, cycle(DASHES), strict=False):
            _draw_baseline(axes, panel, board.references[label], dashes)
        axes.set_xlabel(STRENGTH_LABELS[panel.kind], fontsize=8)
        axes.set_xticks(sorted({level for level, _ in panel.conditions}))
        axes.margins(x=0.06)
    add_legend(figure, {row.label: looks[row.label] for row in rows}, [format_method_name(row) for row in rows], beside)
    return add_title(figure, board.title, NOTE)


def _create_panel_grid(
    shown: Sequence[CorruptionPanel], beside: int
) -> "tuple[Figure, list[tuple[Axes, CorruptionPanel]]]":
    """A row of axes for each classifier, high enough for `beside` lines of a legend."""
    from matplotlib.figure import Figure

    rows = [[panel for panel in shown if panel.probe == probe] for probe in dict.fromkeys(p.probe for p in shown)]
    across = max(map(len, rows))
    size = 2.7 * across + 1.8, max(2.6 * len(rows) + 0.5, 0.17 * beside + 0.6)
    figure, found = Figure(size, layout="constrained", dpi=200), list[tuple["Axes", CorruptionPanel]]()
    for line, panels in zip(figure.subplots(len(rows), across, sharey="row", squeeze=False), rows, strict=True):
        read = replace(panels[0].conditions[0][1], name=panels[0].probe)
        line[0].set_ylabel(format_axis_label(read), fontsize=8, parse_math=False)
        found += zip(map(style_axes, line), panels, strict=False)
        for axes in line[len(panels) :]:
            axes.set_visible(False)
    return figure, found


def describe_robustness(board: Leaderboard) -> str:
    """What to look for."""
    return (
        f"{describe_seeds(board)} What a classifier reads from the codes of damaged images. Below "
        "a broken line, encoding has cost more than it gave."
    )


def parts(measure: str) -> tuple[str, str, float] | None:
    """The classifier, the kind of corruption and its strength; None if no word of the name is a corruption."""
    words = measure.split(" ")
    for i, word in enumerate(words[1:], 1):
        try:
            corruption = Corruption.parse(word)
        except ValueError:
            continue
        return " ".join(words[:i] + words[i + 1 :]), corruption.kind, corruption.level
    return None


def _collect_conditions(
    probe: str, kind: str, read: Sequence[tuple[str, str, float, Measure]]
) -> tuple[tuple[float, Measure], ...]:
    mine = [(level, measure) for p, k, level, measure in read if p == probe and k in (kind, "clean")]
    return tuple(sorted(mine, key=lambda condition: condition[0]))


def _draw_method(axes: "Axes", panel: CorruptionPanel, row: LeaderboardRow, look: MethodStyle) -> None:
    """The mean over seeds wherever none is lacking, single seeds elsewhere."""
    there = [(level, row.summaries[m.name]) for level, m in panel.conditions if m.name in row.summaries]
    whole = [(level, entry) for level, entry in there if entry.complete]
    x, means = [level for level, _ in whole], [entry.mean for _, entry in whole]
    axes.plot(x, means, look.marker, color=look.colour, linestyle="-", markersize=4, linewidth=1)
    bounded = [(level, entry.interval) for level, entry in whole if entry.interval]
    low, high = ([between[end] for _, between in bounded] for end in (0, 1))
    axes.fill_between([level for level, _ in bounded], low, high, color=look.colour, alpha=0.13, linewidth=0)
    for level, entry in there:
        if not entry.complete:
            values = [estimate.value for estimate in entry.estimates.values()]
            axes.plot([level] * len(values), values, look.marker, color=look.colour, markersize=3, mfc="none")


def _create_baseline_lines(board: Leaderboard, measured: set[str]) -> "dict[str, Line2D]":
    """A broken line for each reference under some of the measures."""
    from matplotlib.lines import Line2D

    having = [label for label, estimates in board.references.items() if measured & estimates.keys()]
    return {
        label: Line2D([], [], color=QUIET, linewidth=1.2, linestyle=(0, dashes))
        for label, dashes in zip(having, cycle(DASHES), strict=False)
    }


def _draw_baseline(
    axes: "Axes", panel: CorruptionPanel, estimates: Mapping[str, Estimate], dashes: tuple[float, ...]
) -> None:
    there = [(level, estimates[m.name].value) for level, m in panel.conditions if m.name in estimates]
    if there:
        axes.plot(
            *zip(*there, strict=True), color=QUIET, marker=".", markersize=3, linewidth=1.2, linestyle=(0, dashes)
        )
