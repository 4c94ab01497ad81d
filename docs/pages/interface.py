"""Pages of the Python interface: the public names of each public module, with signatures and docstrings."""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from textwrap import fill, indent

import griffe

from .markdown import GENERATED, format_prose, format_table, join_parts

ROOT = Path(__file__).parents[2]
PACKAGE = "vimae_bench"
MODULES = {
    PACKAGE: "Results and trainings in notebooks and scripts",
    f"{PACKAGE}.plugin": "Interfaces of all kinds of plugin, and what they use",
    f"{PACKAGE}.models": "The autoencoder, posteriors and priors",
    f"{PACKAGE}.functional": "Arithmetic on tensors and arrays",
    f"{PACKAGE}.metrics": "Tools for authors of metrics",
    f"{PACKAGE}.data": "Data sets: types, corruptions, downloads",
    f"{PACKAGE}.execution": "Jobs, events, exit codes, signals: for authors of executors and reporters",
    f"{PACKAGE}.tracking": "The copy of results in MLflow",
    f"{PACKAGE}.testing": "Contract checks, for tests of plugins",
}
"""The public modules, in the order of the navigation."""
HEAD = """Everything outside these modules is internal and may change without notice. Tensors are written with their
shapes: B images in a batch, d latent dimensions, [C, H, W] an image."""


def make_overview() -> str:
    """The page that lists the public modules with their names, and documents those of the package itself."""
    rows = [
        (f"[`{module}`]({get_page_name(module)})" if module != PACKAGE else f"`{module}`", purpose, _link_names(module))
        for module, purpose in MODULES.items()
    ]
    table = format_table(("module", "purpose", "names"), rows)
    return join_parts(["# Python interface", GENERATED, HEAD, table, *_format_sections(PACKAGE)])


def make_module_page(module: str) -> str:
    """The page of a public module."""
    docstring = _load_package()[module.partition(".")[2]].docstring
    shown = format_prose(docstring.value) if docstring else ""
    return join_parts([f"# `{module}`", GENERATED, shown, *_format_sections(module)])


def get_page_name(module: str) -> str:
    """The file of a module's page: `api.md` of the package, `api-models.md` of `vimae_bench.models`."""
    return f"api{module.removeprefix(PACKAGE).replace('.', '-')}.md"


@cache
def _load_package() -> griffe.Object | griffe.Alias:
    return griffe.load(PACKAGE, search_paths=[ROOT], resolve_aliases=True)


@cache
def _list_names(module: str) -> tuple[str, ...]:
    names: list[str] = getattr(import_module(module), "__all__", [])
    return tuple(sorted((name for name in names if name[0] != "_"), key=str.lower))


def _find(module: str, name: str) -> griffe.Object:
    """The definition of a public name. Its module may load names lazily, from a module inside that lists them all."""
    inside = module.partition(".")[2]
    for path in (inside, f"{inside}.author"):
        found = (_load_package()[path] if path else _load_package()).members.get(name)
        if found is not None:
            return found.final_target if isinstance(found, griffe.Alias) else found
    raise ValueError(f"{module} lists {name!r}, of which griffe finds no definition")


def _get_home(name: str) -> str:
    """The module whose page documents a name: where it is defined, or the first that exports it."""
    exporting = [module for module in MODULES if name in _list_names(module)]
    path = _find(exporting[0], name).path
    return next((m for m in exporting if m != PACKAGE and path.startswith(f"{m}.")), exporting[0])


def link_name(name: str) -> str:
    """A link from a page of the reference to a public name."""
    home = _get_home(name)
    return f"[`{name}`]({get_page_name(home)}#{name.lower()})"


def _link_names(module: str) -> str:
    return ", ".join(link_name(name) for name in _list_names(module))


def _format_sections(module: str) -> Iterator[str]:
    elsewhere = [name for name in _list_names(module) if _get_home(name) != module]
    if elsewhere:
        yield "Also available here: " + ", ".join(link_name(name) for name in elsewhere) + "."
    for name in _list_names(module):
        if name not in elsewhere:
            yield _format_section(name, _find(module, name))


def _format_section(name: str, thing: griffe.Object) -> str:
    parts = [f"## `{name}`", _format_code(thing), *_format_docstring(thing), *_format_members(thing)]
    return "\n\n".join(filter(None, parts))


def _format_code(thing: griffe.Object) -> str:
    """The signature; for a class also its bases; nothing for a module."""
    if isinstance(thing, griffe.Module):
        return ""
    lines = [_format_signature(thing)]
    if isinstance(thing, griffe.Class):
        bases = ", ".join(str(base) for base in thing.bases)
        lines = [f"class {thing.name}" + (f"({bases})" if bases else ""), *filter(None, lines)]
    folded = (fill(line, 100, subsequent_indent="    ", break_long_words=False) for line in lines)
    return "\n".join(["```python", *folded, "```"])


def _format_docstring(thing: griffe.Object | griffe.Alias) -> Iterator[str]:
    if thing.docstring:
        yield format_prose(thing.docstring.value)


def _format_members(thing: griffe.Object) -> Iterator[str]:
    """A list of the methods of a class, or functions of a module, and of documented attributes."""
    own = (m for m in thing.members.values() if not (thing.is_module and m.is_alias))
    shown = [m for m in own if _is_public(m.name) and (m.is_function or m.docstring)]
    items = [": ".join([f"`{_format_signature(member)}`", *_format_docstring(member)]) for member in shown]
    if (thing.is_class or thing.is_module) and items:
        yield "\n".join("- " + indent(item, "  ").lstrip() for item in items)


def _is_public(name: str) -> bool:
    return name[0] != "_" or name == "__call__"


def _format_signature(thing: griffe.Object | griffe.Alias) -> str:
    """The signature on one line; for a class that of its constructor, empty if there is none."""
    if isinstance(thing, griffe.Class | griffe.Function):
        return thing.signature(name=thing.name)
    annotation = f": {thing.annotation}" if isinstance(thing, griffe.Attribute) and thing.annotation else ""
    value = f" = {thing.value}" if isinstance(thing, griffe.Attribute) and thing.value is not None else ""
    return f"{thing.name}{annotation}{value}"
