"""HTML pages in a single file, to be read offline or from a mail, under a policy that runs no script but our own.

A page is a template that extends `base.html.j2`. All text in it is escaped, except figures, which are passed as
`markupsafe.Markup`. The policy allows the style sheet and the script by their hashes, so that neither attributes nor
names in results can style or run anything.
"""

import base64
import hashlib
import json
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def render_page(template: str, **context: Any) -> str:  # noqa: ANN401
    """A page from a template and its variables.

    `base.html.j2` needs a `title`, and takes a `subtitle` and a `command` (the way to make the page again).
    """
    style, script = _read_asset("page.css"), _read_asset("page.js")
    assets = {"style": Markup(style), "script": Markup(script), "policy": build_policy(style, script)}  # noqa: S704
    return _create_environment().get_template(template).render(**assets, **context)


def build_policy(style: str, script: str) -> str:
    """The content security policy of a page with this style and this script, and with embedded images."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash_source(style)}'; script-src '{_hash_source(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def embed_json(value: object) -> Markup:
    """JSON for the page's script, which cannot end the element that contains it."""
    return Markup(json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c"))  # noqa: S704


def remove_control_characters(value: Any) -> Any:  # noqa: ANN401
    """Text without control, format and unassigned characters except line ends; other values unchanged."""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return "".join(c for c in value if c in "\n\t" or unicodedata.category(c)[0] != "C")


@cache
def _create_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__name__),
        autoescape=True,
        finalize=remove_control_characters,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["embed_json"] = embed_json
    return environment


@cache
def _read_asset(name: str) -> str:
    return files(__name__).joinpath("assets", name).read_text(encoding="utf-8")


def _hash_source(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
