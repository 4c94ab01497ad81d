"""Matplotlib's figures as part of a page: SVG without styles or scripts, under a name of its own."""

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
"""Inches from which on a figure is of a class, so that it is scrolled, not shrunk until nobody can read it."""
REMOVED_ELEMENTS = ("metadata", "style")
"""Elements that a page has no use for, or whose policy forbids them."""
ID_REFERENCE = re.compile(r'(?:href="|url\()#([^")]+)')
"""To an id of the same figure."""
CONTROL_CHARACTERS = bytes(set(range(32)) - set(b"\t\n\r"))
"""Control characters of a name, which matplotlib puts into its comments as they are."""


def figure_to_svg(figure: "Figure", title: str, prefix: str) -> Markup:
    """A figure as an `figure_to_svg` element; the ids in it begin with `prefix`, so that several figures share a page.

    Styles become attributes, which a policy without `unsafe-inline` lets through. What nothing refers to has no id.
    """
    drawn = _save_svg(figure)
    root, used = ET.fromstring(drawn), set(ID_REFERENCE.findall(drawn.decode()))  # noqa: S314 - matplotlib's own
    for element in root.iter():
        for child in [child for child in element if _strip_namespace(str(child.tag)) in REMOVED_ELEMENTS]:
            element.remove(child)
        _adapt_element(element, prefix, used)
    root.set("role", "img")
    root.set("class", next((name for least, name in WIDTH_CLASSES.items() if figure.get_figwidth() > least), ""))
    root.set("aria-labelledby", f"{prefix}-title")
    root.set("stroke-linejoin", "round")  # what matplotlib says in its style for all
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
    """No namespaces, no white space, styles as attributes, `used` ids and what refers to them with a prefix."""
    element.tag, element.tail = _strip_namespace(element.tag), None
    element.text = element.text.strip() if element.text else None
    given = {_strip_namespace(name): value for name, value in element.attrib.items()}
    if given.get("id") not in used:
        given.pop("id", None)
    styles = (part.partition(":") for part in given.pop("style", "").split(";") if part.strip())
    given |= {name.strip(): value.strip() for name, _, value in styles}
    element.attrib.clear()
    element.attrib.update({name: _add_prefix(name, value, prefix) for name, value in given.items()})


def _add_prefix(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return f"{prefix}-{value}"
    if name == "href" and value.startswith("#"):
        return f"#{prefix}-{value[1:]}"
    return re.sub(r"url\(#", f"url(#{prefix}-", value)


def _strip_namespace(name: str) -> str:
    return name.rpartition("}")[2]
