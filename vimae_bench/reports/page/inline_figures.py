"""Matplotlib's figures as part of a page: SVG without styles or scripts, with a name, in the page's colours.

The panels of a figure become pictures of their own, which the page arranges for the width that there is. Legends and
titles are left to the page.
"""

import re
from collections.abc import Iterator, Sequence, Set
from copy import deepcopy
from io import BytesIO
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from markupsafe import Markup

from ..plot_axes import BLACK, FAINT, GREY
from ..plot_style import COLOURS, METHOD_ID
from . import remove_control_characters

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PIXELS_PER_POINT = 1.75
"""At this scale the smallest text, of 7 points, is 12 pixels high."""
MAX_PHONE_WIDTH = 420
"""Pixels: what is little wider than a phone's screen is made smaller there, and what is wider scrolls."""
POINTS_PER_INCH = 72
MARGIN = 3.0
"""Points left free around a panel."""
PANEL_MARGINS, PANEL_GAPS = (0.42, 0.38, 0.04, 0.2), (0.45, 0.56)
"""Inches to the left of all panels, below, to the right and above; between two panels, across and down."""
PANEL_WIDTHS = (1.9, 2.9)
"""The least and the greatest width of a panel in inches: the greatest, with its labels, is that of a phone."""
METHOD_PANEL_WIDTH = 1.0
"""The least width where each method has a panel: two stand next to each other on a phone."""
REMOVED_ELEMENTS = ("metadata", "style")
"""Elements that a page does not need, or that its policy forbids."""
ID_REFERENCE = re.compile(r'(?:href="|url\()#([^")]+)')
"""A reference to an id of the same figure."""
CONTROL_CHARACTERS = bytes(set(range(32)) - set(b"\t\n\r"))
"""Control characters, which matplotlib copies from names into comments."""
PAGE_COLOURS = {
    **{colour.lower(): f"var(--series-{i})" for i, colour in enumerate(COLOURS)},
    BLACK.lower(): "var(--ink)",
    "#000000": "var(--ink)",
    GREY.lower(): "var(--quiet)",
    FAINT.lower(): "var(--rule)",
    "#ffffff": "var(--paper)",
}
"""The variables of the style sheet that take the place of colours, so that they suit a dark page too."""

Box = tuple[float, float, float, float]
"""Left, top, width and height in points."""


def draw_panels(figure: "Figure", title: str, prefix: str) -> list[Markup]:
    """A figure as `svg` elements, one for each of its panels, or a single one if it has none.

    The ids in it begin with `prefix`, so that several figures share a page. Styles become attributes, which a policy
    without `unsafe-inline` allows. Ids that nothing refers to are removed; those of methods become `data-method`.
    """
    panels = [axes for axes in figure.axes if axes.get_visible()]
    methods = [axes.get_gid() for axes in panels]
    _remove_surroundings(figure)
    _place_panels(figure, panels)
    for i, axes in enumerate(panels):
        axes.set_gid(f"panel-{i}")
        axes.tick_params(labelleft=True, labelbottom=not axes.xaxis.get_tick_params().get("labeltop", False))
    svg = _save_svg(figure)
    root, used = ET.fromstring(svg), set(ID_REFERENCE.findall(svg.decode()))  # noqa: S314 - matplotlib's own
    groups = {element.get("id"): element for element in root.iter()}
    boxes = [_measure_box(figure, axes) for axes in panels]
    for element in root.iter():
        for child in [child for child in element if _strip_namespace(str(child.tag)) in REMOVED_ELEMENTS]:
            element.remove(child)
        _adapt_element(element, prefix, used)
    definitions = [element for element in root if element.tag == "defs"]
    if not panels:
        return [_finish_svg([*root], _measure_figure(figure), title, prefix, "")]
    found = list[Markup]()
    for i, (box, method) in enumerate(zip(boxes, methods, strict=True)):
        name = title if len(panels) == 1 else f"{title}, panel {i + 1} of {len(panels)}"
        parts = [*(definitions if i == 0 else []), groups[f"panel-{i}"]]
        found.append(_finish_svg(parts, box, name, f"{prefix}-{i}", (method or "").removeprefix(METHOD_ID)))
    return found


def _remove_surroundings(figure: "Figure") -> None:
    """Take away legends and texts that belong to no panel."""
    for legend in [*figure.legends]:
        legend.remove()
    for text in figure.texts:
        text.set_visible(False)
        text.set_in_layout(False)


