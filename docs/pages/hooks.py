"""The page of the hooks, with their signatures and purposes."""

import inspect

from vimae_bench.plugin import hookspecs

from .interface import link_name
from .markdown import GENERATED, format_code, format_prose, join_parts

HEAD = """A package provides plugins by implementing hooks. Each hook returns a mapping from names to plugins or their
factories, usually classes whose settings are the arguments of the constructor. A module may implement several hooks; it
marks them with `vimae_bench.hookimpl`, and its package names the module in an entry point:

    [project.entry-points.vimae_bench]
    my-plugin = "my_module"

The [how-to pages](../how-to/plugins.md) explain how to write each kind of plugin."""
HOW_TO = ("prior", "divergence", "architecture", "objective", "metric", "picture", "dataset")
"""Kinds with their own page."""
OTHER_GUIDES = {
    "executor": "executors-and-reporters",
    "reporter": "executors-and-reporters",
    "preset": "presets-and-schedules",
    "schedule": "presets-and-schedules",
}
"""Sections of `plugins.md` for other hooks."""


def make_page() -> str:
    """The page in Markdown."""
    return join_parts(["# Hooks", GENERATED, HEAD, *map(_format_section, _list_hooks())])


def _list_hooks() -> list[str]:
    return [name for name in vars(hookspecs) if name.startswith("vimae_")]


def _format_section(hook: str) -> str:
    function = getattr(hookspecs, hook)
    returned: str = function.__annotations__["return"]
    interface = returned.rpartition(" ")[2].rstrip("]")
    kind = hook.removeprefix("vimae_").removesuffix("s")
    guide = f"{kind}.md" if kind in HOW_TO else f"plugins.md#{OTHER_GUIDES[kind]}"
    links = f"Interface: {link_name(interface)}; see [how to write one](../how-to/{guide})."
    text = f"{format_prose(inspect.getdoc(function) or '')} {links}"
    return "\n\n".join([f"## `{hook}`", format_code(f"def {hook}() -> {returned}:"), text])
