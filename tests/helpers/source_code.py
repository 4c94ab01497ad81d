"""The source code of the packages, parsed: who imports what, and what classes and functions are called."""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = {"vimae_bench": ROOT / "vimae_bench", "vimae_builtin": ROOT / "plugins" / "vimae_builtin"}

Graph = Mapping[str, frozenset[str]]


@cache
def parse_modules() -> dict[str, ast.Module]:
    """The syntax tree of every module, by its dotted name; that of a package is the one of its `__init__`."""
    return {
        ".".join((package, *path.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__"): ast.parse(
            path.read_text(encoding="utf-8")
        )
        for package, folder in PACKAGES.items()
        for path in sorted(folder.rglob("*.py"))
    }


@cache
def make_import_graph() -> Graph:
    """What each module imports of the others, also within functions and for type checking."""
    modules = parse_modules()
    return {name: frozenset(_find_imports(name, tree, modules)) - {name} for name, tree in modules.items()}


def _find_imports(name: str, tree: ast.Module, modules: Mapping[str, ast.Module]) -> Iterator[str]:
    is_package = any(other.startswith(f"{name}.") for other in modules)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            base = name.split(".")[: len(name.split(".")) - node.level + is_package] if node.level else []
            target = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                if f"{target}.{alias.name}" in modules:
                    yield f"{target}.{alias.name}"
                elif target in modules:
                    yield target


def merge_modules(graph: Graph, depth: int) -> Graph:
    """The graph of the folders at this depth: of `vimae_bench.engine.step.graph` the first so many names."""
    merged: dict[str, frozenset[str]] = {}
    for name, imported in graph.items():
        folder = ".".join(name.split(".")[:depth])
        targets = {".".join(other.split(".")[:depth]) for other in imported}
        merged[folder] = merged.get(folder, frozenset()) | targets - {folder}
    return merged


def find_circles(graph: Graph) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others."""
    reachable = {name: _find_reachable(graph, name) for name in graph}
    circles = {frozenset(b for b in reachable[a] if a in reachable[b]) for a in graph if a in reachable[a]}
    return sorted(sorted(circle) for circle in circles)


def _find_reachable(graph: Graph, start: str) -> set[str]:
    found: set[str] = set()
    left = list(graph[start])
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left.extend(graph.get(name, ()))
    return found
