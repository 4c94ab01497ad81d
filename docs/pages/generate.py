"""All generated pages of the reference."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from vimae_bench.plugin import catalog
from vimae_bench.plugin.manager import find_plugins
from vimae_bench.reports.plugin_reference import KIND_TITLES, format_plugin_reference

from . import commands, hooks, interface, odd_data

FOLDER = Path(__file__).parents[1] / "reference"


def make_kind_page(kind: str) -> str:
    """The page of a kind of plugin, with the built-in plugins only."""
    built_in = [origin for origin in find_plugins() if origin.distribution == "vimae-bench"]
    return format_plugin_reference(kind, catalog.build_catalog(built_in))


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands.make_page,
    "hooks.md": hooks.make_page,
    "odd-data.md": odd_data.make_page,
    interface.get_page_name(interface.PACKAGE): interface.make_overview,
    **{
        interface.get_page_name(module): partial(interface.make_module_page, module)
        for module in interface.MODULES
        if module != interface.PACKAGE
    },
    **{f"{kind}s.md": partial(make_kind_page, kind) for kind in KIND_TITLES},
}
"""Functions that make the pages, by file name."""


def main() -> None:
    """Write the pages that have changed."""
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(path)
