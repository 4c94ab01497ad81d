"""Points and bars as PNG files that a person can look at.

They are drawn pixel by pixel: matplotlib takes twenty times as long, as much as all measurements of a small model.
"""

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from .picture_data import BarChart, ScatterPlot
from .picture_font import load_font, measure_text
from .plot_area import INK, TICK_FONT, PlotArea, Points, choose_ticks, parse_colours

if TYPE_CHECKING:
    from PIL.Image import Image

CLASS_COLOURS = (
    *("#0077BB", "#DDCC77", "#663333", "#66CCEE", "#228833"),
    *("#FFAABB", "#222255", "#AAAA00", "#009988", "#000000"),
)
"""Ten colours, which repeat after ten classes: those of Paul Tol's schemes that stay furthest apart under deuteranopia.
"""
OUTLINE_COLOUR, THRESHOLD_COLOUR, BAR_COLOUR = "#222222", "#CC6677", "#4477AA"
MAX_LEGEND_CLASSES = 10
"""More classes than this have no legend."""
MAX_BAR_LABELS, MAX_LEVEL_LABELS = 32, 12
"""More bars than this have no labels of their own, or upright ones."""
LINE, MAX_UPRIGHT = 17, 120
"""The height of a line of text, and of the longest upright label, in pixels."""


def write_chart(data: ScatterPlot | BarChart, path: Path) -> None:
    """Draw points or bars with axes, title and legend as a PNG."""
    from PIL.Image import Dither

    picture = _draw_points(data) if isinstance(data, ScatterPlot) else _draw_bars(data)
    picture.quantize(palette=_make_palette(), dither=Dither.NONE).save(path, format="PNG")


def _draw_points(data: ScatterPlot) -> "Image":
    """Points by class, and the outline, with axes of the same scale. Points that are not finite are left out."""
    points = data.points.astype(np.float64)
    outline = np.empty((0, 2)) if data.outline is None else data.outline.astype(np.float64)
    classes = np.zeros(len(points), np.int64) if data.classes is None else data.classes
    names, place = np.unique(classes, return_inverse=True)
    # In random order, so that no class hides another.
    order = np.random.default_rng(0).permutation(np.flatnonzero(np.isfinite(points).all(1)))
    picture, area = _start_picture((700, 520), data.title, left=64, right=206, below=48)
    area.x, area.y = _choose_square(np.concatenate([points[order], outline]), area)
    radius = min(max((4_000 / max(len(order), 1)) ** 0.5, 1.0), 2.6)
    area.draw_discs(points[order], radius, parse_colours(CLASS_COLOURS)[place[order] % len(CLASS_COLOURS)])
    area.draw_dashes(outline, OUTLINE_COLOUR)
    area.paste_into(picture, data.x_label, data.y_label)
    area.draw_x_ticks(picture, choose_ticks(*area.x))
    has_legend = data.classes is not None and 1 < len(names) <= MAX_LEGEND_CLASSES
    _draw_legend(picture, area, data.outline_label if len(outline) else "", names.tolist() if has_legend else [])
    return picture


def _draw_bars(data: BarChart) -> "Image":
    """Bars from 0, and the threshold with its label. A bar that is not finite is left out."""
    values = np.where(np.isfinite(data.values), data.values, 0.0).tolist()
    labels = data.labels if len(data.labels) <= MAX_BAR_LABELS else ()
    upright = len(labels) > MAX_LEVEL_LABELS
    longest = max((measure_text(label, TICK_FONT) for label in labels), default=0) if upright else TICK_FONT
    below = 38 + min(round(longest), MAX_UPRIGHT)
    picture, area = _start_picture((640, 320 + below), data.title, left=72, right=18, below=below)
    ends = (0.0, *values, *(() if data.threshold is None else (data.threshold,)))
    margin = 0.05 * ((max(ends) - min(ends)) or 1.0)
    area.x, area.y = (-0.6, len(values) - 0.4), (min(ends) - margin * (min(ends) < 0), max(ends) + margin)
    for i, value in enumerate(values):
        area.draw_bar((i - 0.4, i + 0.4), value, BAR_COLOUR)
    if data.threshold is not None:
        area.draw_dashes(np.array([[area.x[0], data.threshold], [area.x[1], data.threshold]]), THRESHOLD_COLOUR)
    area.paste_into(picture, data.x_label, data.y_label)
    area.draw_x_ticks(picture, dict(enumerate(labels)), upright=upright)
    if data.threshold is not None:
        _write_threshold(picture, area, data.threshold, data.threshold_label)
    return picture


def _start_picture(size: tuple[int, int], title: str, *, left: int, right: int, below: int) -> "tuple[Image, PlotArea]":
    """A white picture of this width and height with a title, and the area that the margins leave free."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", size, "white")
    lines = wrap(title, (size[0] - left) // 7)
    for i, line in enumerate(lines):
        ImageDraw.Draw(picture).text((left, 10 + i * LINE), line, INK, load_font())
    top = 18 + LINE * len(lines)
    return picture, PlotArea(left, top, size[0] - left - right, size[1] - top - below, (0.0, 1.0), (0.0, 1.0))


def _choose_square(points: Points, area: PlotArea) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ends of both axes: all points [N, 2] are in the area, on the same scale along both."""
    finite = points[np.isfinite(points).all(1)]
    low, high = (finite.min(0), finite.max(0)) if len(finite) else (np.zeros(2), np.ones(2))
    size = np.array([area.width, area.height])
    scale = 0.525 * float(((high - low) / size).max()) or 1e-9
    (left, bottom), (right, top) = (low + high) / 2 - scale * size, (low + high) / 2 + scale * size
    return (float(left), float(right)), (float(bottom), float(top))


def _draw_legend(picture: "Image", area: PlotArea, outline_label: str, classes: list[int]) -> None:
    """The outline and the classes, to the right of the points."""
    from PIL import ImageDraw

    draw, left, y = ImageDraw.Draw(picture), area.right + 10, area.top + 8
    if outline_label:
        for start in (left, left + 8, left + 16):
            draw.line((start, y, start + 4, y), OUTLINE_COLOUR)
        draw.text((left + 28, y), outline_label, INK, load_font(), "lm")
        y += LINE + 2
    for name, colour in zip(classes, CLASS_COLOURS, strict=False):
        draw.ellipse((left + 7, y - 3, left + 13, y + 3), colour)
        draw.text((left + 28, y), str(name), INK, load_font(), "lm")
        y += LINE + 2


def _write_threshold(picture: "Image", area: PlotArea, threshold: float, label: str) -> None:
    """The label of the threshold's line, above it if there is room, at its right end, where bars are often low."""
    from PIL import ImageDraw

    _, y = area.locate(area.x[0], threshold)
    is_below = y - area.top < LINE
    ImageDraw.Draw(picture).text(
        (area.right - 6, y + (4 if is_below else -4)), label, INK, load_font(), "ra" if is_below else "rd"
    )


def _make_palette() -> "Image":
    """All colours with some steps to white, for smooth edges: a third of the size of a PNG in full colours."""
    from PIL import Image

    # Pillow looks colours up to four units, so white has to be the nearest to all that are nearly white.
    colours = parse_colours((*CLASS_COLOURS, OUTLINE_COLOUR, THRESHOLD_COLOUR, BAR_COLOUR))
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.linspace(np.full_like(colours, 255), colours, 7).astype(np.uint8).tobytes())
    return palette
