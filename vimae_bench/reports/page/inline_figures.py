"""Matplotlib's figures as part of a page: SVG without styles or scripts, with a name."""

import re
from collections.abc import Set
from io import BytesIO
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from markupsafe import Markup

from . import remove_control_characters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH_CLASSES = {11.0: "wider", 6.0: "wide"}
"""Classes of figures wider than this many inches, which are scrolled rather than shrunk until they are illegible."""
REMOVED_ELEMENTS = ("metadata", "style")
"""Elements that a page does not need, or that its policy forbids."""
ID_REFERENCE = re.compile(r'(?:href="|url\()#([^")]+)')
"""A reference to an id of the same figure."""
CONTROL_CHARACTERS = bytes(set(range(32)) - set(b"\t\n\r"))
"""Control characters, which matplotlib copies from names into comments."""


def figure_to_svg(figure: "Figure", title: str, prefix: str) -> Markup:
    """A figure as an `svg` element; the ids in it begin with `prefix`, so that several figures share a page.

    Styles become attributes, which a policy without `unsafe-inline` allows. Ids that nothing refers to are removed.
    """
    svg = _save_svg(figure)
    root, used = ET.fromstring(svg), set(ID_REFERENCE.findall(svg.decode()))  # noqa: S314 - matplotlib's own
    for element in root.iter():
        for child in [child for child in element if _strip_namespace(str(child.tag)) in REMOVED_ELEMENTS]:
            element.remove(child)
        _adapt_element(element, prefix, used)
    root.set("role", "img")
    root.set("class", next((name for width, name in WIDTH_CLASSES.items() if figure.get_figwidth() > width), ""))
    root.set("aria-labelledby", f"{prefix}-title")
    root.set("stroke-linejoin", "round")  # in the style element that is removed
    name = ET.Element("title", {"id": f"{prefix}-title"})
    name.text = remove_control_characters(title)
    root.insert(0, name)
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
    if attributes.get("id") not in used:
        attributes.pop("id", None)
    styles = (part.partition(":") for part in attributes.pop("style", "").split(";") if part.strip())
    attributes |= {name.strip(): value.strip() for name, _, value in styles}
    element.attrib.clear()
    element.attrib.update({name: _add_prefix(name, value, prefix) for name, value in attributes.items()})


def _add_prefix(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return f"{prefix}-{value}"
    if name == "href" and value.startswith("#"):
        return f"#{prefix}-{value[1:]}"
    return re.sub(r"url\(#", f"url(#{prefix}-", value)


def _strip_namespace(name: str) -> str:
    return name.rpartition("}")[2]