def _place_panels(figure: "Figure", panels: Sequence["Axes"]) -> None:
    """Place the panels at fixed distances: a layout without overlaps would take as long as the drawing.

    Each becomes a picture of its own, so that nothing is lost where the labels of one reach into another.
    """
    grid = next((spec.get_gridspec() for axes in panels if (spec := axes.get_subplotspec())), None)
    if grid is None:
        return
    (width, height), (left, bottom, right, top) = figure.get_size_inches(), PANEL_MARGINS
    across, down = PANEL_GAPS
    wide = (width - left - right - (grid.ncols - 1) * across) / grid.ncols
    high = (height - bottom - top - (grid.nrows - 1) * down) / grid.nrows
    least = METHOD_PANEL_WIDTH if any(axes.get_gid() for axes in panels) else PANEL_WIDTHS[0]
    scale = min(max(wide, least), PANEL_WIDTHS[1]) / wide
    wide, high = wide * scale, high * scale
    width = left + right + grid.ncols * wide + (grid.ncols - 1) * across
    height = bottom + top + grid.nrows * high + (grid.nrows - 1) * down
    figure.set_size_inches(width, height)
    figure.set_layout_engine(None)
    figure.subplots_adjust(
        left / width, bottom / height, 1 - right / width, 1 - top / height, across / wide, down / high
    )


def _measure_box(figure: "Figure", axes: "Axes") -> Box:
    """Where a panel with its labels is in the figure's SVG."""
    bounds, scale = axes.get_tightbbox(), POINTS_PER_INCH / figure.dpi
    if bounds is None:
        return _measure_figure(figure)
    left, top = bounds.x0 * scale - MARGIN, figure.get_figheight() * POINTS_PER_INCH - bounds.y1 * scale - MARGIN
    return left, top, bounds.width * scale + 2 * MARGIN, bounds.height * scale + 2 * MARGIN


def _measure_figure(figure: "Figure") -> Box:
    return 0.0, 0.0, figure.get_figwidth() * POINTS_PER_INCH, figure.get_figheight() * POINTS_PER_INCH


def _finish_svg(parts: list[ET.Element], box: Box, title: str, prefix: str, method: str) -> Markup:
    left, top, width, height = box
    root = ET.Element(
        "svg",
        {
            "viewBox": f"{left:.1f} {top:.1f} {width:.1f} {height:.1f}",
            "width": f"{width * PIXELS_PER_POINT:.0f}",
            "height": f"{height * PIXELS_PER_POINT:.0f}",
            "role": "img",
            "aria-labelledby": f"{prefix}-title",
            "fill": "var(--ink)",
            "stroke-linejoin": "round",  # in the style element that is removed
        },
    )
    if width * PIXELS_PER_POINT > MAX_PHONE_WIDTH:
        root.set("class", "wide")
    if method:
        root.set("data-method", method)
    name = ET.SubElement(root, "title", {"id": f"{prefix}-title"})
    name.text = remove_control_characters(title)
    root.extend(deepcopy(parts))
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - made of escaped elements


def _save_svg(figure: "Figure") -> bytes:
    from matplotlib import rc_context

    file = BytesIO()
    with rc_context({"svg.hashsalt": "vimae-bench", "svg.fonttype": "path"}):
        figure.savefig(file, format="svg", transparent=True)
    return file.getvalue().translate(None, CONTROL_CHARACTERS)


def _adapt_element(element: ET.Element, prefix: str, used: Set[str]) -> None:
    """Remove namespaces and white space, turn styles into attributes, prefix the `used` ids and their references."""
    element.tag, element.tail = _strip_namespace(element.tag), None
    element.text = element.text.strip() if element.text else None
    attributes = {_strip_namespace(name): value for name, value in element.attrib.items()}
    if attributes.get("id", "").startswith(METHOD_ID):
        attributes["data-method"] = attributes.pop("id").removeprefix(METHOD_ID)
    if attributes.get("id") not in used:
        attributes.pop("id", None)
    attributes |= dict(_split_styles(attributes.pop("style", "")))
    element.attrib.clear()
    element.attrib.update({name: _add_prefix(name, value, prefix) for name, value in attributes.items()})


def _split_styles(styles: str) -> Iterator[tuple[str, str]]:
    """The properties of a style, with colours of the page."""
    for part in styles.split(";"):
        name, _, value = part.partition(":")
        if name.strip():
            yield name.strip(), PAGE_COLOURS.get(value.strip().lower(), value.strip())


def _add_prefix(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return f"{prefix}-{value}"
    if name == "href" and value.startswith("#"):
        return f"#{prefix}-{value[1:]}"
    return re.sub(r"url\(#", f"url(#{prefix}-", value)


def _strip_namespace(name: str) -> str:
    return name.rpartition("}")[2]
