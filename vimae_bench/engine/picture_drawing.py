"""Draws points and bars on axes of matplotlib, for the pictures of a run and for figures of several methods."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..storage.picture_data import BarChart, ScatterPlot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLASS_COLOURS = (
    *("#332288", "#88CCEE", "#117733", "#DDCC77", "#CC6677"),
    *("#AA4499", "#000000", "#E69F00", "#56B4A0", "#9E9E9E"),
)
"""Ten colours that stay apart for colour-blind readers, after Tol's muted scheme; they repeat after ten classes."""
OUTLINE_COLOUR, THRESHOLD_COLOUR = "#222222", "#CC6677"
MAX_LEGEND_CLASSES = 10
"""More classes than this have no legend."""
PNG_COLOURS = 32
"""Colours of a chart's PNG: it looks the same as with all colours, at a third of the size."""
MAX_BAR_LABELS = 32
"""More bars than this have no labels of their own."""


def draw_scatter_plot(axes: "Axes", data: ScatterPlot, legend: bool = True) -> None:
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
    axes.set_xlabel(data.x_label, parse_math=False)
    axes.set_ylabel(data.y_label, parse_math=False)
    if data.classes is not None and 1 < len(names) <= MAX_LEGEND_CLASSES:
        for name, colour in zip(names, CLASS_COLOURS, strict=False):
            axes.scatter([], [], s=20, c=colour, label=str(name))
    if legend and axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, borderaxespad=0)


def draw_bar_chart(axes: "Axes", data: BarChart, legend: bool = True) -> None:
    """Draw bars from 0, and the threshold."""
    axes.bar(range(len(data.values)), data.values, color="#4477AA", width=0.8)
    if data.threshold is not None:
        axes.axhline(data.threshold, linestyle="--", linewidth=1, color=THRESHOLD_COLOUR, label=data.threshold_label)
    if len(data.labels) <= MAX_BAR_LABELS:
        size = "small" if len(data.labels) <= 12 else "x-small"
        axes.set_xticks(range(len(data.labels)), data.labels, rotation=90 if len(data.labels) > 12 else 0, size=size)
    axes.set_xlim(-0.6, len(data.values) - 0.4)
    axes.set_xlabel(data.x_label, parse_math=False)
    axes.set_ylabel(data.y_label, parse_math=False)
    if legend and data.threshold is not None:
        axes.legend(fontsize="small", loc="upper right", frameon=False)


def draw_chart(data: ScatterPlot | BarChart) -> "Figure":
    """A figure of one run's picture, with its title."""
    from matplotlib.figure import Figure

    # Made without pyplot: nothing global, and the import alone takes half a second.
    figure = Figure(figsize=(7, 5.2) if isinstance(data, ScatterPlot) else (6.4, 3.6), dpi=100)
    if isinstance(data, ScatterPlot):
        axes = figure.add_axes((0.1, 0.1, 0.62, 0.81))
        draw_scatter_plot(axes, data)
    else:
        axes = figure.add_axes((0.11, 0.15, 0.86, 0.74))
        draw_bar_chart(axes, data)
    axes.set_title(data.title, loc="left", fontsize=10, parse_math=False, y=1, pad=8)
    axes.tick_params(labelsize=8)
    return figure


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure as a small PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(PNG_COLOURS).save(path, format="PNG")
