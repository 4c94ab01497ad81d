"""The page of the hooks: of each its signature and what it is for."""

import inspect

from vimae_bench.plugin import hookspecs as hooks

from .markdown import MADE, block, joined, prose

HEAD = """By these a plugin enters: one for each kind, and all of one shape. Each gives names, and what makes a plugin
of that name, usually a class whose settings are the arguments of its constructor. A module may implement several; it
marks them with `vimae_bench.hookimpl`, and its package names it in an entry point:

    [project.entry-points.vimae_bench]
    my-plugin = "my_module"

What each kind has to do is in the [Python interface](api.md), how to write one in the [how-to
pages](../how-to/plugins.md)."""
HOW_TO = ("prior", "divergence", "architecture", "objective", "metric", "dataset")
"""Kinds with a page of their own."""


def page() -> str:
    """The page in markdown."""
    return joined(["# Hooks", MADE, HEAD, *(_section(kind, hook) for kind, hook in hooks.HOOKS.items())])


def _section(kind: str, hook: str) -> str:
    function = getattr(hooks, hook)
    gives: str = function.__annotations__["return"]
    name = gives.rpartition(" ")[2].rstrip("]")
    guide = f"{kind}.md" if kind in HOW_TO else "plugins.md#executors-and-reporters"
    told = f"{prose(inspect.getdoc(function) or '')} Each makes a plugin of the kind [`{name}`](api.md#{name.lower()})"
    return "\n\n".join([f"## `{hook}`", block(f"def {hook}() -> {gives}:"), f"{told}; [how to](../how-to/{guide})."])
