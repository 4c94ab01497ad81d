"""The page of the Python interface: every public name with its signature and its words, read from the source."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from textwrap import fill, indent

import griffe

import vimae_bench

from .markdown import MADE, joined, prose

ROOT = Path(__file__).parents[2]
HEAD = """All names that `vimae_bench` has for plugins and scripts. What is not here may change without notice. Tensors
are written with their shapes: B images in a batch, d latent dimensions, [C, H, W] an image."""
PARTS = {
    "Results and trainings": ("notebook",),
    "The kinds of plugin": ("kinds", "streams", "hooks"),
    "Models and posteriors": ("model", "posterior"),
    "Losses and divergences": ("adversary", "mmd"),
    "What metrics are made of": (
        "engine.trial",
        "engine.sampling",
        "generated",
        "frechet",
        "inception",
        "probes",
        "information",
        "likelihood",
        "corruption",
    ),
    "Data sets": ("download", "cache"),
    "Records and errors": ("records", "seeds", "errors"),
}
"""The modules behind the public names, in the order of the page."""
MODULES = [
    ("testing", "Contract checks", "For a test of one's own: `check_` raises `ContractError` with what is broken."),
    ("linear_gaussian", "Closed forms of a linear model", "To hold an objective or a metric against."),
]
"""Public modules, which are imported by their own names."""


def page() -> str:
    """The page in markdown. Raises ValueError if a public name has no part of the page."""
    package = griffe.load("vimae_bench", search_paths=[ROOT], resolve_aliases=True)
    homes = {name: _home(package[name].final_target) for name in vimae_bench.__all__}
    parts = {title: [name for m in ms for name in homes if _within(homes[name], m)] for title, ms in PARTS.items()}
    if left := homes.keys() - set(chain.from_iterable(parts.values())):
        raise ValueError(f"PARTS in {__file__} lacks the modules of {', '.join(sorted(left))}")
    sections = [_part(title, [package[name].final_target for name in names]) for title, names in parts.items() if names]
    return joined(["# Python interface", MADE, HEAD, *sections, *(_module(package, *module) for module in MODULES)])


def _part(title: str, things: Sequence[griffe.Object]) -> str:
    return "\n\n".join([f"## {title}", *map(_section, things)])


def _within(home: str, module: str) -> bool:
    return f"{home}.".startswith(f"{module}.")


def _home(thing: griffe.Object) -> str:
    """The module that a public name comes from, below the package."""
    return thing.parent.path.partition(".")[2] if thing.parent else ""


def _module(package: griffe.Object | griffe.Alias, name: str, title: str, words: str) -> str:
    own = f"{package[name].path}."  # of a package, what it takes from its own modules
    public = [f.final_target if f.is_alias else f for f in package[name].functions.values() if f.name[0] != "_"]
    functions = [f for f in public if f.path.startswith(own)]
    head = f"`from vimae_bench.{name} import {functions[0].name}`. {words}"
    return "\n\n".join([f"## {title}", head, *map(_section, functions)])


def _section(thing: griffe.Object) -> str:
    return "\n\n".join([f"### `{thing.name}`", _code(thing), *_words(thing), *_members(thing)])


def _code(thing: griffe.Object) -> str:
    """How it is called; of a class also what it is made from."""
    lines = [_signature(thing)]
    if isinstance(thing, griffe.Class):
        bases = ", ".join(str(base) for base in thing.bases)
        lines = [f"class {thing.name}" + (f"({bases})" if bases else ""), *filter(None, lines)]
    folded = (fill(line, 100, subsequent_indent="    ", break_long_words=False) for line in lines)
    return "\n".join(["```python", *folded, "```"])


def _words(thing: griffe.Object | griffe.Alias) -> Iterator[str]:
    if thing.docstring:
        yield prose(thing.docstring.value)


def _members(thing: griffe.Object) -> Iterator[str]:
    """A list of a class's methods, and of those of its attributes of which something is said."""
    shown = [m for m in thing.members.values() if _is_public(m.name) and (m.is_function or m.docstring)]
    items = [": ".join([f"`{_signature(member)}`", *_words(member)]) for member in shown]
    if thing.is_class and items:
        yield "\n".join("- " + indent(item, "  ").lstrip() for item in items)


def _is_public(name: str) -> bool:
    return name[0] != "_" or name == "__call__"


def _signature(thing: griffe.Object | griffe.Alias) -> str:
    """As in the source, on one line; of a class that of its constructor, empty where there is none."""
    if isinstance(thing, griffe.Class | griffe.Function):
        return thing.signature(name=thing.name)
    annotation = f": {thing.annotation}" if isinstance(thing, griffe.Attribute) and thing.annotation else ""
    value = f" = {thing.value}" if isinstance(thing, griffe.Attribute) and thing.value is not None else ""
    return f"{thing.name}{annotation}{value}"
