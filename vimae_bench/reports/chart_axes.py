"""Draws points and bars on axes of matplotlib, for figures of several methods."""

from typing import TYPE_CHECKING

import numpy as np

from ..storage.chart_image import (
    BAR_COLOUR,
    CLASS_COLOURS,
    MAX_LEGEND_CLASSES,
    OUTLINE_COLOUR,
    THRESHOLD_COLOUR,
)
from ..storage.picture_data import BarChart, ScatterPlot

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_scatter_plot(axes: "Axes", data: ScatterPlot) -> None:
    """Draw points by class, and the outline, with axes of the same scale."""
    order = np.random.default_rng(0).permutation(len(data.points))  # so that no class hides another
    classes = np.zeros(len(order), np.int64) if data.classes is None else data.classes
    names, place = np.unique(classes, return_inverse=True)
    colours = np.array(CLASS_COLOURS)[place % len(CLASS_COLOURS)]
    size = min(max(12_000 / max(len(order), 1), 2.5), 14.0)
    axes.scatter(*data.points[order].T, s=size, c=colours[order], alpha=0.7, linewidths=0, rasterized=True)
    if data.outline is not None:
        axes.plot(*data.outline.T, linestyle=(0, (4, 3)), linewidth=1, color=OUTLINE_COLOUR, label=data.outline_label)
    axes.set_aspect("equal", "datalim")
    if data.classes is not None and 1 < len(names) <= MAX_LEGEND_CLASSES:
        for name, colour in zip(names, CLASS_COLOURS, strict=False):
            axes.scatter([], [], s=20, c=colour, label=str(name))


def draw_bar_chart(axes: "Axes", data: BarChart) -> None:
    """Draw bars from 0, and the threshold."""
    axes.bar(range(len(data.values)), data.values, color=BAR_COLOUR, width=0.8)
    if data.threshold is not None:
        axes.axhline(data.threshold, linestyle="--", linewidth=1, color=THRESHOLD_COLOUR, label=data.threshold_label)
    axes.set_xlim(-0.6, len(data.values) - 0.4)
