"""What the text of a figure measures, as it is drawn and as it is in a file."""

import re
from collections.abc import Iterator
from itertools import combinations
from xml.etree import ElementTree as ET

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from vimae_bench.reports.plot_style import encode_figure

POINTS_PER_INCH = 72


def list_texts(figure: Figure) -> list[tuple[Text, Bbox]]:
    """The visible texts of a figure with the boxes that they take, in inches, after drawing it."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    shown = dict[int, Text]()
    for artist in _walk(figure):
        if isinstance(artist, Text) and artist.get_visible() and artist.get_text().strip():
            shown[id(artist)] = artist
    found = list[tuple[Text, Bbox]]()
    for text in shown.values():
        box = text.get_window_extent(renderer)
        found.append((text, Bbox(box.get_points() / figure.dpi)))
    return found


def _walk(artist: object) -> Iterator[object]:
    """An artist and what is drawn in it; ticks only where the axis shows them."""
    if not artist.get_visible():  # pyright: ignore
        return
    yield artist
    for child in artist.get_children():  # pyright: ignore
        yield from _walk(child)


def measure_smallest_type(figure: Figure) -> float:
    """In points."""
    return min(text.get_fontsize() for text, _ in list_texts(figure))


def measure_smallest_svg_type(figure: Figure, width: float) -> float:
    """In points, in the SVG file of a figure that is printed at a width in inches."""
    root = ET.fromstring(encode_figure(figure, "svg"))
    scale = width * POINTS_PER_INCH / float(root.get("viewBox", "").split()[2])
    sizes = list[float]()
    for element in root.iter():
        if element.tag.endswith("}text") or element.tag.endswith("}tspan"):
            style = element.get("style", "")
            for size in re.findall(r"(?:font-size:|font:[^;]*?)\s*([\d.]+)px", style):
                sizes.append(float(size) * scale)
    return min(sizes)


def list_overlaps(figure: Figure, slack: float = 0.015) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes overlap by more than the slack in inches in both directions."""
    found = list[tuple[str, str]]()
    for (a, one), (b, other) in combinations(list_texts(figure), 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        up = min(one.y1, other.y1) - max(one.y0, other.y0)
        if across > slack and up > slack + 0.01:
            found.append((a.get_text(), b.get_text()))
    return found


def list_cut_texts(figure: Figure, slack: float = 0.02) -> list[str]:
    """Texts that reach beyond the canvas by more than the slack in inches."""
    width, height = figure.get_size_inches()
    return [
        text.get_text()
        for text, box in list_texts(figure)
        if box.x0 < -slack or box.y0 < -slack or box.x1 > width + slack or box.y1 > height + slack
    ]
